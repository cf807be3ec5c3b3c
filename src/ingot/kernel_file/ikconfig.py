"""The config that is embedded in a kernel with CONFIG_IKCONFIG: gzip data between two markers.

Sources: kernel, kernel/configs.c and scripts/extract-ikconfig.

    IKCFG_ST  gzip of the .config  IKCFG_ED
"""

from __future__ import annotations

import itertools
import re

from ingot.kernel_file.decompress import (
    KERNEL_BYTES,
    MAGIC,
    DecompressError,
    KernelCompression,
    decompress,
)
from ingot.kernel_file.failure import TooLargeError
from ingot.kernel_file.formats import Content

_START, _END = b"IKCFG_ST", b"IKCFG_ED"
_CONFIG_BYTES = 4 << 20
"""The limit of a config, in bytes; those of distributions have some 300 KiB."""
_TRIED = 8
"""How many matches of each compression's magic number are tried."""
_SEARCH_BYTES = 2 * KERNEL_BYTES
"""The limit of bytes that a search decompresses: the magic numbers may occur in many places."""


def config_within(kernel: Content) -> str | None:
    """The config embedded in a decompressed kernel; None if it has none, or a damaged one."""
    start = kernel.find(_START + MAGIC[KernelCompression.GZIP])
    end = kernel.find(_END, start)
    if start < 0 or end < 0:
        return None
    try:
        text = decompress(kernel[start + len(_START) : end], KernelCompression.GZIP, _CONFIG_BYTES)
    except DecompressError:
        return None
    return text.decode("utf-8", errors="replace")


def search_config(content: Content) -> str | None:
    """The config of a kernel that is compressed anywhere in a file of an unknown format."""
    left = _SEARCH_BYTES
    view = memoryview(content)
    for compression, magic in MAGIC.items():
        for match in itertools.islice(re.finditer(re.escape(magic), content), _TRIED):
            limit = min(left, KERNEL_BYTES)
            try:
                kernel = decompress(view[match.start() :], compression, limit)
            except TooLargeError:
                left -= limit
                continue
            except DecompressError:
                continue  # a magic number by chance
            left -= len(kernel)
            if (text := config_within(kernel)) is not None:
                return text
    return None
