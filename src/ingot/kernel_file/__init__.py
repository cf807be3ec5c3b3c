"""Reads kernel files, as VMMs and boot loaders load them.

This package is the only reader of kernel files: their formats and compressions, the PVH note, and
the embedded config.
"""

from ingot.kernel_file.decompress import (
    DecompressError,
    KernelCompression,
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
    "DecompressError",
    "Format",
    "KernelCompression",
    "KernelFile",
    "compression_of",
    "decompress",
    "embedded_config",
    "headers_unreadable",
    "pvh_note",
    "read_bootable",
    "read_kernel",
]
