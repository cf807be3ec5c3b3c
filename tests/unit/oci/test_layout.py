from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ingot.oci.layout as module
from ingot.errors import UserError, VerificationError
from ingot.oci import REF_NAME, Layout, collect_garbage, read_image
from tests.support.sample_images import PLATFORM, image

NAME = "kernel-bin:6.1.176"


def test_an_absent_store_is_empty_and_stays_absent(layout: Layout) -> None:
    assert layout.tags() == {}
    assert layout.find(NAME) is None
    assert collect_garbage(layout).blobs == 0
    assert not layout.root.exists()


def test_tag_find_untag(layout: Layout) -> None:
    one, two = image(layout, "one"), image(layout, "two")
    layout.tag({NAME: one, f"{NAME}-0123456789ab": one, "kernel-modules:6.1.176": two})
    found = layout.find(NAME)
    assert found is not None
    assert (found.digest, found.platform) == (one.digest, PLATFORM)
    assert found.annotations == {REF_NAME: NAME}
    layout.tag({NAME: two})
    assert [d.digest for d in layout.tags().values()] == [two.digest, one.digest, two.digest]
    assert layout.untag([NAME, "absent:1"]) == [NAME]
    assert sorted(layout.tags()) == [f"{NAME}-0123456789ab", "kernel-modules:6.1.176"]


def test_a_descriptors_annotations_go_into_the_entry(layout: Layout) -> None:
    layout.tag({NAME: image(layout).annotated({"io.containerd.image.name": f"x.org/{NAME}"})})
    entry = json.loads((layout.root / "index.json").read_text())["manifests"][0]
    assert entry["annotations"] == {"io.containerd.image.name": f"x.org/{NAME}", REF_NAME: NAME}
    assert entry["platform"] == {"architecture": "amd64", "os": "linux"}


def test_the_index_does_not_tell_who_was_first(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    names = [NAME, "kernel-modules:6.1.176", "flintlock-kernel:6.1.176"]
    for name in names:
        layout.tag({name: image(layout)})
    other.tag({name: image(other) for name in reversed(names)})
    index = [(store.root / "index.json").read_bytes() for store in (layout, other)]
    assert index[0] == index[1]


def test_all_tags_or_none(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = image(layout, "one"), image(layout, "two")
    layout.tag({NAME: one})

    def die(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_atomic", die)
    with pytest.raises(KeyboardInterrupt):
        layout.tag({NAME: two, "kernel-modules:6.1.176": two})
    assert {name: d.digest for name, d in layout.tags().items()} == {NAME: one.digest}


def test_nothing_incomplete_is_tagged(layout: Layout) -> None:
    whole, broken = image(layout, "whole"), image(layout, "broken")
    part = read_image(layout, broken).config
    layout.blobs.path(part.digest).unlink()
    with pytest.raises(VerificationError, match="not complete"):
        layout.tag({"whole:1": whole, "broken:1": broken})
    assert layout.tags() == {}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "kernel-bin",
        ":1",
        "kernel-bin:",
        "Kernel:1",
        "a:b:c",
        "a b:1",
        "../a:1",
        "a:-1",
        "a:1.",
        "a:1..2",
        "a:1/2",
        "a:" + "1" * 129,
        "a:1\n",
    ],
)
def test_bad_tags_are_refused(layout: Layout, name: str) -> None:
    descriptor = image(layout)
    with pytest.raises(UserError, match="cannot be the name"):
        layout.tag({name: descriptor})


@pytest.mark.parametrize(
    "name", ["kernel-builder:bookworm", "a/b_c:6.1-rc1-ab12", "a:" + "1" * 128]
)
def test_good_tags_are_taken(layout: Layout, name: str) -> None:
    layout.tag({name: image(layout)})
    assert name in layout.tags()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": "mine"}, "contains notes.txt"),
        ({"index.json": '{"schemaVersion":2,"manifests":[%s]}'}, "but no oci-layout"),
        ({"oci-layout": '{"imageLayoutVersion":"1.0.0"}'}, "is missing"),
        ({"oci-layout": '{"imageLayoutVersion":"2.0.0"}', "index.json": "{}"}, "specification"),
        ({"oci-layout": '{"imageLayoutVersion":"1.0.0"}', "index.json": '{"sch'}, "specification"),
        (
            {"oci-layout": '{"imageLayoutVersion":"1.0.0"}', "index.json": '{"schemaVersion":2}'},
            "manifests: Field required",
        ),
    ],
)
def test_a_foreign_or_damaged_directory_is_left_alone(
    layout: Layout, files: dict[str, str], message: str
) -> None:
    entry = '{"mediaType":"x/y","digest":"sha256:%s","size":1}' % ("0" * 64)
    layout.root.mkdir()
    for name, text in files.items():
        (layout.root / name).write_text(text.replace("%s", entry))
    before = {path: path.read_bytes() for path in layout.root.iterdir()}
    attempts: list[Callable[[], object]] = [
        lambda: layout.tags(),
        lambda: layout.untag(["a:1"]),
        lambda: layout.write_blob([b"x"], "x/y"),
        lambda: collect_garbage(layout),
    ]
    for attempt in attempts:
        with pytest.raises(UserError, match=message):
            attempt()
    assert {path: path.read_bytes() for path in layout.root.iterdir()} == before


def test_a_file_in_the_stores_place(layout: Layout) -> None:
    layout.root.write_text("not a directory")
    with pytest.raises(UserError, match="not a directory"):
        layout.tags()


def test_a_creation_that_was_killed_is_finished(layout: Layout) -> None:
    layout.write_blob([b"x"], "x/y")
    (layout.root / "oci-layout").unlink()
    for blob in layout.blobs.names():
        blob.unlink()
    layout.blobs.directory.rmdir()
    layout.blobs.directory.parent.rmdir()
    layout.tag({NAME: image(layout)})
    assert list(layout.tags()) == [NAME]


def test_what_another_tool_wrote_is_kept(layout: Layout) -> None:
    layout.tag({NAME: image(layout)})
    path = layout.root / "index.json"
    index = json.loads(path.read_text())
    foreign = dict(index["manifests"][0], artifactType="x/y", urls=["u"], annotations={"a": "b"})
    index["manifests"].append(foreign)
    index["annotations"] = {"owner": "somebody"}
    path.write_text(json.dumps(index))
    layout.untag([NAME])
    after = json.loads(path.read_text())
    assert after["manifests"] == [foreign]
    assert after["annotations"] == {"owner": "somebody"}
    assert collect_garbage(layout).blobs == 0


def test_garbage(layout: Layout) -> None:
    kept = image(layout, "kept")
    layout.tag({NAME: kept})
    image(layout, "never tagged")  # its own manifest and config; the layer is shared
    (layout.root / ".staging-1").write_bytes(b"12345")
    (layout.blobs.directory / ".staging-2").write_bytes(b"12345")
    (layout.blobs.directory / "README").write_text("somebody else's")
    dry = collect_garbage(layout, dry_run=True)
    assert (dry.blobs, dry.skipped) == (4, False)
    assert dry.bytes > 10
    assert collect_garbage(layout) == dry
    assert collect_garbage(layout).blobs == 0
    assert read_image(layout, kept).labels == {"org.example.text": "kept"}
    assert sorted(p.name for p in layout.root.iterdir()) == [
        ".index.lock",
        ".use.lock",
        "blobs",
        "index.json",
        "oci-layout",
    ]
    assert len(list(layout.blobs.directory.iterdir())) == 4


def test_no_garbage_collection_during_a_build(layout: Layout) -> None:
    with layout.in_use():
        descriptor = image(layout)
        assert collect_garbage(layout).skipped
        layout.tag({NAME: descriptor})
    assert not collect_garbage(layout).skipped


def test_a_damaged_manifest_stops_the_collection(layout: Layout) -> None:
    descriptor = image(layout)
    layout.tag({NAME: descriptor})
    layout.blobs.path(descriptor.digest).write_bytes(b"{}")
    with pytest.raises(VerificationError):
        collect_garbage(layout)
    assert len(list(layout.blobs.names())) == 3
