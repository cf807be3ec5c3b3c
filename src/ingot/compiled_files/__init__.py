"""The source files of a kernel: what was compiled into vmlinux and into each module."""

from ingot.compiled_files.compiled_files import CompiledFiles

__all__ = ["CompiledFiles"]
