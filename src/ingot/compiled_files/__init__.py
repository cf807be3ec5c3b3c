"""The source files of a kernel: what was compiled into vmlinux and into each module."""

from ingot.compiled_files.compiled_files import CompiledFiles
from ingot.compiled_files.documents import from_json, to_json
from ingot.compiled_files.recording import find_compiled_files
from ingot.compiled_files.switched_off import files_switched_off

__all__ = ["CompiledFiles", "files_switched_off", "find_compiled_files", "from_json", "to_json"]
