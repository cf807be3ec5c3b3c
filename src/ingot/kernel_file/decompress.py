"""Decompresses kernels in memory, with limits, in every compression that the kernel build supports.

Sources: the kernel's init/Kconfig ("Kernel compression mode"), scripts/Makefile.lib (the commands)
and scripts/extract-ikconfig (the magic numbers).

The kernel's build appends the decompressed size, four bytes, to most of them, and a signature for
a boot loader may follow. So any bytes after the end of the compressed data are ignored.
"""

from __future__ import annotations

import bz2
import enum
import lzma
import zlib
from collections.abc import Callable, Mapping

from ingot.kernel_file import lz4_legacy, lzop
from ingot.kernel_file.failure import DecompressError, cut_off, too_large

KERNEL_BYTES = 256 << 20
"""The limit of a decompressed kernel, in bytes; distributions' kernels have some 80 MiB."""

_XZ_MEMORY = 256 << 20
"""The kernel's build uses a dictionary of at most 128 MiB (scripts/xz_wrap.sh)."""

_ZSTD_WINDOW = 128 << 20
"""The window of `zstd -22 --ultra`, which the kernel's build runs."""

_ZSTD_STEP = 1 << 10
"""Bytes passed to zstd at once. Four bytes can become 128 KiB (RFC 8878, "RLE_Block")."""

_GZIP_ONLY = 16 + zlib.MAX_WBITS

__all__ = ["KERNEL_BYTES", "DecompressError", "KernelCompression", "compression_of", "decompress"]


class KernelCompression(enum.Enum):
    """The compression of a kernel; the value is its name in messages."""

    GZIP = "gzip"
    XZ = "xz"
    LZMA = "lzma"
    BZIP2 = "bzip2"
    LZO = "lzo"
    LZ4 = "lz4"
    ZSTD = "zstd"


MAGIC: Mapping[KernelCompression, bytes] = {
    KernelCompression.GZIP: b"\x1f\x8b\x08",
    KernelCompression.XZ: b"\xfd7zXZ\x00",
    KernelCompression.LZMA: b"\x5d\x00\x00\x00",  # properties, and a dictionary of 16 MiB or more
    KernelCompression.BZIP2: b"BZh",
    KernelCompression.LZO: lzop.MAGIC,
    KernelCompression.LZ4: lz4_legacy.MAGIC,
    KernelCompression.ZSTD: b"\x28\xb5\x2f\xfd",
}
"""The first bytes of compressed data."""

_LONGEST_MAGIC = max(map(len, MAGIC.values()))


def compression_of(head: bytes) -> KernelCompression | None:
    """The compression of data that begins with `head`; None if it is not compressed."""
    return next((each for each, magic in MAGIC.items() if head.startswith(magic)), None)


def decompress(data: bytes | memoryview, compression: KernelCompression, limit: int) -> bytes:
    """Decompress the stream at the start of `data`, to at most `limit` bytes.

    Raises DecompressError if it is damaged, truncated, or larger.
    """
    try:
        return _DECOMPRESSORS[compression](memoryview(data), limit)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
        raise DecompressError(f"it is damaged: {error}") from error


def _gunzip(data: memoryview, limit: int) -> bytes:
    decoder = zlib.decompressobj(_GZIP_ONLY)
    return _whole(decoder.decompress(data, limit + 1), limit, ended=decoder.eof)


def _unxz(data: memoryview, limit: int) -> bytes:
    return _unlzma_of(lzma.FORMAT_XZ, data, limit)


def _unlzma(data: memoryview, limit: int) -> bytes:
    return _unlzma_of(lzma.FORMAT_ALONE, data, limit)


def _unlzma_of(container: int, data: memoryview, limit: int) -> bytes:
    decoder = lzma.LZMADecompressor(format=container, memlimit=_XZ_MEMORY)
    return _whole(decoder.decompress(data, limit + 1), limit, ended=decoder.eof)


def _bunzip2(data: memoryview, limit: int) -> bytes:
    decoder = bz2.BZ2Decompressor()
    return _whole(decoder.decompress(data, limit + 1), limit, ended=decoder.eof)


def _unzstd(data: memoryview, limit: int) -> bytes:
    import zstandard  # only here: importing it is slow

    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    pieces, size = [], 0
    try:
        for start in range(0, len(data), _ZSTD_STEP):
            pieces.append(decoder.decompress(data[start : start + _ZSTD_STEP]))
            size += len(pieces[-1])
            if decoder.eof or size > limit:
                return _whole(b"".join(pieces), limit, ended=decoder.eof)
    except zstandard.ZstdError as error:
        raise DecompressError(f"it is damaged: {error}") from error
    raise cut_off()


def _whole(content: bytes, limit: int, *, ended: bool) -> bytes:
    if len(content) > limit:
        raise too_large(limit)
    if not ended:
        raise cut_off()
    return content


_DECOMPRESSORS: Mapping[KernelCompression, Callable[[memoryview, int], bytes]] = {
    KernelCompression.GZIP: _gunzip,
    KernelCompression.XZ: _unxz,
    KernelCompression.LZMA: _unlzma,
    KernelCompression.BZIP2: _bunzip2,
    KernelCompression.LZO: lzop.decompress,
    KernelCompression.LZ4: lz4_legacy.decompress,
    KernelCompression.ZSTD: _unzstd,
}
