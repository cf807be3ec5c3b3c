"""Decompressing: one form, told beforehand, from the first byte to the last."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.source.transfer import tarball_compression
from ingot.source.transfer.tarball_compression import (
    DamagedError,
    PlainTar,
    TarballCompression,
    decompressed,
    form_of,
)

DATA = bytes(range(256)) * 20_000
XZ, GZIP = lzma.compress(DATA, preset=0), gzip.compress(DATA, 1, mtime=0)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def plain(form: TarballCompression, data: bytes, size: int = 1000) -> bytes:
    return b"".join(decompressed(form, pieces(data, size)))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 24])
@pytest.mark.parametrize(
    ("form", "data", "times"),
    [
        (TarballCompression.XZ, lzma.compress(b"abc" * 50), 1),
        (TarballCompression.XZ, lzma.compress(b"abc" * 50) * 2, 2),
        (TarballCompression.XZ, lzma.compress(b"abc" * 50) + bytes(8), 1),
        (
            TarballCompression.XZ,
            lzma.compress(b"abc" * 50) + bytes(4) + lzma.compress(b"abc" * 50),
            2,
        ),
        (TarballCompression.GZIP, gzip.compress(b"abc" * 50, mtime=0), 1),
        (TarballCompression.GZIP, gzip.compress(b"abc" * 50, mtime=0) * 3, 3),
        (TarballCompression.GZIP, gzip.compress(b"abc" * 50, mtime=0) + bytes(5), 1),
        (TarballCompression.TAR, b"abc" * 50, 1),
    ],
)
def test_whole_files(form: TarballCompression, data: bytes, times: int, size: int) -> None:
    assert plain(form, data, size) == b"abc" * 50 * times


@pytest.mark.parametrize("size", [1000, 1 << 20])
@pytest.mark.parametrize(
    ("form", "data"), [(TarballCompression.XZ, XZ), (TarballCompression.GZIP, GZIP)]
)
def test_much_comes_in_small_pieces(form: TarballCompression, data: bytes, size: int) -> None:
    found = list(decompressed(form, pieces(data, size)))
    assert b"".join(found) == DATA
    assert max(map(len, found)) <= 1 << 20


@pytest.mark.parametrize("size", [1, 1 << 24])
@pytest.mark.parametrize(
    ("form", "data"),
    [
        (TarballCompression.XZ, lzma.compress(b"x", lzma.FORMAT_ALONE)),
        (TarballCompression.XZ, gzip.compress(b"x", mtime=0)),
        (TarballCompression.XZ, b"x" * 1024),
        (TarballCompression.XZ, b""),
        (TarballCompression.XZ, lzma.compress(b"x")[:-1]),
        (TarballCompression.XZ, lzma.compress(b"x") + b"x"),
        (TarballCompression.XZ, lzma.compress(b"x") + bytes(3)),
        (TarballCompression.XZ, lzma.compress(b"x") + bytes(3) + lzma.compress(b"x")),
        (TarballCompression.XZ, lzma.compress(b"x") + lzma.compress(b"x", lzma.FORMAT_ALONE)),
        (TarballCompression.XZ, lzma.compress(b"x") + lzma.compress(b"x")[:-4]),
        (TarballCompression.XZ, bytes(4) + lzma.compress(b"x")),
        (TarballCompression.GZIP, lzma.compress(b"x")),
        (TarballCompression.GZIP, gzip.compress(b"x", mtime=0)[:-1]),
        (TarballCompression.GZIP, gzip.compress(b"x", mtime=0) + b"x"),
        (TarballCompression.GZIP, gzip.compress(b"x", mtime=0) + bytes(1) + b"x"),
        (TarballCompression.GZIP, gzip.compress(b"x", mtime=0) + lzma.compress(b"x")),
        (TarballCompression.GZIP, b""),
    ],
)
def test_what_is_not_wholly_of_its_form(form: TarballCompression, data: bytes, size: int) -> None:
    with pytest.raises(DamagedError):
        plain(form, data, size)


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball_compression, "MAX_MEMORY", 1 << 16)
    with pytest.raises(DamagedError, match="emory"):
        plain(TarballCompression.XZ, XZ)


def test_it_is_hashed_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "linux.tar.xz"
    path.write_bytes(XZ)
    offsets: list[int] = []
    tar = PlainTar(path, TarballCompression.XZ, offsets.append)
    assert len(next(iter(tar))) > 0  # whoever reads may stop before the end
    assert tar.finish() == (Digest.of(XZ), Digest.of(DATA))
    assert offsets[-1] == len(XZ)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball_compression, "MAX_BYTES", 10_000_000)
    for form, data in (
        (TarballCompression.XZ, lzma.compress(bytes(50_000_000))),
        (TarballCompression.TAR, bytes(10_000_001)),
    ):
        path = tmp_path / "bomb"
        path.write_bytes(data)
        with pytest.raises(VerificationError, match="more than"):
            PlainTar(path, form).finish()


def test_a_file_of_the_users_is_looked_at_once(tmp_path: Path) -> None:
    tar = bytes(257) + b"ustar" + bytes(250)
    for head, form in (
        (XZ, TarballCompression.XZ),
        (GZIP, TarballCompression.GZIP),
        (tar, TarballCompression.TAR),
    ):
        assert form_of(head[:512], tmp_path) is form
    assert form_of(b"\x28\xb5\x2f\xfd", tmp_path) is TarballCompression.ZSTD
    for head in (b"", b"<html>", lzma.compress(b"x", lzma.FORMAT_ALONE)):
        with pytest.raises(UserError, match="not a tarball"):
            form_of(head, tmp_path)
