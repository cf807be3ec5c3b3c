"""Which kernels names, arches and flavors select, and what is said of those that select none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import Catalog
from ingot.catalog.kernel_selection import version_in
from ingot.errors import UserError
from tests.support.catalogs import SMALL, load, tags


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], ["4.19.325", "5.10.262", "6.1.176"]),
        (["5.10"], ["5.10.262"]),
        (["5.10.9"], ["5.10.9"]),
        (["6.1", "5.10.9"], ["6.1.176", "5.10.9"]),
        (["5.10", "5.10.262", "5.10"], ["5.10.262"]),
        (["6.1-minimal"], ["6.1.176-minimal"]),
        (["6.1-default"], ["6.1.176"]),
        (["6.1-arm64"], ["6.1.176-arm64"]),
        (["6.1-amd64", "6.1-x86_64"], ["6.1.176"]),
        (["5.10.9-minimal-arm64"], ["5.10.9-minimal-arm64"]),
        (["6.1-with-bpf"], ["6.1.176-with-bpf"]),
        (["6.1-minimal-with-bpf-arm64"], ["6.1.176-minimal-with-bpf-arm64"]),
        (["6.1-with-bpf-without-landlock"], ["6.1.176-with-bpf-without-landlock"]),
        (["6.1-patched"], ["6.1.176-patched"]),
        (["6.1-from-linux_acme"], ["6.1.176-from-linux_acme"]),
        (
            ["6.1-minimal-with-bpf-from-arm64-patched-arm64"],
            ["6.1.176-minimal-with-bpf-from-arm64-patched-arm64"],
        ),
        (["6.1-minimal-patched-arm64"], ["6.1.176-minimal-patched-arm64"]),
        (
            ["6.1-with-bpf-patched", "6.1-with-bpf"],
            ["6.1.176-with-bpf-patched", "6.1.176-with-bpf"],
        ),
    ],
)
def test_names_select_kernels_once_in_the_order_asked(
    small: Catalog, names: list[str], found: list[str]
) -> None:
    assert tags(small.select(names)) == found


def test_every_tag_selects_its_kernel(small: Catalog) -> None:
    assert small.select([kernel.tag for kernel in small.kernels]) == list(small.kernels)


@pytest.mark.parametrize(
    ("names", "arches", "flavors", "found"),
    [
        (["6.1"], ["arm64"], [], ["6.1.176-arm64"]),
        (["6.1"], ["arm64", "amd64", "x86_64"], [], ["6.1.176-arm64", "6.1.176"]),
        (["6.1"], ["all"], [], ["6.1.176", "6.1.176-arm64"]),
        (["6.1"], [], ["all"], ["6.1.176", "6.1.176-minimal", "6.1.176-monolithic"]),
        (["6.1"], [], ["minimal", "default"], ["6.1.176-minimal", "6.1.176"]),
        (
            ["5.10"],
            ["all"],
            ["all"],
            ["5.10.262", "5.10.262-arm64", "5.10.262-minimal", "5.10.262-minimal-arm64"],
        ),
        # what a name says itself goes before what is asked of all
        (["6.1-arm64", "5.10"], ["amd64"], [], ["6.1.176-arm64", "5.10.262"]),
        (["6.1-minimal", "5.10"], [], ["default"], ["6.1.176-minimal", "5.10.262"]),
        (["6.1-with-bpf"], ["arm64"], ["minimal"], ["6.1.176-minimal-with-bpf-arm64"]),
        # without names: every series that has it
        ([], ["arm64"], [], ["5.10.262-arm64", "6.1.176-arm64"]),
        ([], [], ["minimal"], ["5.10.262-minimal", "6.1.176-minimal"]),
        ([], ["arm64"], ["monolithic"], ["6.1.176-monolithic-arm64"]),
        ([], ["all"], [], ["4.19.325", "5.10.262", "5.10.262-arm64", "6.1.176", "6.1.176-arm64"]),
    ],
)
def test_arches_and_flavors_say_which_of_a_version(
    small: Catalog, names: list[str], arches: list[str], flavors: list[str], found: list[str]
) -> None:
    assert tags(small.select(names, arches=arches, flavors=flavors)) == found


@pytest.mark.parametrize("name", ["4.20", "6.1.1", "", "6", "latest", "minimal", "-"])
def test_an_unknown_name_is_told_with_the_known_ones(small: Catalog, name: str) -> None:
    with pytest.raises(UserError) as caught:
        small.select(["6.1", name])
    assert caught.value.what.endswith(f"no kernel {name}")
    assert "4.19.325, 5.10.9, 5.10.262, 6.1.176" in caught.value.why
    assert "ingot add" in caught.value.hint
    assert "kernels.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("6.1-tiny", r"Linux 6\.1\.176 has no flavor tiny: it has default, minimal, mono"),
        ("4.19-arm64", r"Linux 4\.19\.325 has no arch arm64: it has x86_64"),
        ("4.19-minimal", r"Linux 4\.19\.325 has no flavor minimal: it has default"),
        ("6.1-m68k", r"has no flavor m68k"),
        ("6.1-with-bfp", r"no feature 'bfp'"),
        ("6.1-with", r"no feature ''"),
    ],
)
def test_what_a_version_does_not_come_in_is_told(small: Catalog, name: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        small.select([name])


@pytest.mark.parametrize(
    ("arches", "flavors", "says"),
    [
        (["m68k"], [], "the catalog has no arch m68k: it has x86_64, arm64"),
        (["all", "m68k"], [], "no arch m68k"),
        ([], ["minimal", "tiny"], "the catalog has no flavor tiny"),
    ],
)
def test_what_no_series_comes_in_is_told(
    small: Catalog, arches: list[str], flavors: list[str], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        small.select([], arches=arches, flavors=flavors)


@pytest.mark.parametrize("text", ["6.1", "6.1.0"])
def test_a_series_means_its_newest_also_when_the_catalog_has_its_first(
    tmp_path: Path, text: str
) -> None:
    found = load(tmp_path, SMALL + f'[series."6.1".versions."{text}"]\n')
    assert tags(found.select(["6.1"])) == ["6.1.176"]


def test_the_first_arch_of_a_series_is_meant_where_none_is_named(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL.replace('["x86_64", "arm64"]', '["arm64", "x86_64"]'))
    assert tags(found.select(["6.1", "6.1-x86_64"])) == ["6.1.176", "6.1.176-x86_64"]
    assert [kernel.arch.name for kernel in found.select(["6.1"])] == ["arm64"]


# Release candidates


@pytest.fixture
def with_candidates(tmp_path: Path) -> Catalog:
    more = '[series."6.19".versions."6.19-rc1"]\n[series."6.19".versions."6.19-rc10"]\n'
    return load(tmp_path / "candidates", f"{SMALL}\n{more}")


def test_a_candidate_is_named_in_full_or_by_its_series(with_candidates: Catalog) -> None:
    names = ["6.19-rc1", "6.19", "6.19-rc1-minimal-arm64", "6.19-minimal", "6.19-rc10-patched"]
    assert tags(with_candidates.select(names)) == [
        "6.19-rc1",
        "6.19-rc10",
        "6.19-rc1-minimal-arm64",
        "6.19-rc10-minimal",
        "6.19-rc10-patched",
    ]
    every = list(with_candidates.kernels)
    assert with_candidates.select([kernel.tag for kernel in every]) == every


def test_a_release_comes_after_its_candidates(tmp_path: Path) -> None:
    more = '[series."6.19".versions."6.19"]\n[series."6.19".versions."6.19-rc10"]\n'
    found = load(tmp_path / "released", f"{SMALL}\n{more}")
    assert tags(found.select(["6.19"])) == ["6.19"]
    assert tags(found.select([]))[-1] == "6.19"


def test_a_candidate_that_is_not_there(with_candidates: Catalog) -> None:
    with pytest.raises(UserError, match=r"no kernel 6\.19-rc2"):
        with_candidates.select(["6.19-rc2"])


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("6.1", "6.1"),
        ("6.1.176", "6.1.176"),
        ("6.1-minimal-with-bpf", "6.1"),
        ("6.19-rc1", "6.19-rc1"),
        ("6.19-rc1-minimal-arm64", "6.19-rc1"),
        ("6.19-rcx", "6.19"),
    ],
)
def test_the_version_that_a_name_begins_with(name: str, version: str) -> None:
    assert version_in(name) == version
