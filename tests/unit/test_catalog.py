"""The catalog: the one this repository ships, every kind of mistake, and what names select."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ingot import catalog
from ingot.catalog import BuilderSpec, Catalog
from ingot.digest import Digest
from ingot.errors import UserError
from tests.unit.conftest import REPOSITORY

PIN = "ab" * 32
SMALL = f"""\
[defaults]
builder = "bookworm"
arches = ["x86_64"]
vmms = ["firecracker", "qemu"]
features = ["containers"]

[origins]
order = ["kernel.org", "debian"]
debian_suites = ["bookworm"]

[builders.bookworm]
suite = "bookworm"
packages = ["zstd", "bc", "zstd"]

[builders.old]
suite = "bullseye"
packages = ["bc"]

[series."5.10"]
end_of_life = 2026-12-31
builder = "old"
features = []
[series."5.10".versions."5.10.9"]
[series."5.10".versions."5.10.262".sha256]
debian = "{PIN}"

[series."6.1"]
[series."6.1".versions."6.1.176"]
"""


def load(root: Path, text: str = SMALL) -> Catalog:
    (root / "kernels.toml").write_text(text)
    return catalog.load(root)


def mistakes(root: Path, old: str, new: str) -> UserError:
    assert old in SMALL
    with pytest.raises(UserError) as caught:
        load(root, SMALL.replace(old, new, 1))
    return caught.value


# The real one


def test_the_catalog_of_this_repository_loads_and_every_fragment_in_it_merges() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    assert {"5.10", "6.1"} <= {str(kernel.version.series) for kernel in real.kernels}
    for kernel in real.kernels:
        requests = real.requests(kernel)
        assert requests["MODULES"].value == "y"
        assert requests["VIRTIO_BLK"].value == "y"  # a root file system comes before modules
        assert requests["NET_CORE"].value == "y"
        assert kernel.pins, f"{kernel.version} is not pinned"
        assert set(kernel.pins) <= set(real.origins.order)
    assert real.keyring.is_file()
    assert real.store == REPOSITORY / "images"


def test_no_fragment_of_this_repository_is_left_unused() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    used = {f"{name}.config" for kernel in real.kernels for name in kernel.fragments}
    folder = real.root / "fragments"
    there = {str(path.relative_to(folder)) for path in folder.glob("base/*.config")}
    assert there <= used


# Reading


def test_defaults_fill_in_what_a_series_does_not_say(tmp_path: Path) -> None:
    old, newer, newest = load(tmp_path).kernels
    assert [str(k.version) for k in (old, newer, newest)] == ["5.10.9", "5.10.262", "6.1.176"]
    assert newest.builder == BuilderSpec("bookworm", "bookworm", ("bc", "zstd"))
    assert newest.vmms == ("firecracker", "qemu")
    assert newest.features == ("containers",)
    assert newest.arch.name == "x86_64"
    assert newest.end_of_life is None
    assert newest.pins == {}
    assert old.builder.name == "old"
    assert old.features == ()  # none at all is something a series can say
    assert old.end_of_life == datetime.date(2026, 12, 31)
    assert newer.pins == {"debian": Digest(PIN)}


def test_the_origins_are_kept_in_their_order(tmp_path: Path) -> None:
    assert load(tmp_path).origins == catalog.Origins(("kernel.org", "debian"), ("bookworm",))


def test_a_kernel_can_be_a_key(tmp_path: Path) -> None:
    kernels = load(tmp_path).kernels
    assert len(set(kernels)) == 3


def test_fragments_come_from_the_general_to_the_particular(tmp_path: Path) -> None:
    assert load(tmp_path).kernels[-1].fragments == (
        "base/linux",
        "base/x86_64",
        "vmm/firecracker",
        "vmm/qemu",
        "feature/containers",
    )


def test_the_requests_of_all_fragments_are_merged_for_the_series(tmp_path: Path) -> None:
    found = load(tmp_path)
    for name in found.kernels[-1].fragments:
        path = tmp_path / "fragments" / f"{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("CONFIG_A=y\nCONFIG_B=y # since 6.1\n")
    requests = found.requests(found.kernels[0])
    assert list(requests) == ["A"]
    assert str(requests["A"].place) == "base/linux.config:1"
    assert list(found.requests(found.kernels[-1])) == ["A", "B"]


def test_a_fragment_that_is_missing_is_named(tmp_path: Path) -> None:
    found = load(tmp_path)
    with pytest.raises(UserError, match=r"base/linux\.config"):
        found.requests(found.kernels[0])


def test_patches_are_those_of_the_series_in_the_order_of_their_names(tmp_path: Path) -> None:
    found = load(tmp_path)
    for name in ("6.1/0010-b.patch", "6.1/0002-a.patch", "6.1/README", "5.10/0001-x.patch"):
        path = tmp_path / "patches" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = [path.name for path in found.patches(found.kernels[-1])]
    assert names == ["0002-a.patch", "0010-b.patch"]
    assert [path.name for path in found.patches(found.kernels[0])] == ["0001-x.patch"]


def test_a_series_needs_no_patches(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.patches(found.kernels[0]) == ()


# Mistakes


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("vmms =", "vms =", "defaults.vms"),
        ("end_of_life =", "eol =", "series.5.10.eol"),
        ("suite =", "suit =", "builders.bookworm.suit"),
        ("[origins]", "[origin]", "origin"),
        ('arches = ["x86_64"]', 'arches = "x86_64"', "defaults.arches"),
        ('arches = ["x86_64"]', "arches = []", "defaults.arches"),
        ("end_of_life = 2026-12-31", 'end_of_life = "soon"', "series.5.10.end_of_life"),
        (PIN, PIN[1:], "sha256.debian"),
        (PIN, PIN.upper(), "sha256.debian"),
        ('"firecracker"', '"../../etc/passwd"', "defaults.vmms.0"),
        ('packages = ["bc"]', 'packages = ["bc,$(id)"]', "builders.old.packages.0"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_its_place(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    error = mistakes(tmp_path, old, new)
    assert str(tmp_path / "kernels.toml") in error.what
    assert place in error.why


def test_all_mistakes_of_form_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL.replace("vmms =", "vms =").replace("end_of_life =", "eol =")
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    lines = caught.value.why.splitlines()
    assert any(line.startswith("defaults.vms") for line in lines)
    assert any(line.startswith("series.5.10.eol") for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('versions."6.1.176"', 'versions."6.1.x"', "'6.1.x' is not a kernel version"),
        ('versions."6.1.176"', 'versions."6.2.1"', "version 6.2.1 stands in series 6.1"),
        ('builder = "old"', 'builder = "older"', "there is no builder 'older'"),
        ('arches = ["x86_64"]', 'arches = ["m68k"]', "'m68k' is not an architecture"),
    ],
)
def test_a_name_that_means_nothing_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    error = mistakes(tmp_path, old, new)
    assert says in error.why
    assert "kernels.toml" in error.what


def test_an_unknown_builder_is_told_with_the_known_ones(tmp_path: Path) -> None:
    assert "bookworm, old" in mistakes(tmp_path, 'builder = "old"', 'builder = "older"').why


def test_all_mistakes_of_meaning_are_told_at_once_with_the_file(tmp_path: Path) -> None:
    text = SMALL.replace('"6.1.176"', '"6.1.x"').replace('builder = "old"', 'builder = "older"')
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert "kernels.toml" in caught.value.what
    assert "older" in caught.value.why
    assert "6.1.x" in caught.value.why


def test_a_pin_for_an_origin_that_is_not_asked_is_a_mistake(tmp_path: Path) -> None:
    mistakes(tmp_path, "debian =", "debain =")


@pytest.mark.parametrize("line", ["vmms = []", "arches = []"])
def test_an_empty_list_is_not_taken_for_the_default(tmp_path: Path, line: str) -> None:
    try:
        kernels = load(tmp_path, SMALL.replace("features = []", line)).kernels
    except UserError:
        return
    assert kernels[0].vmms == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [("[defaults", "is not valid TOML"), ("", "has mistakes"), ("x = 1\nx = 2", "TOML")],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        load(tmp_path, text)


def test_a_catalog_without_kernels_is_told(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index('[series."5.10"]')] + "[series]\n"
    with pytest.raises(UserError, match="names no kernel"):
        load(tmp_path, text)


def test_a_folder_without_a_catalog_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        catalog.load(tmp_path)
    assert str(tmp_path) in caught.value.what
    assert "--catalog" in caught.value.hint


@pytest.mark.parametrize("kind", ["file in its place", "not text"])
def test_a_catalog_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "kernels.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(UserError):
        catalog.load(path if kind == "file in its place" else tmp_path)


# Selecting


@pytest.mark.parametrize(
    ("names", "versions"),
    [
        ([], ["5.10.262", "6.1.176"]),
        (["5.10"], ["5.10.262"]),
        (["5.10.9"], ["5.10.9"]),
        (["6.1", "5.10.9"], ["6.1.176", "5.10.9"]),
        (["5.10", "5.10.262", "5.10"], ["5.10.262"]),
    ],
)
def test_versions_and_series_select_kernels_once_in_the_order_asked(
    tmp_path: Path, names: list[str], versions: list[str]
) -> None:
    assert [str(kernel.version) for kernel in load(tmp_path).select(names)] == versions


@pytest.mark.parametrize("name", ["4.19", "6.1.1", "", "6", "latest"])
def test_an_unknown_name_is_told_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path).select(["6.1", name])
    assert caught.value.what.endswith(f"no kernel {name}")
    assert "5.10.9, 5.10.262, 6.1.176" in caught.value.why
    assert "kernels.toml" in caught.value.hint


def test_a_series_means_its_newest_also_when_the_catalog_has_its_first(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL + '[series."6.1".versions."6.1.0"]\n')
    assert [str(kernel.version) for kernel in found.select(["6.1"])] == ["6.1.176"]
