"""Two images side by side: what each tells, where it is found, and what differs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import registry
from ingot.arch import arch
from ingot.comparison import (
    Changes,
    ImageSummary,
    SizeChange,
    compare,
    summary_of_image,
    summary_of_reference,
)
from ingot.errors import IngotError, MachineError, UserError, VerificationError
from ingot.images import BASE, BIN, DEBUG, KERNEL_IMAGES, MODULES
from ingot.oci import (
    Descriptor,
    Layout,
    Platform,
    read_image,
    write_artifact,
    write_image,
    write_layer,
)
from ingot.progress import Silent
from ingot.size_map import SizeMap
from tests.support.compared_images import foreign, old_images
from tests.support.configs import config_of
from tests.support.configured_kernels import KERNEL as WITH_CONFIG
from tests.support.kernel_images import CONFIG, SIZE_MAP, make_kernel

X86 = arch("x86_64")
OPTIONS = {"A": "y", "C": '"ä"'}
sizes = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5), max_size=6)


def subject(**told: object) -> ImageSummary:
    return ImageSummary("image", "linux/amd64", (), 0, **told)  # type: ignore[arg-type]


def told_by(layout: Layout, image: Descriptor, name: str = "image") -> ImageSummary:
    return summary_of_image(layout, read_image(layout, image), name)


# What differs


def test_what_came_went_and_changed_is_told_the_largest_first() -> None:
    before = {"net/a.ko": 10, "net/b.ko": 20, "net/same.ko": 5, "net/gone.ko": 7}
    after = {"net/a.ko": 12, "net/b.ko": 10, "net/same.ko": 5, "fs/x.ko": 1, "fs/y.ko": 2}
    found = compare(subject(modules=before), subject(modules=after)).modules
    assert found == Changes(
        gained=(SizeChange("fs/y.ko", None, 2), SizeChange("fs/x.ko", None, 1)),
        lost=(SizeChange("net/gone.ko", 7, None),),
        resized=(SizeChange("net/b.ko", 20, 10), SizeChange("net/a.ko", 10, 12)),
    )
    assert [change.growth for change in found.all] == [-10, -7, 2, 2, 1]


def test_a_module_that_moved_or_was_compressed_is_the_same_module() -> None:
    before = {"drivers/net/ip-gre.ko": 10, "lib/crc.ko": 3, "lib/old.ko": 1}
    after = {"net/ipv4/ip_gre.ko.xz": 4, "lib/math/crc.ko": 3}
    assert compare(subject(modules=before), subject(modules=after)).modules == Changes(
        gained=(),
        lost=(SizeChange("lib/old.ko", 1, None),),
        resized=(SizeChange("net/ipv4/ip_gre.ko.xz", 10, 4),),
    )


def test_directories_are_compared_where_both_kernels_tell_them() -> None:
    one, two = SizeMap({"": 5, "fs": 7}, {}), SizeMap({"": 5, "fs": 9, "net": 1}, {})
    found = compare(subject(size_map=one), subject(size_map=two)).directories
    assert found == Changes((SizeChange("net", None, 1),), (), (SizeChange("fs", 7, 9),))
    assert compare(subject(size_map=one), subject()).directories is None


def test_what_one_does_not_tell_is_not_compared() -> None:
    whole = subject(modules={"a.ko": 1}, config=config_of({"A": "y"}), files={"a": 1})
    for one, two in ((whole, subject()), (subject(), whole)):
        found = compare(one, two)
        assert (found.modules, found.options, found.files, found.directories) == (None,) * 4


def test_options_are_compared() -> None:
    found = compare(
        subject(config=config_of({"A": "y"})), subject(config=config_of({"A": "m", "B": "y"}))
    )
    assert found.options is not None
    assert [(o.option, o.before, o.after) for o in found.options] == [
        ("A", "y", "m"),
        ("B", "n", "y"),
    ]


@given(sizes, sizes)
def test_every_difference_is_told_once_and_no_other(
    before: dict[str, int], after: dict[str, int]
) -> None:
    found = compare(subject(files=before), subject(files=after)).files
    assert found is not None
    told = {change.name: (change.before, change.after) for change in found.all}
    assert len(told) == len(found.all)
    assert told == {
        name: (before.get(name), after.get(name))
        for name in {*before, *after}
        if before.get(name) != after.get(name)
    }
    assert [abs(c.growth) for c in found.all] == sorted(
        (abs(c.growth) for c in found.all), reverse=True
    )


@given(sizes, sizes)
def test_modules_grow_by_what_they_weigh_more(
    before: dict[str, int], after: dict[str, int]
) -> None:
    found = compare(subject(modules=before), subject(modules=after)).modules
    assert found is not None
    growth = sum(change.growth for change in found.all)
    assert growth == sum(after.values()) - sum(before.values())


# What an image of the store tells


def held_by(name: str) -> tuple[bool, bool]:
    """Whether an image of this name has a kernel, and whether it is used with its modules."""
    return name in (BASE, BIN), name in (BASE, BIN, MODULES)


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_every_image_of_a_kernel_tells_what_it_has(tmp_path: Path, name: str) -> None:
    kernel = make_kernel(tmp_path)
    image = kernel.build()[name]
    told = told_by(kernel.layout, image, f"{name}:6.1")
    assert told.name == f"{name}:6.1"
    assert told.facts == kernel.facts
    kernel_held, modules_held = held_by(name)
    assert told.size_map == (SIZE_MAP if kernel_held else None)
    assert told.kernel_size == (16 if kernel_held else None)
    assert told.modules == ({"net/veth.ko": 14} if modules_held else None)
    assert (told.has_kernel, told.has_modules) == (kernel_held, modules_held)
    assert told.config is not None
    assert told.config.options == OPTIONS
    assert told.files is None
    assert told.size == read_image(kernel.layout, image).size


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_an_older_image_is_looked_into_with_its_base(tmp_path: Path, name: str) -> None:
    kernel = make_kernel(tmp_path)
    told = told_by(kernel.layout, old_images(kernel)[name])
    assert told.size_map is None
    kernel_held, modules_held = held_by(name)
    assert told.kernel_size == (len("kernel of recipe") if kernel_held else None)
    assert told.modules == ({"net/veth.ko": len("veth of recipe")} if modules_held else None)
    assert told.config is not None
    assert told.config.options == OPTIONS


@pytest.mark.parametrize(
    ("name", "kernel_size", "modules"),
    [(BIN, 16, None), (MODULES, None, {"net/veth.ko": 14}), (DEBUG, None, None)],
)
def test_an_older_image_without_its_base_tells_what_it_has(
    tmp_path: Path, name: str, kernel_size: int | None, modules: object
) -> None:
    kernel = make_kernel(tmp_path)
    told = told_by(kernel.layout, old_images(kernel, (name,))[name])
    assert (told.kernel_size, told.modules) == (kernel_size, modules)


def test_a_kernel_without_modules_has_none_which_is_told(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path, with_modules=False, size_map=SizeMap({"": 16}, {}))
    assert told_by(kernel.layout, kernel.build()[BASE]).modules == {}
    assert told_by(kernel.layout, old_images(kernel)[BASE]).modules == {}


def test_an_image_of_somebody_elses_is_looked_into(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "images")
    files = {
        "boot/vmlinuz-5.10.77": WITH_CONFIG,
        "usr/lib/modules/5.10.77/kernel/net/veth.ko.xz": b"veth",
        "usr/lib/modules/5.10.77/extra/zfs.ko": b"zfs",
        "usr/lib/modules/5.10.77/modules.dep": b"",
        "etc/os-release": b"linux",
    }
    told = told_by(layout, foreign(layout, files))
    assert (told.facts, told.size_map) == (None, None)
    assert told.platform == "linux/arm64"
    assert told.kernel_size == len(WITH_CONFIG)
    assert told.modules == {"net/veth.ko.xz": 4, "extra/zfs.ko": 3}
    assert told.config is not None
    assert told.config.options == {"VETH": "m"}
    assert told.files == {name: len(data) for name, data in files.items()}


def test_an_image_without_a_kernel_tells_its_files(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "images")
    told = told_by(layout, foreign(layout, {"bin/sh": b"sh", "bin/vmlinux": b"x"}))
    assert (told.kernel_size, told.modules, told.config) == (None, None, None)
    assert told.files == {"bin/sh": 2, "bin/vmlinux": 1}


def test_a_builder_is_no_kernel(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "images")
    layer = write_layer(layout, [], 0)
    labels = {"dev.ingot.builder.spec": "sha256:0"}
    image = write_image(
        layout, [layer], Platform("linux", "amd64"), labels=labels, annotations={}, created=0
    )
    with pytest.raises(UserError, match="is a builder"):
        told_by(layout, image)


# What an image of a registry tells


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """What a registry answers, by reference; a `Layout` is what may be fetched."""
    answers: dict[str, object] = {}

    def read(reference: str, architecture: str, *, insecure: bool = False) -> object:
        answers["asked"] = (reference, architecture, insecure)
        return answers[reference]

    def fetch(reference: str, architecture: str, to: Path, *, insecure: bool = False) -> object:
        assert (reference, architecture, insecure) == answers["asked"]
        return answers["fetched"]

    monkeypatch.setattr(registry, "read_manifest", read)
    monkeypatch.setattr(registry, "fetch_artifact", lambda *_, **__: None)
    monkeypatch.setattr(registry, "fetch_image", fetch)
    yield answers


def manifest(layout: Layout, image: Descriptor) -> dict[str, object]:
    document = json.loads(layout.read_blob(image))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("error", [UserError("no such repository"), MachineError("no network")])
def test_a_boot_profile_that_cannot_be_had_is_left_out(
    tmp_path: Path,
    published: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    error: IngotError,
) -> None:
    reference = offer(tmp_path, published, monkeypatch, error)
    assert summary_of_reference(reference, X86, Silent()).profile is None


def test_a_boot_profile_that_is_not_what_its_digest_names_is_reported(
    tmp_path: Path, published: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = offer(tmp_path, published, monkeypatch, VerificationError("another digest"))
    with pytest.raises(VerificationError, match="another digest"):
        summary_of_reference(reference, X86, Silent())


def offer(
    root: Path, published: dict[str, object], monkeypatch: pytest.MonkeyPatch, error: IngotError
) -> str:
    """Publish an image whose boot profile cannot be read for this reason; returns its name."""
    kernel = make_kernel(root)
    reference = f"example.org/kernels/{BASE}:6.1"
    published[reference] = manifest(kernel.layout, kernel.build()[BASE])

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(registry, "fetch_artifact", fail)
    return reference


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_a_published_image_tells_the_same_without_being_fetched(
    tmp_path: Path, published: dict[str, object], name: str
) -> None:
    kernel = make_kernel(tmp_path)
    image = kernel.build()[name]
    reference = f"example.org/kernels/{name}:6.1"
    published[reference] = manifest(kernel.layout, image)
    told = summary_of_reference(reference, X86, Silent(), insecure=True)
    assert told == told_by(kernel.layout, image, reference)
    assert published["asked"] == (reference, "amd64", True)


def test_a_published_image_that_does_not_tell_enough_is_fetched(
    tmp_path: Path, published: dict[str, object]
) -> None:
    kernel = make_kernel(tmp_path)
    image = old_images(kernel)[BASE]
    kernel.layout.tag({registry.FETCHED: image})
    published["example.org/k:1"] = manifest(kernel.layout, image)
    published["fetched"] = kernel.layout
    told = summary_of_reference("example.org/k:1", X86, Silent())
    assert told.name == "example.org/k:1"
    assert told.modules == {"net/veth.ko": 14}


def test_a_published_image_of_somebody_elses_is_fetched(
    tmp_path: Path, published: dict[str, object]
) -> None:
    layout = Layout(tmp_path / "images")
    image = foreign(layout, {"boot/vmlinux": b"x"}, registry.FETCHED)
    published["example.org/k:1"] = manifest(layout, image)
    published["fetched"] = layout
    assert summary_of_reference("example.org/k:1", X86, Silent()).kernel_size == 1


def test_a_published_artifact_is_no_image(tmp_path: Path, published: dict[str, object]) -> None:
    kernel = make_kernel(tmp_path)
    artifact = write_artifact(kernel.layout, "application/x.y", b"{}", kernel.build()[BASE])
    published["example.org/k:1"] = manifest(kernel.layout, artifact)
    with pytest.raises(UserError, match="is not an image: it is an artifact: application/x"):
        summary_of_reference("example.org/k:1", X86, Silent())


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": {"dev.ingot.config": 5}},
        {"annotations": []},
        {"layers": None},
        {"layers": [{}]},
        {"config": {"digest": "sha256:x"}},
        {"schemaVersion": float("nan")},
        {"more": float("inf")},
        {"more": "\ud800"},
        {"annotations": {"dev.ingot.builder.spec": "x"}},
    ],
)
def test_a_hostile_manifest_is_an_error(
    tmp_path: Path, published: dict[str, object], change: dict[str, object]
) -> None:
    kernel = make_kernel(tmp_path)
    published["example.org/k:1"] = {**manifest(kernel.layout, kernel.build()[BASE]), **change}
    with pytest.raises(UserError):
        summary_of_reference("example.org/k:1", X86, Silent())


@pytest.fixture(scope="module")
def base_manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    kernel = make_kernel(tmp_path_factory.mktemp("kernel"))
    return manifest(kernel.layout, kernel.build()[BASE])


@given(
    st.sampled_from(["config", "makeup", "recipe-key", "version", "arch", "source-digest"]),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
def test_any_annotation_is_told_or_an_error(
    base_manifest: dict[str, object], name: str, text: str
) -> None:
    annotations = base_manifest["annotations"]
    assert isinstance(annotations, dict)
    changed = {**base_manifest, "annotations": {**annotations, f"dev.ingot.{name}": text}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "read_manifest", lambda *_, **__: changed)
        patch.setattr(registry, "read_document", lambda *_, **__: None)
        with contextlib.suppress(IngotError):
            told = summary_of_reference("example.org/k:1", X86, Silent())
            assert compare(told, told).same


def test_config_of_the_tests_is_what_images_carry() -> None:
    assert all(f"CONFIG_{option}={value}" in CONFIG for option, value in OPTIONS.items())
