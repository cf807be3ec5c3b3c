"""The guest whose root is the files of an image: in memory if they fit there, else on a disk."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.vmm.machines import MEMORY_MIB
from ingot.builder.sandbox import Builder, Sandbox
from ingot.lab.boot_root import guest_of_files
from ingot.lab.boot_target import BootTarget
from tests.support.digests import digest


@pytest.fixture
def target(tmp_path: Path) -> BootTarget:
    sandbox = Sandbox.below(tmp_path / "work", Builder("test", digest("builder")))
    return BootTarget(
        tmp_path / "vmlinux", tmp_path / "none", "6.1.9", arch("x86_64"), sandbox, tmp_path
    )


def test_a_root_in_memory_fits_into_the_half_that_a_tmpfs_may_fill(
    target: BootTarget, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "data").write_bytes(bytes(40 << 20))
    guest = guest_of_files(target, tmp_path / "files", "/init", on_disk=False)
    assert guest.initramfs is not None
    unpacked = len(guest.initramfs) >> 20
    rest = guest.memory - unpacked  # the kernel reserves the memory of the archive
    kernel = 64
    assert (rest - kernel) // 2 > unpacked
    assert guest.memory > MEMORY_MIB


def test_a_root_on_a_disk_is_not_in_memory(
    target: BootTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("ingot.lab.boot_root")  # the package has a function of this name
    monkeypatch.setattr(module, "make_tree_disk", lambda *_: tmp_path / "root.ext4")
    guest = guest_of_files(target, tmp_path / "files", "/sbin/init", on_disk=True)
    assert guest.initramfs is None
    assert guest.disks == (tmp_path / "root.ext4",)
    assert guest.append == "root=/dev/vda rootfstype=ext4 rw init=/sbin/init"
