"""Decompressing: one form, told beforehand, from the first byte to the last."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.source import compression
from ingot.source.compression import DamagedError, Form, PlainTar, decompressed, form_of

DATA = bytes(range(256)) * 20_000
XZ, GZIP = lzma.compress(DATA, preset=0), gzip.compress(DATA, 1)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def plain(form: Form, data: bytes, size: int = 1000) -> bytes:
    return b"".join(decompressed(form, pieces(data, size)))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 24])
@pytest.mark.parametrize(
    ("form", "data", "times"),
    [
        (Form.XZ, lzma.compress(b"abc" * 50), 1),
        (Form.XZ, lzma.compress(b"abc" * 50) * 2, 2),
        (Form.XZ, lzma.compress(b"abc" * 50) + bytes(8), 1),
        (Form.XZ, lzma.compress(b"abc" * 50) + bytes(4) + lzma.compress(b"abc" * 50), 2),
        (Form.GZIP, gzip.compress(b"abc" * 50), 1),
        (Form.GZIP, gzip.compress(b"abc" * 50) * 3, 3),
        (Form.GZIP, gzip.compress(b"abc" * 50) + bytes(5), 1),
        (Form.TAR, b"abc" * 50, 1),
    ],
)
def test_whole_files(form: Form, data: bytes, times: int, size: int) -> None:
    assert plain(form, data, size) == b"abc" * 50 * times


@pytest.mark.parametrize("size", [1000, 1 << 20])
@pytest.mark.parametrize(("form", "data"), [(Form.XZ, XZ), (Form.GZIP, GZIP)])
def test_much_comes_in_small_pieces(form: Form, data: bytes, size: int) -> None:
    found = list(decompressed(form, pieces(data, size)))
    assert b"".join(found) == DATA
    assert max(map(len, found)) <= 1 << 20


@pytest.mark.parametrize("size", [1, 1 << 24])
@pytest.mark.parametrize(
    ("form", "data"),
    [
        (Form.XZ, lzma.compress(b"x", lzma.FORMAT_ALONE)),
        (Form.XZ, gzip.compress(b"x")),
        (Form.XZ, b"x" * 1024),
        (Form.XZ, b""),
        (Form.XZ, lzma.compress(b"x")[:-1]),
        (Form.XZ, lzma.compress(b"x") + b"x"),
        (Form.XZ, lzma.compress(b"x") + bytes(3)),
        (Form.XZ, lzma.compress(b"x") + bytes(3) + lzma.compress(b"x")),
        (Form.XZ, lzma.compress(b"x") + lzma.compress(b"x", lzma.FORMAT_ALONE)),
        (Form.XZ, lzma.compress(b"x") + lzma.compress(b"x")[:-4]),
        (Form.XZ, bytes(4) + lzma.compress(b"x")),
        (Form.GZIP, lzma.compress(b"x")),
        (Form.GZIP, gzip.compress(b"x")[:-1]),
        (Form.GZIP, gzip.compress(b"x") + b"x"),
        (Form.GZIP, gzip.compress(b"x") + bytes(1) + b"x"),
        (Form.GZIP, gzip.compress(b"x") + lzma.compress(b"x")),
        (Form.GZIP, b""),
    ],
)
def test_what_is_not_wholly_of_its_form(form: Form, data: bytes, size: int) -> None:
    with pytest.raises(DamagedError):
        plain(form, data, size)


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_MEMORY", 1 << 16)
    with pytest.raises(DamagedError, match="emory"):
        plain(Form.XZ, XZ)


def test_it_is_hashed_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "linux.tar.xz"
    path.write_bytes(XZ)
    offsets: list[int] = []
    tar = PlainTar(path, Form.XZ, offsets.append)
    assert len(next(iter(tar))) > 0  # whoever reads may stop before the end
    assert tar.finish() == (Digest.of(XZ), Digest.of(DATA))
    assert offsets[-1] == len(XZ)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_BYTES", 10_000_000)
    for form, data in ((Form.XZ, lzma.compress(bytes(50_000_000))), (Form.TAR, bytes(10_000_001))):
        path = tmp_path / "bomb"
        path.write_bytes(data)
        with pytest.raises(VerificationError, match="more than"):
            PlainTar(path, form).finish()


def test_a_file_of_the_users_is_looked_at_once(tmp_path: Path) -> None:
    tar = bytes(257) + b"ustar" + bytes(250)
    for head, form in ((XZ, Form.XZ), (GZIP, Form.GZIP), (tar, Form.TAR)):
        assert form_of(head[:512], tmp_path) is form
    assert form_of(b"\x28\xb5\x2f\xfd", tmp_path) is Form.ZSTD
    for head in (b"", b"<html>", lzma.compress(b"x", lzma.FORMAT_ALONE)):
        with pytest.raises(UserError, match="not a tarball"):
            form_of(head, tmp_path)
