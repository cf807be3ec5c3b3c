"""Every compression of the kernel's build: whole, cut off, damaged, too large."""

from __future__ import annotations

import bz2
import gzip
import struct
import tracemalloc

import pytest

from ingot.kernel_file import DecompressError, KernelCompression, compression_of, decompress
from tests.support.kernel_files import compress, vmlinux

PLAIN = vmlinux()
LIMIT = 1 << 20
EVERY = pytest.mark.parametrize("compression", KernelCompression, ids=lambda each: each.value)


@EVERY
@pytest.mark.parametrize("after", [b"", struct.pack("<I", len(PLAIN)), b"a signature" * 50])
def test_what_follows_the_end_is_ignored(compression: KernelCompression, after: bytes) -> None:
    packed = compress(PLAIN, compression)
    assert compression_of(packed) is compression
    assert decompress(packed + after, compression, LIMIT) == PLAIN


@EVERY
def test_data_that_is_cut_off_is_an_error(compression: KernelCompression) -> None:
    packed = compress(PLAIN, compression)
    for size in (0, 1, 3, 4, 6, 9, 20, len(packed) // 2, len(packed) - 1):
        with pytest.raises(DecompressError):
            decompress(packed[:size], compression, LIMIT)


@EVERY
def test_a_small_file_with_large_content_is_refused(compression: KernelCompression) -> None:
    packed = compress(bytes(4 * LIMIT), compression)
    with pytest.raises(DecompressError, match="more than 1 MiB"):
        decompress(packed, compression, LIMIT)
    with pytest.raises(DecompressError, match="more than 100 bytes"):
        decompress(compress(bytes(101), compression), compression, 100)
    assert decompress(compress(bytes(100), compression), compression, 100) == bytes(100)


def test_the_limit_holds_while_zstd_decompresses() -> None:
    """A block of zstd is four bytes for 128 KiB of zeros."""
    packed = compress(bytes(256 << 20), KernelCompression.ZSTD)
    tracemalloc.start()
    with pytest.raises(DecompressError, match="more than"):
        decompress(packed, KernelCompression.ZSTD, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 96 << 20


@pytest.mark.parametrize("compression", [each for each in KernelCompression if each.value != "lz4"])
def test_damage_that_a_checksum_shows_is_an_error(compression: KernelCompression) -> None:
    packed = bytearray(compress(PLAIN, compression))
    packed[len(packed) // 2] ^= 0x10
    if compression is KernelCompression.LZMA:  # which has no checksum
        packed[13] ^= 0xFF
    with pytest.raises(DecompressError):
        decompress(bytes(packed), compression, LIMIT)


def test_a_window_larger_than_the_kernels_is_refused() -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0xA8]) + bytes(100)  # a window of 2 GiB
    with pytest.raises(DecompressError, match="damaged"):
        decompress(frame, KernelCompression.ZSTD, LIMIT)


def test_a_dictionary_larger_than_allowed_is_refused() -> None:
    packed = b"\x5d" + struct.pack("<I", 0xFFFFFFFF) + bytes(100)
    with pytest.raises(DecompressError):
        decompress(packed, KernelCompression.LZMA, LIMIT)


def test_several_blocks_of_lz4_are_one_kernel() -> None:
    plain = bytes(20 << 20)
    packed = compress(plain, KernelCompression.LZ4)
    assert (
        decompress(packed + struct.pack("<I", len(plain)), KernelCompression.LZ4, 32 << 20) == plain
    )


def test_blocks_of_lz4_that_are_short_end_the_frame() -> None:
    """Each block reserves 8 MiB: many of one byte would keep a machine busy."""
    packed = compress(b"x", KernelCompression.LZ4)
    assert decompress(packed + packed[4:] * 1000, KernelCompression.LZ4, LIMIT) == b"x"


@pytest.mark.parametrize("size", [(256 << 10) + 1, 0xFFFFFFFF])
def test_a_block_of_lzo_is_no_larger_than_the_kernel_takes(size: int) -> None:
    packed = bytearray(compress(bytes(100), KernelCompression.LZO))
    at = packed.index(struct.pack(">I", 100))
    struct.pack_into(">I", packed, at, size)
    with pytest.raises(DecompressError, match=r"larger than lzop|more than"):
        decompress(bytes(packed), KernelCompression.LZO, LIMIT)


@pytest.mark.parametrize("head", [b"", b"\x1f", b"\x7fELF", b"MZ", b"\x89PNG\x0d\x0a", b"BZ1"])
def test_what_is_not_compressed_is_not_taken_for_it(head: bytes) -> None:
    assert compression_of(head) is None


def test_two_compressions_do_not_begin_alike() -> None:
    found = [compression_of(compress(PLAIN, each)) for each in KernelCompression]
    assert found == list(KernelCompression)
    assert compression_of(bz2.compress(b"")) is KernelCompression.BZIP2
    assert compression_of(gzip.compress(b"")) is KernelCompression.GZIP
