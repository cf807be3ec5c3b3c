"""Checks as data: what their files may say, what is told of mistakes, and those of this catalog."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ingot import catalog, kconfig
from ingot.arch import arch
from ingot.catalog.guest_checks import GuestCheck, load_guest_checks, merged
from ingot.errors import UserError
from ingot.version import Series
from tests.support.places import REPOSITORY

ONE = """\
[[checks]]
name = "overlay"
about = "a layer over another"
run = "overlay"
options = ["OVERLAY_FS"]
"""
ALL = """\
[[checks]]
name = "net"
about = "packets"
run = "network eth0 10.0.2.100 7"
needs = ["net"]
arches = ["x86_64"]
since = "5.4"
until = "6.1"
seconds = 20
modules = ["virtio_net", "af_packet"]
append = "a=1 b"
options = ["VIRTIO_NET", "PACKET"]
"""


def read(tmp_path: Path, text: str) -> tuple[GuestCheck, ...]:
    path = tmp_path / "containers.toml"
    path.write_text(text)
    return load_guest_checks(path, "feature/containers")


def mistakes(tmp_path: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    return caught.value.why


def test_a_check_says_what_to_run_and_what_that_proves(tmp_path: Path) -> None:
    (proof,) = read(tmp_path, ONE)
    assert proof == GuestCheck(
        "overlay",
        "a layer over another",
        "feature/containers",
        ("overlay",),
        options=("OVERLAY_FS",),
    )
    assert proof.seconds == 10


def test_all_that_a_check_can_say(tmp_path: Path) -> None:
    (proof,) = read(tmp_path, ALL)
    assert proof.run == ("network", "eth0", "10.0.2.100", "7")
    assert proof.needs == {"net"}
    assert proof.arches == ("x86_64",)
    assert (proof.since, proof.until) == (Series(5, 4), Series(6, 1))
    assert (proof.seconds, proof.modules) == (20, ("virtio_net", "af_packet"))
    assert (proof.append, proof.options) == ("a=1 b", ("VIRTIO_NET", "PACKET"))


def test_a_fragment_without_such_a_file_has_no_checks(tmp_path: Path) -> None:
    assert load_guest_checks(tmp_path / "none.toml", "feature/none") == ()


@pytest.mark.parametrize(
    ("series", "on", "reason"),
    [
        ("5.4", "x86_64", ""),
        ("6.1", "x86_64", ""),
        ("4.19", "x86_64", "new in 5.4"),
        ("6.12", "x86_64", "removed after 6.1"),
        ("6.1", "arm64", "not on arm64"),
    ],
)
def test_a_check_is_for_some_series_and_arches(
    tmp_path: Path, series: str, on: str, reason: str
) -> None:
    (proof,) = read(tmp_path, ALL)
    assert proof.fitted(Series.parse(series), arch(on)).unfit == reason


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name =", "nome ="), r"containers\.toml:2: .*no such key \(did you mean 'name'"),
        (
            ('"overlay"', '"Over lay"'),
            r"containers\.toml:2: checks\.0\.name: 'Over lay' is not a name",
        ),
        (('run = "overlay"', 'run = "overlay  twice"'), "is not printable ASCII words"),
        (('run = "overlay"', 'run = "over\\nlay"'), "is not printable ASCII words"),
        (('["OVERLAY_FS"]', "[]"), "must not be empty"),
        (('["OVERLAY_FS"]', '["CONFIG OVERLAY"]'), "'CONFIG OVERLAY' is not an option"),
        (('options = ["OVERLAY_FS"]', ""), "this is missing"),
        (("options", "seconds = 0\noptions"), "greater than or equal to 1"),
        (("options", "seconds = 1000\noptions"), "less than or equal to 120"),
        (("options", 'arches = ["sparc"]\noptions'), "sparc"),
        (("options", 'modules = ["a,b"]\noptions'), "'a,b' is not the name of a module"),
        (
            ("options", 'needs = ["pci", "blok"]\noptions'),
            r"containers\.toml:5: checks\.0\.needs\.1: no machine offers 'blok' \(known: 9p, ",
        ),
        ((ONE, 'options = ["A"]\n' + ONE), r"it belongs to \[\[checks\]\]"),
        (('run = "overlay"', f'run = "{"x " * 70}x"'), "no more than"),
        (
            ('run = "overlay"', 'run = "overly"'),
            r"containers\.toml:4: checks\.0\.run: init has no verb 'overly'"
            r" \(did you mean 'overlay'",
        ),
        (
            ('run = "overlay"', 'run = "overlay twice"'),
            r"containers\.toml:4: checks\.0\.run: 'twice' is one argument too many; usage: overlay",
        ),
        (
            ('run = "overlay"', 'run = "file /proc/version hs Linux"'),
            r"containers\.toml:4: .*'hs' is wrong here \(did you mean 'has'\?\);"
            r" usage: file PATH \[",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    assert re.search(says, mistakes(tmp_path, ONE.replace(*change, 1)))


def test_two_checks_of_a_file_are_not_called_the_same(tmp_path: Path) -> None:
    assert "two checks have the name 'overlay'" in mistakes(tmp_path, ONE + ONE)


def test_a_catalog_is_loaded_only_if_its_checks_can_be_made(tmp_path: Path) -> None:
    directory = tmp_path / "kernels"
    shutil.copytree(OURS.root, directory)
    catalog.load(directory)
    for name in ("containers", "fuse"):
        path = directory / f"fragments/feature/{name}.toml"
        path.write_text(path.read_text() + ONE.replace('run = "overlay"', f'run = "no-{name}"'))
    with pytest.raises(UserError, match=r"2 check files in .* have mistakes") as caught:
        catalog.load(directory)
    assert re.search(r"^containers\.toml:\d+: .*'no-containers'", caught.value.why, re.M)
    assert re.search(r"^fuse\.toml:\d+: .*'no-fuse'", caught.value.why, re.M)


@pytest.mark.parametrize("text", ["checks = 3", "[[checks]", "\0", "checks = []"])
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"containers\.toml"):
        read(tmp_path, text)


def test_the_same_check_of_two_fragments_is_run_once_and_proves_the_options_of_both() -> None:
    one = GuestCheck("block", "a disk", "vmm/qemu", ("block",), options=("A", "B"))
    two = GuestCheck("block", "a disk", "vmm/firecracker", ("block",), options=("B", "C"))
    (both,) = merged([one, two])
    assert (both.feature, both.options) == ("vmm/qemu", ("A", "B", "C"))


def test_two_different_checks_of_one_name_are_refused() -> None:
    one = GuestCheck("block", "a disk", "vmm/qemu", ("block",))
    two = GuestCheck("block", "a disk", "vmm/firecracker", ("block", "/dev/vdb"))
    with pytest.raises(UserError, match="vmm/qemu and vmm/firecracker"):
        merged([one, two])


# Those of this catalog

OURS = catalog.load(REPOSITORY / "kernels")
FRAGMENTS = sorted(
    path.relative_to(OURS.root / "fragments").with_suffix("").as_posix()
    for path in (OURS.root / "fragments").glob("*/*.config")
)


def proofs_beside(fragment: str) -> tuple[GuestCheck, ...]:
    return load_guest_checks(OURS.root / "fragments" / f"{fragment}.toml", fragment)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_every_fragment_has_its_proof(fragment: str) -> None:
    assert proofs_beside(fragment)


def test_no_proof_stands_beside_nothing() -> None:
    files = (OURS.root / "fragments").glob("*/*.toml")
    assert {path.with_suffix(".config").is_file() for path in files} == {True}


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_check_proves_something_that_its_fragment_asks_for(fragment: str) -> None:
    asked = {
        request.option for request in kconfig.load_fragment(OURS.fragment_file(fragment), fragment)
    }
    for proof in proofs_beside(fragment):
        assert asked & set(proof.options), proof.name


def test_all_options_that_are_proven_are_asked_for_somewhere() -> None:
    asked = {
        request.option
        for fragment in FRAGMENTS
        for request in kconfig.load_fragment(OURS.fragment_file(fragment), fragment)
    }
    proven = {option for name in FRAGMENTS for one in proofs_beside(name) for option in one.options}
    assert proven <= asked


@pytest.mark.parametrize("kernel", OURS.kernels, ids=lambda kernel: kernel.tag)
def test_the_checks_of_every_kernel_go_together(kernel: catalog.Kernel) -> None:
    proofs = OURS.guest_checks(kernel)
    assert len({proof.name for proof in proofs}) == len(proofs)
    assert {proof.feature.partition("/")[0] for proof in proofs} >= {"base", "vmm"}
