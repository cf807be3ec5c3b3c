"""Whether QEMU can use KVM, tried with a firmware of a few bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.vmm import confinement, kvm_in_qemu
from ingot.boot.vmm.kvm_in_qemu import qemu_kvm_fault
from ingot.boot.vmm.machines import machine_for
from ingot.cli import doctor
from ingot.process import Result

MACHINE = machine_for(arch("x86_64"))
REFUSED = "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nqemu: Assertion failed\n"


@pytest.fixture(autouse=True)
def _no_confinement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "words", lambda _: ())


def answer(result: Result, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let QEMU end with this result; returns the commands, with the firmware checked."""
    commands: list[list[str]] = []

    def run(argv: list[str], **_: object) -> Result:
        commands.append(argv)
        firmware = Path(argv[argv.index("-bios") + 1]).read_bytes()
        assert len(firmware) == 65536  # QEMU takes multiples of 64 KiB
        assert firmware[-16:-11] == b"\xb0\x2a\xe6\xf4\xf4"
        return result

    monkeypatch.setattr(kvm_in_qemu, "run", run)
    return commands


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (Result(0x55, ""), ""),
        (Result(-6, REFUSED), "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69"),
        (Result(-15, "", timed_out=True), "a guest in qemu-system-x86_64 never ran"),
        (Result(1, "\n"), "qemu-system-x86_64 failed: 1"),
    ],
)
def test_only_the_firmwares_own_exit_code_shows_that_it_ran(
    result: Result, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = answer(result, monkeypatch)
    assert qemu_kvm_fault(MACHINE) == fault
    assert "kvm" in commands[0]


def test_doctor_does_not_promise_a_kvm_that_qemu_cannot_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "kvm_fault", lambda: "")
    monkeypatch.setattr(doctor, "_qemu_fault", lambda: "failed to set MSR 0x10a to 0x69")
    found = doctor._kvm()
    assert found.detail.startswith("failed to set MSR 0x10a to 0x69: boot tests run in QEMU's TCG")
    monkeypatch.setattr(doctor, "_qemu_fault", lambda: "")
    assert "boot tests try it first" in doctor._kvm().detail
