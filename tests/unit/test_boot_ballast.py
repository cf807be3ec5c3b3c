"""The ballast: real gzip, worth unpacking, and the same bytes on every machine."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from ingot.boot.cost.fixed_gzip import NAME, _Bits, make_fixed_gzip
from ingot.digest import Digest

GOLDEN = "2b48a7e236339e4bd813f835a25031bb5dcabca82d2b4210b30e35000ff4f61e"


@pytest.fixture(scope="module")
def ballast() -> bytes:
    return make_fixed_gzip()


def test_it_is_the_same_everywhere(ballast: bytes) -> None:
    assert Digest.of(ballast).hex == GOLDEN


def test_it_is_a_mebibyte_that_unpacks_to_twice_as_much(ballast: bytes) -> None:
    assert 1 << 20 <= len(ballast) < (1 << 20) + 4096
    assert 1.8 < len(gzip.decompress(ballast)) / len(ballast) < 2.2


def test_the_checks_of_gzip_hold(ballast: bytes) -> None:
    unpacker = zlib.decompressobj(wbits=31)
    unpacker.decompress(ballast)
    assert unpacker.eof and unpacker.unused_data == b""
    broken = bytearray(ballast)
    broken[-8] ^= 1
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(bytes(broken))


@pytest.mark.skipif(not shutil.which("cpio"), reason="cpio is not installed")
def test_cpio_reads_it(ballast: bytes, tmp_path: Path) -> None:
    done = subprocess.run(
        ["cpio", "-t", "--quiet"], input=gzip.decompress(ballast), capture_output=True, check=True
    )
    assert NAME.lstrip("/") in done.stdout.decode().splitlines()


@pytest.mark.parametrize(
    "distance", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 255, 256, 257, 4095, 4096]
)
def test_any_distance_that_is_copied_from_is_told_right(distance: int) -> None:
    plain = bytes(range(256)) * 16
    bits = _Bits()
    bits.add(0b011, 3)  # the last block, fixed codes
    for byte in plain:
        bits.add_symbol(byte)
    bits.add_symbol(257)
    bits.add_distance(distance)
    bits.add_symbol(256)
    expected = bytearray(plain)
    for _ in range(3):
        expected.append(expected[-distance])
    assert zlib.decompress(bits.to_bytes(), wbits=-15) == bytes(expected)
