"""Kernel files: what a file that a VMM or a boot loader starts is, and what it holds.

The one reader of them: formats, compressions, the PVH note, the config that a kernel carries.
"""

from ingot.kernel_file.decompress import (
    Compression,
    DecompressError,
    compression_of,
    decompress,
)
from ingot.kernel_file.formats import Format
from ingot.kernel_file.kernel import (
    KernelFile,
    embedded_config,
    headers_unreadable,
    read_bootable,
    read_kernel,
)
from ingot.kernel_file.pvh_note import pvh_note

__all__ = [
    "Compression",
    "DecompressError",
    "Format",
    "KernelFile",
    "compression_of",
    "decompress",
    "embedded_config",
    "headers_unreadable",
    "pvh_note",
    "read_bootable",
    "read_kernel",
]
