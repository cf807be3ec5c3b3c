"""What is made of images that were found: which are kernels, and what is known of them."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from ingot.catalog import Catalog
from ingot.digest import Digest
from ingot.report import FoundImage, KernelEntry, Omission, gather
from ingot.size_map import SizeMap
from tests.support.reports import TODAY, found, report


def only(small: Catalog, image: FoundImage) -> KernelEntry:
    (entry,) = gather(small, "", [image], []).entries
    return entry


def with_annotation(name: str, text: str) -> FoundImage:
    """An image of which one annotation says something else."""
    image = found()
    annotations = {**image.annotations, f"dev.ingot.{name}": text}
    return dataclasses.replace(image, annotations=annotations)


def answers(entry: KernelEntry) -> dict[str, bool]:
    return {answer.name: answer.serves for answer in (*entry.vmms, *entry.features)}


def test_a_kernel_is_told_from_its_annotations(small: Catalog) -> None:
    entry = only(small, found())
    assert str(entry.version) == "6.1.176"
    assert (entry.kernel_size, entry.kernel_packed) == (1500, 4000)
    assert entry.modules is not None and len(entry.modules) == 3
    assert (entry.modules_size, entry.modules_packed) == (975, 800)
    assert entry.options is not None
    assert (entry.options.built_in, entry.options.modules, entry.options.values) == (1, 1, 1)
    assert entry.options.total == 3


def test_features_and_vmms_are_answered_from_the_config(small: Catalog) -> None:
    entry = only(small, found())
    assert answers(entry) == {
        "firecracker": True,
        "qemu": False,
        "containers": True,  # which wants a module that is built in
        "kubernetes": False,
        "bpf": True,
        "landlock": True,
        "sandbox": True,
    }
    kubernetes = next(answer for answer in entry.features if answer.name == "kubernetes")
    assert (kubernetes.asked, kubernetes.missing) == (4, ("IPVS", "NFS"))


def test_what_a_series_cannot_have_is_told_apart(small: Catalog) -> None:
    entry = only(small, found("5.10.9"))
    landlock = next(answer for answer in entry.features if answer.name == "landlock")
    assert (landlock.serves, landlock.asked, landlock.absent) == (False, 0, "came with 5.13")
    old = only(small, found("4.19.325"))
    qemu = next(answer for answer in old.vmms if answer.name == "qemu")
    assert qemu.absent == "boots 5.0 and later"


def test_end_of_life_and_support_are_those_of_the_series(small: Catalog) -> None:
    entry = only(small, found("5.10.77"))  # a version that the catalog does not have
    assert entry.end_of_life == datetime.date(2026, 12, 31)
    assert entry.support == {"firecracker": "1.0.0"}
    assert not entry.ended(TODAY)
    assert entry.ended(datetime.date(2027, 1, 1))
    assert not entry.ended(None)


def test_of_a_series_that_the_catalog_does_not_have_nothing_is_known(small: Catalog) -> None:
    entry = only(small, found("7.3.1"))
    assert (entry.end_of_life, entry.support) == (None, {})
    assert not entry.ended(TODAY)


@pytest.mark.parametrize(
    ("tags", "arch", "flavor"),
    [
        (["6.1.176"], "x86_64", "default"),
        (["6.1", "6.1.176"], "x86_64", "default"),
        (["6.1.176-x86_64"], "x86_64", "default"),
        (["6.1.176-minimal"], "x86_64", "minimal"),
        (["6.1.176-minimal-arm64"], "arm64", "minimal"),
        (["6.1.176-minimal-amd64"], "x86_64", "minimal"),
        (["6.1.176-with-bpf-without-fuse"], "x86_64", "with-bpf-without-fuse"),
        (["6.1", "6.1-minimal"], "x86_64", ""),
        ([], "x86_64", ""),
        (["latest", "6.1.176.1"], "x86_64", ""),
    ],
)
def test_the_flavor_is_what_a_tag_says(
    small: Catalog, tags: list[str], arch: str, flavor: str
) -> None:
    image = found("6.1.176", *tags, arch=arch)
    immutable = f"6.1.176-{only(small, image).facts.recipe_key.short}"
    assert only(small, found("6.1.176", immutable, *tags, arch=arch)).flavor == flavor


def test_a_candidate_is_no_flavor(small: Catalog) -> None:
    assert only(small, found("6.19-rc1", "6.19-rc1")).flavor == "default"
    assert only(small, found("6.19-rc1", "6.19-rc1-minimal-x86_64")).flavor == "minimal"


def test_the_immutable_tag_comes_last(small: Catalog) -> None:
    image = found("6.1.176", "6.1.176-minimal", "6.1-minimal")
    key = only(small, image).facts.recipe_key.short
    entry = only(small, found("6.1.176", f"6.1.176-{key}", "6.1.176-minimal", "6.1-minimal"))
    assert entry.tags == ("6.1-minimal", "6.1.176-minimal", f"6.1.176-{key}")


def test_kernels_are_sorted_by_version_flavor_and_arch(small: Catalog) -> None:
    names = [
        ("6.1.9", "x86_64"),
        ("6.1.176-minimal", "arm64"),
        ("6.1.176-minimal", "x86_64"),
        ("6.1.176", "arm64"),
        ("6.1.176", "x86_64"),
        ("5.10.262", "x86_64"),
        ("6.12-rc3", "x86_64"),
        ("6.12", "x86_64"),
        ("10.0", "x86_64"),
    ]
    images = [found(tag.removesuffix("-minimal"), tag, arch=arch) for tag, arch in names]
    told = [(entry.tags[0], entry.facts.arch) for entry in gather(small, "", images, []).entries]
    assert told == [
        ("10.0", "x86_64"),
        ("6.12", "x86_64"),
        ("6.12-rc3", "x86_64"),
        ("6.1.176", "x86_64"),
        ("6.1.176", "arm64"),
        ("6.1.176-minimal", "x86_64"),
        ("6.1.176-minimal", "arm64"),
        ("6.1.9", "x86_64"),
        ("5.10.262", "x86_64"),
    ]


def test_an_old_image_is_told_as_far_as_it_goes(small: Catalog) -> None:
    entry = only(small, found(config=None, size_map=None, profile=None))
    assert entry.size_map is None and entry.profile is None and entry.options is None
    assert (entry.kernel_size, entry.modules, entry.modules_size) == (None, None, None)
    assert entry.vmms == entry.features == ()


def test_sizes_of_an_old_image_may_be_known_from_its_files(small: Catalog) -> None:
    old = found(size_map=None)
    image = dataclasses.replace(old, kernel_size=77, module_sizes={"fs/xfs.ko": 5})
    entry = only(small, image)
    assert (entry.kernel_size, entry.modules_size) == (77, 5)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (FoundImage(Digest("a" * 64), ("6.1",), {}, (1, 2, 3)), "not an image built by Ingot"),
        (
            FoundImage(Digest("a" * 64), ("6.1",), found().annotations, (1, 2)),
            "not an image built by Ingot",
        ),
        (with_annotation("version", "6.1.x"), "not a kernel version"),
        (with_annotation("arch", "sparc"), "not an architecture"),
    ],
)
def test_what_is_none_of_ingots_is_left_out(small: Catalog, image: FoundImage, why: str) -> None:
    gathered = report(small, image, found())
    assert [entry.facts.arch for entry in gathered.entries] == ["x86_64"]
    (omission,) = gathered.omissions
    assert omission.name == f"flintlock-kernel:{image.tags[0]}"
    assert why in omission.why


@pytest.mark.parametrize("name", ["config", "makeup", "recipe-key"])
def test_an_annotation_that_cannot_be_read_leaves_the_image_out(small: Catalog, name: str) -> None:
    image = with_annotation(name, "%%%")
    assert report(small, image).entries == ()
    assert len(report(small, image).omissions) == 1


def test_what_could_not_be_read_is_passed_on(small: Catalog) -> None:
    omission = Omission("flintlock-kernel:odd", "it is broken")
    assert report(small, omissions=(omission,)).omissions == (omission,)


def test_an_empty_size_map_has_no_size(small: Catalog) -> None:
    entry = only(small, found(size_map=SizeMap({}, {})))
    assert entry.kernel_size == 0
    assert entry.modules == {}
