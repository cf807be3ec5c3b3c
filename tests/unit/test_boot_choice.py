"""Which machine boots which kernel, and what KVM is asked."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from ingot.arch import Arch, all_arches, arch
from ingot.boot.vmm import kvm
from ingot.boot.vmm.choice import default_machine, machine_named
from ingot.boot.vmm.kvm import kvm_fault
from ingot.boot.vmm.machines import machines_of
from ingot.errors import UserError

X86, ARM = arch("x86_64"), arch("arm64")


@pytest.mark.parametrize(
    ("platform", "vmms", "name"),
    [
        (X86, ("firecracker", "cloud-hypervisor", "qemu"), "qemu microvm"),
        (X86, ("firecracker",), "qemu microvm"),
        (X86, ("cloud-hypervisor",), "qemu q35"),
        (X86, ("qemu",), "qemu microvm"),
        (X86, (), "qemu microvm"),
        (ARM, ("firecracker", "qemu"), "qemu virt"),
        (ARM, ("cloud-hypervisor",), "qemu virt-pci"),
        (ARM, ("qemu",), "qemu virt-pci"),
        (X86, ("libkrun",), "qemu microvm-hvc"),
        (ARM, ("libkrun",), "qemu virt-hvc"),
        (ARM, ("apple-virtualization",), "qemu virt-pci-hvc"),
        (X86, ("crosvm",), "qemu q35"),
        (ARM, ("crosvm",), "qemu virt-pci"),
    ],
)
def test_the_first_machine_that_is_like_one_of_the_vmms(
    platform: Arch, vmms: tuple[str, ...], name: str
) -> None:
    assert default_machine(platform, vmms).name == name


@pytest.mark.parametrize("platform", all_arches(), ids=lambda each: each.name)
def test_every_machine_is_found_by_its_words(platform: Arch) -> None:
    found = machines_of(platform)
    assert {"qemu", "firecracker", "cloud-hypervisor"} == {one.vmm for one in found}
    for one in found:
        named = machine_named(platform, one.vmm, one.short_name)
        assert named == one
        assert one.arch == platform.name
        assert one.shutdown in one.offers


def test_an_unknown_machine_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match="pc") as caught:
        machine_named(X86, "qemu", "pc")
    assert caught.value.why == "it has microvm, q35, microvm-hvc"
    with pytest.raises(UserError, match="bochs"):
        machine_named(X86, "bochs")


# KVM


def test_kvm_is_tried_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "kvm"
    device.touch()
    tried: list[int] = []

    def refuse(descriptor: int) -> str:
        tried.append(descriptor)
        return "no"

    monkeypatch.setattr(kvm, "_try", refuse)
    assert [kvm_fault(device) for _ in range(3)] == ["no"] * 3
    assert len(tried) == 1


def test_without_a_device_there_is_no_kvm(tmp_path: Path) -> None:
    assert kvm_fault(tmp_path / "kvm") == f"there is no {tmp_path / 'kvm'}"


def test_a_device_that_is_none_makes_no_machine(tmp_path: Path) -> None:
    (tmp_path / "kvm").touch()
    assert "cannot make a virtual machine" in kvm_fault(tmp_path / "kvm")


def test_a_kvm_that_makes_no_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    assert "Operation not supported" in kvm_fault(Path("/dev/null"))


class _State(bytearray):
    """A processor's state, for `struct` to read."""


@pytest.mark.parametrize(("reason", "fault"), [(5, ""), (17, "exit 17"), (9, "exit 9")])
def test_the_instruction_must_end_as_it_should(
    reason: int, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _State(4096)
    state[8:12] = reason.to_bytes(4, "little")
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 0)
    assert kvm._run(0, state).endswith(fault)  # type: ignore[arg-type]
    assert bool(kvm._run(0, state)) == bool(fault)  # type: ignore[arg-type]


def test_an_instruction_that_never_ends_does_not_hold_up(monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()
    monkeypatch.setattr(kvm, "_RUN_SECONDS", 0.05)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: forever.wait())
    try:
        assert "never ended" in kvm._run(0, _State(4096))  # type: ignore[arg-type]
    finally:
        forever.set()
