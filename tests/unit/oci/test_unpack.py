from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ingot.digest import Digest
from ingot.errors import IngotError, UserError, VerificationError
from ingot.oci import (
    EntryKind,
    Image,
    Layer,
    Layout,
    extract,
    list_files,
    read_file,
    read_image,
    validate_image,
    write_image,
)
from ingot.oci.descriptor import LAYER_TYPE
from tests.support.sample_images import LONG_NAME, MTIME, PLATFORM, image

Spec = tuple[str, bytes, str]  # name, tar type, content or link target


def foreign_layer(layout: Layout, specs: list[Spec]) -> Layer:
    """A layer such as some other tool, or somebody hostile, might write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, text in specs:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = kind, 0o4755, MTIME
            if kind == tarfile.REGTYPE:
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
            else:
                info.linkname = text
                tar.addfile(info)
    tar_bytes = buffer.getvalue()
    return Layer(layout.write_blob([gzip.compress(tar_bytes)], LAYER_TYPE), Digest.of(tar_bytes))


@pytest.fixture
def make(layout: Layout) -> Callable[..., Image]:
    def make_image(*layers: list[Spec]) -> Image:
        written = [foreign_layer(layout, specs) for specs in layers]
        return read_image(layout, write_image(layout, written, PLATFORM, {}, {}, 1))

    return make_image


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_what_went_in_comes_out(layout: Layout, tmp_path: Path) -> None:
    sample = read_image(layout, image(layout))
    to = tmp_path / "deep" / "out"
    before = os.umask(0o077)
    try:
        extract(layout, sample, to)
    finally:
        os.umask(before)
    assert (to / "boot/vmlinux").read_bytes() == b"not a kernel\n" * 5000
    assert (to / LONG_NAME).read_bytes() == b"found"
    assert (to / "usr/bin/tool").stat().st_mode == stat.S_IFREG | 0o755
    assert (to / "lib/modules/latest").readlink() == Path("6.1.176")
    for path in to.rglob("*"):
        assert path.lstat().st_mtime == MTIME
        assert not path.is_dir() or stat.S_IMODE(path.stat().st_mode) == 0o755
    assert names(to) == {info.name for info in list_files(layout, sample)}
    assert list((tmp_path / "deep").iterdir()) == [to]


def test_read_and_list(layout: Layout) -> None:
    sample = read_image(layout, image(layout))
    found = {info.name: info for info in list_files(layout, sample)}
    assert found["boot/vmlinux"].size == 65000
    assert found["boot/vmlinux"].mode == 0o644
    assert found["lib/modules/latest"].kind == EntryKind.LINK
    assert found["lib/modules/latest"].target == "6.1.176"
    assert read_file(layout, sample, "/boot/vmlinux") == b"not a kernel\n" * 5000
    for absent in ("boot", "nowhere", "lib/modules/latest"):
        with pytest.raises(UserError, match="has no file"):
            read_file(layout, sample, absent)


REG, DIR, SYM, LNK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE

OVERLAYS: list[tuple[list[list[Spec]], dict[str, str]]] = [
    # a later layer wins
    ([[("a", REG, "1")], [("a", REG, "2")]], {"a": "2"}),
    # whiteouts remove what is below, not what their own layer adds
    ([[("d/a", REG, "1"), ("d/b", REG, "1")], [("d/.wh.a", REG, "")]], {"d/b": "1"}),
    ([[("d/a", REG, "1")], [("d/n", REG, "2"), ("d/.wh..wh..opq", REG, "")]], {"d/n": "2"}),
    (
        [
            [("d/e/a", REG, "1")],
            [("d/e", DIR, ""), ("d/e/b", REG, "2"), ("d/.wh..wh..opq", REG, "")],
        ],
        {"d/e/b": "2"},
    ),
    ([[("d/a", REG, "1"), ("e", REG, "1")], [(".wh.d", REG, "")]], {"e": "1"}),
    ([[("e", REG, "1")], [("gone/.wh.a", REG, "")]], {"e": "1"}),
    # a directory, a file and a link take each other's place
    ([[("a/b", REG, "1")], [("a", REG, "2")]], {"a": "2"}),
    ([[("a", REG, "1")], [("a", DIR, ""), ("a/b", REG, "2")]], {"a/b": "2"}),
    ([[("a", SYM, "/etc")], [("a", DIR, ""), ("a/b", REG, "2")]], {"a/b": "2"}),
    ([[("a", SYM, "/etc/hostname")], [("a", REG, "2")]], {"a": "2"}),
    ([[("a/b", REG, "1")], [("a", SYM, "c"), ("c", REG, "x")]], {"c": "x", "a": "x"}),
    # names from the root, devices left out, hard links within the image
    ([[("./a", REG, "1"), ("/b", REG, "2"), ("./", DIR, "")]], {"a": "1", "b": "2"}),
    ([[("dev/null", tarfile.CHRTYPE, ""), ("f", tarfile.FIFOTYPE, "")]], {}),
    ([[("a", REG, "1"), ("b", LNK, "./a")], [("c", LNK, "a")]], {"a": "1", "b": "1", "c": "1"}),
]


@pytest.mark.parametrize(("layers", "expected"), OVERLAYS)
def test_layers_lie_over_each_other(
    layout: Layout,
    tmp_path: Path,
    make: Callable[..., Image],
    layers: list[list[Spec]],
    expected: dict[str, str],
) -> None:
    made = make(*layers)
    to = tmp_path / "out"
    extract(layout, made, to)
    assert {
        name: (to / name).read_text() for name in names(to) if (to / name).is_file()
    } == expected
    listed = {
        info.name: read_file(layout, made, info.name).decode()
        for info in list_files(layout, made)
        if info.kind in (EntryKind.FILE, EntryKind.HARD_LINK)
    }
    assert listed == {n: t for n, t in expected.items() if not (to / n).is_symlink()}
    assert all(not p.lstat().st_mode & 0o6000 for p in to.rglob("*"))


@pytest.mark.parametrize(
    "layers",
    [
        [[("../out-of-it", REG, "x")]],
        [[("a/../../x", REG, "x")]],
        [[("a", SYM, "/tmp"), ("a/x", REG, "x")]],
        [[("a", SYM, "..")], [("a/x", REG, "x")]],
        [[("a", SYM, "..")], [("a/x", DIR, "")]],
        [[("x", LNK, "../../etc/passwd")]],
        [[("x", LNK, "/etc/passwd")]],
        [[("a", SYM, "/etc"), ("x", LNK, "a/passwd")]],
        [[("a", SYM, "/etc/passwd"), ("x", LNK, "a")]],
        [[("a", REG, "1"), ("a/x", REG, "x")]],
    ],
)
def test_nothing_leaves_the_directory(
    layout: Layout, tmp_path: Path, make: Callable[..., Image], layers: list[list[Spec]]
) -> None:
    before = names(tmp_path / "images")
    made = make(*layers)
    with pytest.raises(UserError):
        extract(layout, made, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"images"}
    assert names(tmp_path / "images") >= before


def test_a_whiteout_does_not_reach_through_a_link(
    layout: Layout, tmp_path: Path, make: Callable[..., Image]
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    for hostile in (".wh.file", ".wh..wh..opq"):
        made = make([("a", SYM, str(victim))], [(f"a/{hostile}", REG, "")])
        extract(layout, made, tmp_path / f"out{hostile}")
    assert (victim / "file").read_text() == "precious"


def test_damage_is_found_and_nothing_kept(layout: Layout, tmp_path: Path) -> None:
    sample = read_image(layout, image(layout))
    path = layout.blobs.path(sample.layers[0].descriptor.digest)
    good = path.read_bytes()
    for place in (0, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        for attempt in (
            lambda: extract(layout, sample, tmp_path / "out"),
            lambda: list_files(layout, sample),
            lambda: read_file(layout, sample, "boot/vmlinux"),
        ):
            with pytest.raises(VerificationError):
                attempt()
    assert {p.name for p in tmp_path.iterdir()} == {"images"}


def test_a_wrong_diff_id_is_found(layout: Layout, tmp_path: Path) -> None:
    right = read_image(layout, image(layout)).layers[0]
    wrong = Layer(right.descriptor, Digest.of(b"other"))
    made = read_image(layout, write_image(layout, [wrong], PLATFORM, {}, {}, 1))
    with pytest.raises(VerificationError, match="diff ID"):
        extract(layout, made, tmp_path / "out")


def test_an_existing_directory_is_left_alone(layout: Layout, tmp_path: Path) -> None:
    sample = read_image(layout, image(layout))
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="exists already"):
        extract(layout, sample, tmp_path / "out")


def test_an_unknown_compression_is_said(layout: Layout, tmp_path: Path) -> None:
    blob = layout.write_blob([b"x"], "application/vnd.oci.image.layer.v1.tar+lz4")
    made = read_image(
        layout, write_image(layout, [Layer(blob, Digest.of(b""))], PLATFORM, {}, {}, 1)
    )
    with pytest.raises(IngotError, match="does not know the type"):
        extract(layout, made, tmp_path / "out")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ],
)
def test_a_layer_of_zstd_is_unpacked(layout: Layout, tmp_path: Path, media_type: str) -> None:
    sample = read_image(layout, image(layout))
    extract(layout, sample, tmp_path / "gzip")
    layers = []
    for layer in sample.layers:
        tar = gzip.decompress(layout.read_blob(layer.descriptor))
        blob = layout.write_blob([zstandard.compress(tar)], media_type)
        layers.append(Layer(blob, layer.diff_id))
    made = read_image(layout, write_image(layout, layers, PLATFORM, {}, {}, 1))
    assert not validate_image(layout, made.descriptor)
    extract(layout, made, tmp_path / "zstd")
    assert names(tmp_path / "zstd") == names(tmp_path / "gzip")
    assert (tmp_path / "zstd/boot/vmlinux").read_bytes() == b"not a kernel\n" * 5000
