"""Reading tars: what honest programs write, as tarfile reads it, and what nobody honest writes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.errors import UserError
from ingot.oci.limits import EXTENSION_BYTES, EXTENSIONS
from ingot.oci.tar import BLOCK, TarError, TarHeader, TarReader
from tests.support.tar_blocks import END, header, padded, pax

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def read(data: bytes, step: int = 1 << 16) -> list[tuple[TarHeader, bytes]]:
    reader = TarReader(data[at : at + step] for at in range(0, len(data), step))
    found = [(header, b"".join(reader.content())) for header in reader]
    reader.drain()
    return found


FILE = header("file", size=4) + padded(b"text")

names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=40)
paths = st.lists(names, min_size=1, max_size=6).map("/".join)


@given(
    paths,
    st.binary(max_size=1500),
    st.integers(0, 0o7777),
    st.integers(-1000, 1 << 35),
    st.sampled_from(FORMATS[1:]),
    st.integers(1, 2000),
)
def test_a_file_is_read_as_tarfile_wrote_it(
    name: str, content: bytes, mode: int, mtime: int, form: int, step: int
) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), mode, mtime
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        tar.addfile(info, io.BytesIO(content))
    ((found, text),) = read(data.getvalue(), step)
    assert (found.name, found.kind, found.size) == (name, b"0", len(content))
    assert (found.mode, found.mtime, text) == (mode, mtime, content)


@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_and_long_names_are_read_in_every_format(form: int) -> None:
    long = "/".join(["folder"] * 30) + "/file"
    kinds = [
        ("dir/", tarfile.DIRTYPE, ""),
        ("link", tarfile.SYMTYPE, "t" * 90),
        ("hard", tarfile.LNKTYPE, "file"),
        ("null", tarfile.CHRTYPE, ""),
        ("pipe", tarfile.FIFOTYPE, ""),
        (long, tarfile.REGTYPE, ""),
    ]
    if form != tarfile.USTAR_FORMAT:
        kinds.append(("far", tarfile.SYMTYPE, "t/" * 300))
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        for name, kind, target in kinds:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    assert [(found.name, found.kind, found.target) for found, _ in read(data.getvalue())] == kinds


@pytest.mark.parametrize("form", ["v7", "ustar", "gnu", "oldgnu", "pax"])
def test_what_gnu_tar_writes_is_read(tmp_path: Path, form: str) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"x" * 70_000)
    (root / "a/link").symlink_to("b/file")
    words = ["tar", "-C", str(root), f"--format={form}", "-cf", "-", "a"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    found = {header.name.rstrip("/"): (header.kind, text) for header, text in read(data)}
    assert found == {
        "a": (b"5", b""),
        "a/b": (b"5", b""),
        "a/b/file": (b"0", b"x" * 70_000),
        "a/link": (b"2", b""),
    }


def test_names_that_are_not_utf8_keep_their_bytes() -> None:
    ((found, _),) = read(header("caf\udce9") + END)
    assert found.name.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_a_size_in_a_pax_header_counts() -> None:
    data = pax(("size", b"4"), ("path", b"other")) + header("file") + padded(b"text") + FILE + END
    assert [(found.name, text) for found, text in read(data)] == [
        ("other", b"text"),
        ("file", b"text"),
    ]


def test_a_global_header_changes_nothing() -> None:
    data = pax(("comment", b"of git"), ("mtime", b"9"), kind=b"g") + FILE + END
    ((found, _),) = read(data)
    assert (found.name, found.mtime) == ("file", 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * BLOCK,
        FILE[:100],
        FILE[:600],
        header("file", size=9) + b"short",
        FILE[:100] + b"\xff" + FILE[101:],  # the checksum
        pax(("path", b"x")),  # and nothing after it
        pax(("path", b"x")) + END,
        pax(("path", b"a\0b")) + FILE,
        pax(("linkpath", b"a\0b")) + header("l", b"2", linkname="x"),
        pax(("size", b"-5")) + FILE,
        pax(("size", b"9" * 5000)) + FILE,
        pax(("size", b"inf")) + FILE,
        pax(("mtime", b"inf")) + FILE,
        pax(("mtime", b"nan")) + FILE,
        pax(("mtime", b"1e400")) + FILE,
        pax(("mtime", b"9" * 13)) + FILE,
        pax(("mtime", b"0x10")) + FILE,
        header("x", b"x", 5) + padded(b"3 a=b"),
        header("x", b"x", 6) + padded(b"99 a=b"),
        header("x", b"x", 6) + padded(b"-6 a=b"),
        header("x", b"x", 6) + padded(b"06ab\n\n"),
        header("x", b"x", 9) + padded(b"9 abcdef\n"),
        header("file", mtime=1 << 50),
        header("file", mtime=-(1 << 50)),
        b"file" + bytes(120) + b"\x80" + b"\xff" * 11 + bytes(12) + FILE[148:],
    ],
)
def test_what_no_program_writes_is_damage(data: bytes) -> None:
    with pytest.raises(TarError):
        read(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (header("x", b"S", 10), "sparse"),
        (pax(("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"9" * 18)) + FILE, "sparse"),
        (pax(("GNU.sparse.size", b"1"), ("GNU.sparse.map", b"0,1")) + FILE, "sparse"),
        (header("x", b"x", EXTENSION_BYTES + 1), "a header of 1,048,577 bytes"),
        (header("x", b"g", 1 << 40), "a header of"),
        (header("x", b"L", 1 << 62), "a header of"),
        (header("x", b"K", 1 << 30), "a header of"),
        (pax(("mtime", b"1")) * 5000 + FILE, f"more than {EXTENSIONS} headers"),
        (pax(("comment", b"1"), kind=b"g") * 5000 + FILE, f"more than {EXTENSIONS} headers"),
        ((header("x", b"L", 4) + padded(b"name")) * 5000, f"more than {EXTENSIONS} headers"),
        (pax(("path", b"x"), kind=b"g") + FILE, "sets path for all"),
        (pax(("size", b"0"), kind=b"g") + FILE, "sets size for all"),
        (header("x", b"V"), "of the type"),
        (header("x", b"M", 10), "of the type"),
        (header("x", b"D", 10), "of the type"),
        (header("x", b"Q"), "of the type"),
    ],
)
def test_what_layers_may_not_have_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read(data)


@given(st.binary(max_size=2000), st.integers(0, BLOCK - 1), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(rest: bytes, at: int, byte: int) -> None:
    block = FILE[:at] + bytes([byte]) + FILE[at + 1 :]
    for data in (rest, block + rest, pax(("path", rest)) + FILE):
        try:
            read(data)
        except (TarError, UserError):
            continue
