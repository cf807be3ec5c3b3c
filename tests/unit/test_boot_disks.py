"""Guests whose root is a disk: what is on which disk, and what they are not asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.boot.guest.root_disks import make_disk_guest
from ingot.boot.vmm.machines import Guest, Machine
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import GuestCheck
from ingot.errors import MachineError
from ingot.process import CommandFailedError, Result
from tests.support.digests import digest

MACHINE = Machine(
    name="qemu microvm",
    vmm="qemu",
    arch="x86_64",
    represents=("qemu",),
    offers=frozenset({"block"}),
    append="console=ttyS0",
    shutdown="reboot",
)
OVERLAY = GuestCheck("overlay", "layers", "feature/containers", ("overlay",), append="more=1")
BLOCK = replace(OVERLAY, name="block", needs=frozenset({"block"}))

Disks = dict[str, dict[str, bytes]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Disks:
    """What every disk was made of: its name -> path -> content."""
    found: Disks = {}

    def mke2fs(argv: list[str]) -> Result:
        assert argv[argv.index("--") + 1] == "mke2fs"
        build, inputs = (Path(argv[argv.index(at) - 1]) for at in ("/build", "/inputs"))
        directory = inputs / Path(argv[argv.index("-d") + 1]).name
        image, size = argv[-2:]
        found[Path(image).stem] = {
            f"/{path.relative_to(directory)}": path.read_bytes()
            for path in directory.rglob("*")
            if path.is_file()
        }
        assert int(size.removesuffix("k")) % 4 == 0
        (build / Path(image).name).touch()
        return Result(0, "")

    monkeypatch.setattr("ingot.builder.sandbox.run", mke2fs)
    return found


def guest_of(tmp_path: Path, *, volume: bool) -> Guest:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "veth.ko").write_bytes(b"VETH")
    (modules / "modules.dep").write_text("veth.ko:\n")
    sandbox = Sandbox.below(tmp_path, Builder("bookworm", digest("builder"), tmp_path))
    kernel = Path("/boot/vmlinux")
    return make_disk_guest(
        kernel, modules, "6.1", b"INIT", MACHINE, [OVERLAY, BLOCK], sandbox, volume=volume
    )


def checks_of(guest: Guest) -> tuple[str, ...]:
    assert guest.expected is not None
    return guest.expected.checks


def test_the_root_holds_all_that_an_initramfs_would(tmp_path: Path, made: Disks) -> None:
    guest = guest_of(tmp_path, volume=False)
    assert guest.initramfs is None
    assert [path.name for path in guest.disks] == ["root.ext4"]
    assert guest.append == "root=/dev/vda rootfstype=ext4 rw init=/init more=1"
    assert checks_of(guest) == ("root-on-disk", "overlay", "module veth.ko")
    assert set(made) == {"root"}
    assert made["root"]["/ingot/plan"].startswith(b"key /dev/vdb\n")
    assert "/ingot/key" not in made["root"]
    assert made["root"]["/init"] == b"INIT"
    assert made["root"]["/lib/modules/6.1/veth.ko"] == b"VETH"


def test_a_volume_holds_the_modules_and_nothing_else_does(tmp_path: Path, made: Disks) -> None:
    guest = guest_of(tmp_path, volume=True)
    assert [path.name for path in guest.disks] == ["root.ext4", "volume.ext4"]
    assert checks_of(guest)[0] == "modules-volume"
    assert made["volume"] == {"/veth.ko": b"VETH", "/modules.dep": b"veth.ko:\n"}
    assert not any(name.startswith("/lib/modules") for name in made["root"])
    plan = made["root"]["/ingot/plan"].decode().splitlines()
    assert plan[0] == "key /dev/vdc"
    assert plan[1] == "mount modules-volume /dev/vdb /lib/modules/6.1 ext4"
    assert plan[-2:] == ["module veth.ko", "reboot"]


def test_what_would_write_to_the_root_is_skipped(tmp_path: Path, made: Disks) -> None:
    guest = guest_of(tmp_path, volume=False)
    assert not guest.scratch
    (skipped,) = guest.skipped
    assert (skipped.name, skipped.detail) == ("block", "the first disk is the guest's root")


def test_a_builder_that_makes_no_disks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mke2fs(argv: list[str]) -> Result:
        raise CommandFailedError(argv, 127, ["mke2fs: not found"])

    monkeypatch.setattr("ingot.builder.sandbox.run", mke2fs)
    with pytest.raises(MachineError) as caught:
        guest_of(tmp_path, volume=False)
    assert "not found" in caught.value.why
    assert "e2fsprogs" in caught.value.hint
