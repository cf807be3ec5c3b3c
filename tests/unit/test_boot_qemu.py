"""QEMU's command, and how an accelerator that cannot run a guest is told from a bad kernel."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot import qemu
from ingot.boot.qemu import Guest, boot, machine_for
from ingot.boot.report import Expectation, Verdict
from ingot.errors import MachineError, UserError
from ingot.process import Result

X86 = arch("x86_64")
GOOD = (
    'INGOT {"check":"release","ok":true,"detail":"6.1.176"}\n\n'
    'INGOT {"check":"end","ok":true,"detail":"rebooting"}\n'
)


class Qemu:
    """Stands in for QEMU: answers for each accelerator what it is told to."""

    def __init__(self) -> None:
        self.results = {"kvm": Result(0, GOOD), "tcg": Result(0, GOOD)}
        self.commands: list[list[str]] = []
        self.timeouts: list[float] = []
        self.silences: list[float | None] = []
        self.initramfs = b""

    @property
    def tried(self) -> list[str]:
        return [command[command.index("-accel") + 1] for command in self.commands]

    def __call__(
        self, argv: list[str], *, check: bool, timeout: float, silence: float | None
    ) -> Result:
        assert not check  # how it ended is for the judge
        self.commands.append(argv)
        self.timeouts.append(timeout)
        self.silences.append(silence)
        self.initramfs = Path(argv[argv.index("-initrd") + 1]).read_bytes()
        return self.results[self.tried[-1]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Qemu:
    fake = Qemu()
    monkeypatch.setattr(qemu, "run", fake)
    monkeypatch.setattr(qemu, "KVM", tmp_path / "kvm")
    return fake


@pytest.fixture
def kvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kvm").touch()
    real = os.uname()
    fields = (real.sysname, real.nodename, real.release, real.version, "x86_64")
    monkeypatch.setattr("ingot.boot.qemu.os.uname", lambda: os.uname_result(fields))


@pytest.fixture
def guest() -> Guest:
    return Guest(Path("/x/boot/vmlinux"), b"CPIO", Expectation("6.1.176", ()))


def test_the_command_starts_a_microvm_with_its_timers_and_nothing_else(
    fake: Qemu, guest: Guest
) -> None:
    report = boot(guest, X86, 60.0)
    command = list(report.command)
    assert command == fake.commands[0]
    assert command[0] == "qemu-system-x86_64"
    following = dict(itertools.pairwise(command))
    assert following["-kernel"] == "/x/boot/vmlinux"
    machine = following["-M"].split(",")
    assert machine[0] == "microvm"
    assert {"pit=on", "pic=on", "rtc=on", "isa-serial=on"} <= set(machine)
    assert following["-cpu"] == "max"
    assert following["-serial"] == "stdio"
    assert {"-nodefaults", "-no-user-config", "-nographic", "-no-reboot"} <= set(command)
    words = following["-append"].split()
    assert {"console=ttyS0", "reboot=k"} <= set(words)
    assert not any(word.startswith("root=") for word in words)
    assert any(word.startswith("tsc_early_khz=") for word in words)  # or TCG never calibrates


def test_the_initramfs_is_handed_over_and_removed_afterwards(fake: Qemu, guest: Guest) -> None:
    report = boot(guest, X86, 60.0)
    assert fake.initramfs == b"CPIO"
    assert not Path(report.command[report.command.index("-initrd") + 1]).exists()


def test_a_full_disk_is_told_and_nothing_stays(
    fake: Qemu, guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("ingot.boot.qemu.tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(MachineError, match=r"no space left .*/temporary"):
        boot(guest, X86, 60.0)
    assert fake.tried == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_kvm_the_guest_is_emulated_within_the_time_given(fake: Qemu, guest: Guest) -> None:
    report = boot(guest, X86, 60.0)
    assert fake.tried == ["tcg"]
    assert fake.timeouts == [60.0]
    assert report.verdict is Verdict.PASSED
    assert (report.machine, report.accelerator) == ("qemu microvm", "tcg")
    assert all(line.strip() for line in report.console)


@pytest.mark.usefixtures("kvm")
def test_with_kvm_that_works_nothing_is_emulated(fake: Qemu, guest: Guest) -> None:
    assert boot(guest, X86, 60.0).accelerator == "kvm"
    assert fake.tried == ["kvm"]
    (command,) = fake.commands
    assert "tsc_early_khz" not in command[command.index("-append") + 1]


@pytest.mark.usefixtures("kvm")
@pytest.mark.parametrize(
    "broken", [Result(1, "qemu: failed to initialize kvm\n"), Result(-15, "", timed_out=True)]
)
def test_a_kvm_that_runs_no_guest_is_not_held_against_the_kernel(
    fake: Qemu, guest: Guest, broken: Result
) -> None:
    fake.results["kvm"] = broken
    report = boot(guest, X86, 60.0)
    assert fake.tried == ["kvm", "tcg"]
    assert report.passed
    assert report.accelerator == "tcg"
    assert fake.timeouts == [60.0, 60.0]
    under_kvm, emulated = fake.silences
    assert under_kvm is not None  # a KVM that runs nothing is left early
    assert emulated is None


@pytest.mark.usefixtures("kvm")
def test_a_kernel_that_boots_nowhere_is_judged_by_the_emulation(fake: Qemu, guest: Guest) -> None:
    fake.results = dict.fromkeys(("kvm", "tcg"), Result(0, "Kernel panic - not syncing\n"))
    report = boot(guest, X86, 60.0)
    assert report.verdict is Verdict.PANIC
    assert report.accelerator == "tcg"


def test_the_guest_ends_in_the_way_the_machine_knows() -> None:
    assert machine_for(X86).shutdown == "reboot"


def test_an_arch_without_a_machine_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="riscv64"):
        machine_for(dataclasses.replace(X86, name="riscv64"))
