"""Reading a catalog: what the file says, what it leaves to defaults, where its files are."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ingot import catalog
from ingot.arch import arch
from ingot.catalog import BuilderSpec, Catalog, GitTags, Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.version import Series
from tests.support.catalogs import PIN, SMALL, changed, load
from tests.support.places import REPOSITORY


def kernel(found: Catalog, tag: str) -> Kernel:
    (one,) = [kernel for kernel in found.kernels if kernel.tag == tag]
    return one


# The real one


def test_the_catalog_of_this_repository_loads_and_all_its_fragments_merge() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    series = {str(kernel.version.series) for kernel in real.kernels}
    assert series >= {"4.19", "5.10", "6.1", "6.12", "6.18"}
    assert {kernel.arch.name for kernel in real.kernels} == {"x86_64", "arm64"}
    for one in real.kernels:
        requests = real.requests(one)
        assert requests["VIRTIO_BLK"].value == "y"  # a root file system comes before modules
        assert requests["NET_CORE"].value == "y"
        assert set(one.pins) <= set(real.origins.order)
        if one.flavor.monolithic:
            assert "m" not in {request.value for request in requests.values()}
    assert real.keyring.is_file()
    assert real.store == REPOSITORY / "images"


def test_every_version_but_the_one_that_no_debian_suite_has_is_pinned() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    unpinned = {str(kernel.version) for kernel in real.kernels if not kernel.pins}
    assert unpinned == {"4.19.325"}


def test_no_fragment_of_this_repository_is_left_unused() -> None:
    real = catalog.load(REPOSITORY / "kernels")
    used = {f"{name}.config" for kernel in real.kernels for name in kernel.fragments}
    directory = real.root / "fragments"
    assert {str(path.relative_to(directory)) for path in directory.glob("base/*.config")} <= used


# What the file says


def test_kernels_are_sorted_by_version_then_flavor_then_arch(small: Catalog) -> None:
    assert [kernel.tag for kernel in small.kernels] == [
        "4.19.325",
        *("5.10.9", "5.10.9-arm64", "5.10.9-minimal", "5.10.9-minimal-arm64"),
        *("5.10.262", "5.10.262-arm64", "5.10.262-minimal", "5.10.262-minimal-arm64"),
        *("6.1.176", "6.1.176-arm64", "6.1.176-minimal", "6.1.176-minimal-arm64"),
        *("6.1.176-monolithic", "6.1.176-monolithic-arm64"),
    ]


def test_defaults_fill_in_what_a_series_does_not_say(small: Catalog) -> None:
    old, new = kernel(small, "4.19.325"), kernel(small, "6.1.176")
    assert old.builder == BuilderSpec("old", "bullseye", ("bc",))
    assert new.builder == BuilderSpec("bookworm", "bookworm", ("bc", "zstd"))
    assert old.end_of_life == datetime.date(2024, 12, 5)
    assert new.end_of_life is None
    assert new.pins == {}
    assert kernel(small, "5.10.262").pins == {"debian": Digest(PIN)}


def test_flavors_bring_along_what_their_features_need(small: Catalog) -> None:
    assert kernel(small, "6.1.176").features == ("containers", "kubernetes", "landlock")


def test_a_flavor_has_what_it_does_not_say_from_the_one_it_is_like(small: Catalog) -> None:
    default, minimal, monolithic = (
        kernel(small, f"6.1.176{suffix}").flavor for suffix in ("", "-minimal", "-monolithic")
    )
    assert minimal.vmms == monolithic.vmms == default.vmms == ("firecracker", "qemu")
    assert (minimal.features, minimal.monolithic) == ((), False)
    assert (monolithic.features, monolithic.monolithic) == (default.features, True)
    assert (default.about, minimal.about) == ("for nodes", "")


def test_an_older_series_comes_without_what_is_newer(small: Catalog) -> None:
    assert kernel(small, "5.10.262").features == ("containers", "kubernetes")
    assert kernel(small, "4.19.325").vmms == ("firecracker",)
    assert kernel(small, "5.10.262").vmms == ("firecracker", "qemu")
    assert small.features["sandbox"].since == Series(5, 13)


def test_support_is_what_vmms_say_of_the_series_and_the_arch(small: Catalog) -> None:
    assert kernel(small, "5.10.262").support == {"firecracker": "1.0.0"}
    assert kernel(small, "6.1.176").support == {}
    assert kernel(small, "6.1.176").experimental == ()
    assert kernel(small, "6.1.176-arm64").experimental == ("firecracker",)


def test_a_series_has_ended_the_day_after_its_last(small: Catalog) -> None:
    old, new = kernel(small, "4.19.325"), kernel(small, "6.1.176")
    assert not old.ended(datetime.date(2024, 12, 5))
    assert old.ended(datetime.date(2024, 12, 6))
    assert not new.ended(datetime.date(9999, 12, 31))


def test_a_catalog_can_be_as_small_as_this(tmp_path: Path) -> None:
    text = """
    builders.b = { suite = "bookworm", packages = ["bc"] }
    defaults = { builder = "b", arches = ["arm64"] }
    origins.order = ["debian"]
    vmms.qemu = {}
    flavors.default.vmms = ["qemu"]
    series."6.1".versions."6.1.1" = {}
    """
    (only,) = load(tmp_path, text).kernels
    assert (only.tag, only.features, only.primary) == ("6.1.1", (), True)
    assert only.fragments == ("base/linux", "base/arm64", "vmm/qemu")


def test_the_origins_are_kept_in_their_order(small: Catalog) -> None:
    assert small.origins == catalog.Origins(("kernel.org", "debian"), ("bookworm",))


def test_origins_that_are_told_more(tmp_path: Path) -> None:
    told = """order = ["git", "kernel.org"]
kernel_org_mirror = "http://mirror.example.org/linux"
git = { repository = "https://example.org/linux", keyring = "keyrings/ours.asc" }
"""
    old = 'order = ["kernel.org", "debian"]\n'
    text = changed(old, told).replace(f'debian = "{PIN}"', f'git = "{PIN}"')
    found = load(tmp_path / "kernels", text)
    ours = tmp_path / "kernels" / "keyrings" / "ours.asc"
    assert found.origins.git == GitTags("https://example.org/linux", ours, "v{version}")
    assert found.origins.kernel_org_mirror == "http://mirror.example.org/linux"
    assert found.select(["5.10"])[0].pins == {"git": Digest(PIN)}


def test_a_kernel_can_be_a_key(small: Catalog) -> None:
    assert len(set(small.kernels)) == len(small.kernels)


# Its files


def test_fragments_come_from_the_general_to_the_particular(small: Catalog) -> None:
    assert kernel(small, "6.1.176-arm64").fragments == (
        *("base/linux", "base/arm64", "vmm/firecracker", "vmm/qemu"),
        *("feature/containers", "feature/kubernetes", "feature/landlock"),
    )


def test_the_requests_of_all_fragments_are_merged_for_series_arch_and_flavor(
    small: Catalog,
) -> None:
    lines = "CONFIG_A=y\nCONFIG_B=m # since 6.1\nCONFIG_C=y # on arm64\n"
    for name in kernel(small, "6.1.176").fragments:
        small.fragment_file(name).write_text(lines)

    def asked(tag: str) -> dict[str, str]:
        requests = small.requests(kernel(small, tag))
        return {option: request.value for option, request in requests.items()}

    assert asked("5.10.262") == {"A": "y"}
    assert asked("6.1.176") == {"A": "y", "B": "m"}
    assert asked("6.1.176-monolithic-arm64") == {"A": "y", "B": "y", "C": "y"}
    request = small.requests(kernel(small, "5.10.262"))["A"]
    assert str(request.place) == "base/linux.config:1"


def test_a_fragment_that_is_missing_is_named(small: Catalog) -> None:
    small.fragment_file("base/linux").unlink()
    with pytest.raises(UserError, match=r"base/linux\.config"):
        small.requests(small.kernels[0])


def test_a_feature_asks_for_itself_and_what_it_needs(small: Catalog) -> None:
    small.fragment_file("feature/containers").write_text("CONFIG_A=y\n")
    small.fragment_file("feature/kubernetes").write_text("CONFIG_B=y\nCONFIG_C=y # on arm64\n")
    series = Series(6, 12)  # of any kernel, not only of those in the catalog
    assert list(small.feature_requests("kubernetes", series, arch("x86_64"))) == ["A", "B"]
    assert list(small.feature_requests("kubernetes", series, arch("arm64"))) == ["A", "B", "C"]


def test_a_vmm_asks_for_itself(small: Catalog) -> None:
    small.fragment_file("vmm/qemu").write_text("CONFIG_A=y\n")
    assert list(small.vmm_requests("qemu", Series(6, 12), arch("x86_64"))) == ["A"]


def test_what_cannot_be_asked_for_is_told(small: Catalog) -> None:
    with pytest.raises(UserError, match="no feature 'bfp'") as caught:
        small.feature_requests("bfp", Series(6, 1), arch("x86_64"))
    assert "bpf" in caught.value.hint
    with pytest.raises(UserError, match="no VMM 'xen'"):
        small.vmm_requests("xen", Series(6, 1), arch("x86_64"))
    with pytest.raises(UserError, match=r"the feature sandbox is not available in series 5\.10"):
        small.feature_requests("sandbox", Series(5, 10), arch("x86_64"))
    with pytest.raises(UserError, match=r"qemu does not boot series 4\.19 on x86_64"):
        small.vmm_requests("qemu", Series(4, 19), arch("x86_64"))
    assert small.vmm_requests("qemu", Series(4, 19), arch("arm64")) == {}


def test_patches_are_those_of_the_series_in_the_order_of_their_names(small: Catalog) -> None:
    for name in ("6.1/0010-b.patch", "6.1/0002-a.patch", "6.1/README", "5.10/0001-x.patch"):
        path = small.root / "patches" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = [path.name for path in small.patches(kernel(small, "6.1.176"))]
    assert names == ["0002-a.patch", "0010-b.patch"]
    assert small.patches(kernel(small, "4.19.325")) == ()


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("6.1.176", "linux-x86_64-6.1.176.config"),
        ("6.1.176-arm64", "linux-arm64-6.1.176.config"),
        ("6.1.176-minimal-arm64", "linux-arm64-6.1.176-minimal.config"),
    ],
)
def test_configs_are_named_by_arch_version_and_flavor(small: Catalog, tag: str, name: str) -> None:
    assert small.config_file(kernel(small, tag)) == small.root / "configs" / name


def test_a_feature_is_written_down(small: Catalog) -> None:
    small.fragment_file("feature/mine").write_text("CONFIG_A=y\n")
    small.add_feature("mine", 'what "I" want')
    found = catalog.load(small.root)
    assert found.features["mine"].about == 'what "I" want'
    assert [*found.features][:-1] == [*small.features]


# What is no catalog


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[defaults", "is not valid TOML"),
        ("x = 1\nx = 2\n", r"kernels\.toml:2: .*overwrite"),
        ("", "defaults: this is missing"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        load(tmp_path, text)


def test_a_catalog_without_kernels_is_told(tmp_path: Path) -> None:
    text = SMALL[: SMALL.index('[series."4.19"]')] + "[series]\n"
    with pytest.raises(UserError, match="lists no kernel"):
        load(tmp_path, text)


def test_a_directory_without_a_catalog_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        catalog.load(tmp_path)
    assert str(tmp_path) in caught.value.what
    assert "--catalog" in caught.value.hint
    assert "ingot init" in caught.value.hint


@pytest.mark.parametrize("kind", ["file in its place", "not text"])
def test_a_catalog_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "kernels.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(UserError):
        catalog.load(path if kind == "file in its place" else tmp_path)


def test_a_text_is_read_as_if_it_were_the_file(small: Catalog) -> None:
    found = catalog.parse(changed("6.1.176", "6.1.177"), small.root)
    assert str(found.kernels[-1].version) == "6.1.177"
    assert catalog.load(small.root) == small
