"""Images that somebody made to cost a machine, or to be read in two ways."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import IngotError, UserError
from ingot.oci import (
    Descriptor,
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
from ingot.oci import limits as bounds
from ingot.oci.descriptor import CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE
from ingot.oci.graph import reachable
from ingot.oci.image_documents import IndexDocument, ManifestDocument, parse, read_json
from ingot.oci.layer_compression import read_gzip
from ingot.oci.limits import Allowance
from ingot.oci.path_tree import PathTree
from tests.support.sample_images import PLATFORM, image
from tests.support.tar_blocks import END, header, padded, pax

# Layers


def tar_of(names: Iterable[str], kind: bytes = b"0") -> bytes:
    return b"".join(header(name, kind) for name in names) + END


def layer_of(layout: Layout, tar: bytes, packed: bytes | None = None) -> Layer:
    blob = layout.write_blob([packed or gzip.compress(tar, 1)], LAYER_TYPE)
    return Layer(blob, Digest.of(tar))


def image_of(layout: Layout, *tars: bytes) -> Image:
    layers = [layer_of(layout, tar) for tar in tars]
    return read_image(layout, write_image(layout, layers, PLATFORM, {}, {}, 1))


def refused(layout: Layout, made: Image, to: Path, says: str) -> None:
    """Both readers of layers refuse it, in words, and leave nothing."""
    for attempt in (lambda: list_files(layout, made), lambda: extract(layout, made, to)):
        with pytest.raises(IngotError, match=says):
            attempt()
    assert not to.exists()
    assert [path.name for path in to.parent.iterdir() if path.name.startswith(".")] == []


HOLE = "1000000000000"


def sparse_member() -> bytes:
    """A GNU sparse member: no data, and a size of 1 TB (GNU tar manual, "Sparse Formats")."""
    block = bytearray(header("hole", b"S"))
    block[386:398] = b"00000000000\0"  # an extent at 0
    block[398:410] = b"00000000000\0"  # of no bytes
    block[483:495] = f"{int(HOLE):o}".rjust(11, "0")[-11:].encode() + b"\0"
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block) + END


@pytest.mark.parametrize(
    "tar",
    [
        sparse_member(),
        pax(("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"x"))
        + header("x", size=512)
        + padded(b"99999\n"),
        pax(("GNU.sparse.size", HOLE.encode()), ("GNU.sparse.numblocks", b"0")) + header("x"),
    ],
)
def test_a_sparse_file_is_refused(layout: Layout, tmp_path: Path, tar: bytes) -> None:
    refused(layout, image_of(layout, tar), tmp_path / "out", "sparse file")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/".join("d" * 1500), "no file can have"),
        ("a/" * 201 + "file", "no file can have"),
        ("x" * 256, "no file can have"),
        ("ä" * 128, "no file can have"),
        ("/".join(["y" * 250] * 17), "no file can have"),
        ("d/.wh.", "does not name a file to remove"),
        ("d/.wh..", "does not name a file to remove"),
        ("d/.wh...", "does not name a file to remove"),
        ("a/../" * 3, "outside its own root"),
    ],
)
def test_names_that_no_file_has_are_refused(
    layout: Layout, tmp_path: Path, name: str, says: str
) -> None:
    tar = pax(("path", name.encode())) + header("x") + END
    refused(layout, image_of(layout, tar), tmp_path / "out", says)


def test_names_of_ordinary_depth_and_length_are_fine(layout: Layout, tmp_path: Path) -> None:
    names = ["a/" * 100 + "file", "b/" + "ä" * 100, "c" * 255]
    made = image_of(layout, b"".join(pax(("path", n.encode())) + header("x") for n in names) + END)
    extract(layout, made, tmp_path / "out")
    assert {info.name for info in list_files(layout, made)} == set(names)
    assert all((tmp_path / "out" / name).is_file() for name in names)


@pytest.mark.parametrize("target", [b"", b"t" * 4096])
def test_links_that_lead_to_no_name_are_refused(
    layout: Layout, tmp_path: Path, target: bytes
) -> None:
    tar = pax(("linkpath", target)) + header("l", b"2") + END
    refused(layout, image_of(layout, tar), tmp_path / "out", "with an empty target")


def test_names_that_are_not_utf8_come_out_as_they_are(layout: Layout, tmp_path: Path) -> None:
    made = image_of(layout, tar_of(["caf\udce9"]))
    extract(layout, made, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["caf\udce9"]


@pytest.mark.parametrize("mtime", [b"-62135596800", b"-1", b"0.999999999", b"99999999999"])
def test_times_of_any_age_are_fine(layout: Layout, tmp_path: Path, mtime: bytes) -> None:
    made = image_of(layout, pax(("mtime", mtime)) + header("x") + header("d", b"5") + END)
    extract(layout, made, tmp_path / "out")
    assert (tmp_path / "out/x").exists()


def test_an_image_has_so_many_entries_and_no_more(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = image_of(layout, *[tar_of(f"{layer}/{n}" for n in range(50)) for layer in "ab"])
    assert len(list_files(layout, made)) == 100
    monkeypatch.setattr(Allowance.__init__, "__defaults__", (bounds.IMAGE_BYTES, 99))
    refused(layout, made, tmp_path / "out", "too large to be read")
    assert any("too large" in str(each) for each in validate_image(layout, made.descriptor))


def test_all_layers_together_have_so_many_bytes_and_no_more(layout: Layout, tmp_path: Path) -> None:
    tar = header("zeros", size=1 << 20) + bytes(1 << 20) + END
    made = image_of(layout, tar, tar, tar)
    extract(layout, made, tmp_path / "fine", limit=3 * len(tar))
    with pytest.raises(UserError, match="unpacked"):
        extract(layout, made, tmp_path / "out", limit=3 * len(tar) - 1)
    assert {path.name for path in tmp_path.iterdir()} == {"images", "fine"}


def test_a_file_that_claims_more_than_there_is_costs_nothing(
    layout: Layout, tmp_path: Path
) -> None:
    made = image_of(layout, header("x", size=1 << 50) + END)
    refused(layout, made, tmp_path / "out", "has 1,125,899,906,842,624 bytes")


def test_what_follows_the_tar_counts_too(layout: Layout, tmp_path: Path) -> None:
    tar = tar_of(["a"]) + bytes(1 << 22)
    made = image_of(layout, tar)
    with pytest.raises(UserError, match="unpacked"):
        extract(layout, made, tmp_path / "out", limit=1 << 20)


def test_a_file_is_read_up_to_a_limit(layout: Layout) -> None:
    made = image_of(layout, header("x", size=1000) + padded(b"x" * 1000) + END)
    assert len(read_file(layout, made, "x", 1000)) == 1000
    with pytest.raises(UserError, match="too large to be read"):
        read_file(layout, made, "x", 999)


def test_gzip_members_without_content_cost_what_they_weigh() -> None:
    """zlib copies what is left at each member's end: of the whole chunk, if it is handed that."""
    handed = 0
    real = zlib.decompressobj

    class Counting:
        def __init__(self, window: int) -> None:
            self.inner = real(window)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal handed
            handed += len(data)
            return self.inner.decompress(data, most)

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    data = gzip.compress(b"", 1) * 50_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingot.oci.layer_compression.zlib.decompressobj", Counting)
        assert b"".join(read_gzip([data])) == b""
    assert handed < 1000 * len(data)  # it was 25,000 times that


# Near linear


class Counted(PathTree[int]):
    """Counts the steps from a directory to what is in it."""

    steps = 0

    def _find(self, name: str):  # type: ignore[no-untyped-def]
        type(self).steps += name.count("/") + 1
        return super()._find(name)


def test_listing_does_not_look_at_all_files_for_each(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.oci.contents.PathTree", Counted)
    steps = []
    for count in (500, 1000):
        below = tar_of(f"d{n % 10}/f{n}" for n in range(count))
        above = tar_of(f"d{n % 10}/.wh.f{n}" for n in range(count)) + END
        again = tar_of(f"d{n % 10}/f{n}" for n in range(count))
        Counted.steps = 0
        assert len(list_files(layout, image_of(layout, below, above, again))) == count
        steps.append(Counted.steps)
    assert 0 < steps[1] <= 2.5 * steps[0]


def test_unpacking_lists_a_directory_once_a_layer_however_often_it_is_cleared(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    real = os.listdir

    def count(path: str) -> list[str]:
        listed.append(path)
        return real(path)

    monkeypatch.setattr("ingot.oci.unpack_image.os.listdir", count)
    above = tar_of(["d/new", *["d/.wh..wh..opq"] * 200])
    extract(layout, image_of(layout, tar_of(["d/old"]), above), tmp_path / "out")
    assert len(listed) == 1
    assert [path.name for path in (tmp_path / "out/d").iterdir()] == ["new"]


def test_a_name_tree_forgets_what_is_below() -> None:
    tree: PathTree[int] = PathTree()
    for number, name in enumerate(["", "a", "a/b/c", "a-b", "ab"]):
        tree[name] = number
    assert "a/b" not in tree
    assert (tree.get("a/b/c"), tree.get("a/b"), tree.get("x/y")) == (2, None, None)
    tree.remove("a")
    tree.remove("nothing/here")
    assert dict(tree.items()) == {"": 0, "a-b": 3, "ab": 4}
    tree.remove_below("")
    assert dict(tree.items()) == {"": 0}


# Documents


def manifest(layout: Layout, change: dict[str, object]) -> Descriptor:
    document = json.loads(layout.read_blob(image(layout))) | change
    return layout.write_blob([json.dumps(document).encode()], MANIFEST_TYPE)


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": ["a"]},
        {"annotations": 7},
        {"annotations": {"a": 7}},
        {"annotations": {"a": None}},
        {"layers": {}},
        {"layers": [{"digest": 7, "size": "x", "mediaType": []}]},
        {"config": None},
        {"config": {"mediaType": CONFIG_TYPE, "digest": "sha256:../../x", "size": 1}},
        {"config": {"mediaType": CONFIG_TYPE, "digest": "sha256:" + "a" * 64, "size": -1}},
        {"config": {"mediaType": CONFIG_TYPE, "digest": "sha256:" + "a" * 64, "size": 10**30}},
        {"config": {"mediaType": CONFIG_TYPE, "digest": "sha256:" + "a" * 64, "size": 1.5}},
        {"schemaVersion": "2"},
        {"manifests": []},
        {"mediaType": INDEX_TYPE},
        {"mediaType": "application/vnd.docker.distribution.manifest.v2+json"},
        {"layers": [{"mediaType": LAYER_TYPE, "digest": "sha256:" + "a" * 64, "size": 1}] * 501},
    ],
)
def test_a_manifest_of_another_shape_is_an_error(layout: Layout, change: dict[str, object]) -> None:
    with pytest.raises(IngotError):
        read_image(layout, manifest(layout, change))


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"Labels": ["dev.ingot.release=x"]}},
        {"config": {"Labels": {"dev.ingot.release": 7}}},
        {"config": []},
        {"rootfs": {"type": "layers", "diff_ids": [7]}},
        {"rootfs": {"type": "layers", "diff_ids": ["../../x"]}},
        {"rootfs": {"type": "layers", "diff_ids": []}},
        {"os": 7},
        {"created": "yesterday"},
        {"created": 7},
        {"history": {"created_by": "x"}},
    ],
)
def test_a_config_of_another_shape_is_an_error(layout: Layout, change: dict[str, object]) -> None:
    document = json.loads(layout.read_blob(image(layout)))
    config = json.loads(layout.read_blob(read_image(layout, image(layout)).config)) | change
    blob = layout.write_blob([json.dumps(config).encode()], CONFIG_TYPE)
    with pytest.raises(IngotError):
        read_image(layout, manifest(layout, {**document, "config": blob.to_json()}))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"schemaVersion":2,"schemaVersion":2,"manifests":[]}', "twice"),
        (b'{"schemaVersion":2,"manifests":[],"a":{"b":1,"b":2}}', "twice"),
        (DEEP, "too deep"),
        (b'{"schemaVersion":2,"manifests":' + DEEP + b"}", "too deep"),
        (b'{"schemaVersion":2,"manifests":[],"n":' + b"9" * 5000 + b"}", "4300 digits"),
        (b'{"a":"\xff"}', "decode"),
        (b"", "Expecting value"),
        (b"null", "document"),
        (b'{"schemaVersion":2,"manifests":[],"layers":[]}', "at once"),
        (b'{"schemaVersion":2,"manifests":[],"config":{}}', "at once"),
        (
            json.dumps({"schemaVersion": 2, "manifests": [], "mediaType": MANIFEST_TYPE}).encode(),
            "mediaType",
        ),
    ],
)
def test_an_index_that_can_be_read_in_two_ways_or_none_is_an_error(data: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says):
        parse(IndexDocument, data, "it")


def test_of_many_faults_some_are_told() -> None:
    data = json.dumps({"schemaVersion": 2, "config": {}, "layers": [{}] * 5000}).encode()
    with pytest.raises(UserError, match="and 14,98") as caught:
        parse(ManifestDocument, data, "it")
    assert len(caught.value.why.splitlines()) == bounds.FAULTS_SHOWN + 1


def test_json_of_anybody_is_read_or_refused_with_a_value_error() -> None:
    assert read_json(b'{"a": [1, null]}') == {"a": [1, None]}
    for data in (DEEP, b'{"a":1,"a":1}', b"{", b"\xff", b"1" * 5000):
        with pytest.raises(ValueError):
            read_json(data)


def test_a_document_has_so_many_bytes_and_no_more(layout: Layout) -> None:
    big = layout.write_blob([b" " * (bounds.DOCUMENT_BYTES + 1)], MANIFEST_TYPE)
    with pytest.raises(UserError, match="too large to be read"):
        read_image(layout, big)
    lying = Descriptor(MANIFEST_TYPE, image(layout).digest, 1 << 60)
    with pytest.raises(IngotError):
        read_image(layout, lying)


@pytest.mark.parametrize("kind", ["pipe", "device", "directory"])
def test_a_blob_that_is_not_a_file_is_damage(layout: Layout, kind: str) -> None:
    made = image(layout)
    path = layout.blobs.path(made.digest)
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(IngotError, match="is damaged"):
        read_image(layout, made)


def test_a_manifest_under_another_type_is_not_believed(layout: Layout) -> None:
    made = image(layout)
    other = Descriptor(
        "application/vnd.docker.distribution.manifest.v2+json", made.digest, made.size
    )
    with pytest.raises(UserError, match="has another type than its descriptor"):
        read_image(layout, other)


def index_of(layout: Layout, *entries: Descriptor) -> Descriptor:
    document = {"schemaVersion": 2, "manifests": [entry.to_json() for entry in entries]}
    return layout.write_blob([json.dumps(document).encode()], INDEX_TYPE)


def test_indexes_lie_only_so_deep_within_each_other(layout: Layout) -> None:
    root = image(layout)
    for _ in range(bounds.INDEX_DEPTH):
        root = index_of(layout, root)
    assert len(list(reachable(layout.blobs, root))) == bounds.INDEX_DEPTH + 3
    assert validate_image(layout, root) == []
    for _ in range(50):
        root = index_of(layout, root)
    with pytest.raises(UserError, match="lists too many blobs"):
        list(reachable(layout.blobs, root))
    assert not layout.is_complete(root)
    assert "deep in other indexes" in str(validate_image(layout, root))


def test_an_index_that_lists_one_image_many_times_is_looked_through_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = image(layout)
    for _ in range(bounds.INDEX_DEPTH):
        root = index_of(layout, *[root] * 30)  # 810,000 ways to the image
    read: list[Digest] = []
    real = Layout.read_blob

    def count(self: Layout, descriptor: Descriptor, *limit: int) -> bytes:
        read.append(descriptor.digest)
        return real(self, descriptor, *limit)

    monkeypatch.setattr(Layout, "read_blob", count)
    assert validate_image(layout, root) == []
    assert len(read) < 20


def test_a_list_of_tags_has_so_many_bytes_and_no_more(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    image(layout)
    monkeypatch.setattr("ingot.oci.layout.STORE_INDEX_BYTES", 100)
    (layout.root / "index.json").write_bytes(b" " * 101)
    with pytest.raises(UserError, match="cannot be used as an image store"):
        layout.tags()


def test_tarfile_is_of_one_mind_about_an_honest_layer(layout: Layout) -> None:
    """The reader of tars agrees with Python's about what Ingot itself writes."""
    made = read_image(layout, image(layout))
    blob = gzip.decompress(layout.read_blob(made.layers[0].descriptor))
    assert hashlib.sha256(blob).hexdigest() == made.layers[0].diff_id.hex
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        theirs = {info.name: (info.size, info.mode) for info in tar}
    assert {i.name: (i.size, i.mode) for i in list_files(layout, made)} == theirs


def test_directories_that_only_names_imply_are_counted(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten entries, each below a hundred directories of its own."""
    names = ["/".join([f"{n}", *["d"] * 99, "x"]) for n in range(10)]
    made = image_of(layout, tar_of(names))
    assert len(list_files(layout, made)) == 10
    monkeypatch.setattr(Allowance.__init__, "__defaults__", (bounds.IMAGE_BYTES, 999))
    refused(layout, made, tmp_path / "out", "too large to be read")


def test_directories_that_entries_share_are_counted_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["/".join([*["d"] * 50, f"{n}"]) for n in range(40)]
    made = image_of(layout, tar_of(names))
    monkeypatch.setattr(Allowance.__init__, "__defaults__", (bounds.IMAGE_BYTES, 90))
    assert len(list_files(layout, made)) == 40


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_layout_that_would_make_its_reader_wait(tmp_path: Path, name: str) -> None:
    for each in ("index.json", "oci-layout"):
        (tmp_path / each).write_text('{"imageLayoutVersion":"1.0.0","manifests":[]}')
    (tmp_path / "blobs").mkdir()
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="cannot be used"):
        Layout(tmp_path).tags()
