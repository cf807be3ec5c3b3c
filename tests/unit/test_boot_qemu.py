"""QEMU's command, and how an accelerator that cannot run a guest is told from a bad kernel."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import os
import re
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.boot_report import CheckResult, Expectation, Outcome, Verdict
from ingot.boot.vmm import machines, qemu, running
from ingot.boot.vmm.machines import QEMU_MACHINES, Guest, QemuMachine, machine_for, without_acpi
from ingot.boot.vmm.qemu import boot
from ingot.catalog import OFFERS
from ingot.errors import MachineError, UserError
from ingot.process import Result
from tests.support.guests import KEY, key_in, tagged

X86 = arch("x86_64")
MICROVM, Q35, VIRT, VIRT_PCI, *_ = QEMU_MACHINES
GOOD = (
    'INGOT {"check":"release","outcome":"passed","detail":"6.1.176"}\n\n'
    'INGOT {"check":"end","outcome":"passed","detail":"rebooting"}\n'
)
FILTER = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


class Qemu:
    """Stands in for QEMU: answers for each accelerator what it is told to."""

    def __init__(self) -> None:
        self.results = {"kvm": Result(0, GOOD), "tcg": Result(0, GOOD)}
        self.commands: list[list[str]] = []
        self.timeouts: list[float] = []
        self.silences: list[float | None] = []
        self.initramfs = b""
        self.files: dict[Path, int] = {}
        self.pipes: dict[Path, bool] = {}
        self.keys: list[bytes] = []
        self.told: list[object] = []

    @property
    def tried(self) -> list[str]:
        return [command[command.index("-accel") + 1] for command in self.commands]

    def __call__(
        self,
        argv: list[str],
        *,
        check: bool,
        timeout: float,
        silence: float | None,
        stop: int | None,
        limit: int,
        on_line: object,
    ) -> Result:
        assert not check  # how it ended is for the judge
        assert stop is None
        assert limit == running.CONSOLE_BYTES
        self.commands.append(argv)
        self.timeouts.append(timeout)
        self.silences.append(silence)
        if "-initrd" in argv:
            self.initramfs = Path(argv[argv.index("-initrd") + 1]).read_bytes()
            self.keys.append(key_in(self.initramfs))
        self.files = {
            path: path.stat().st_size
            for word in argv
            for name in re.findall(r"(?:file|path)=([^,]+)", word)
            if (path := Path(name)).exists()
        }
        for path in self.files:
            if path.name == "key.img":
                self.keys.append(path.read_bytes()[:16])
        self.pipes = {
            Path(name): Path(f"{name}.in").samefile(f"{name}.out")
            for word in argv
            for name in re.findall(r"^pipe,id=echo,path=([^,]+)", word)
        }
        self.told = [json.loads(line) for line in self.monitor(argv).splitlines()]
        result = self.results[self.tried[-1]]
        return dataclasses.replace(result, output=tagged(result.output, (self.keys or [KEY])[-1]))

    def monitor(self, argv: list[str]) -> bytes:
        """What waits in the pipe of the monitor, if there is one."""
        names = [
            found[1] for word in argv if (found := re.match("pipe,id=monitor,path=(.+)", word))
        ]
        if not names:
            return b""
        assert Path(f"{names[0]}.out").is_fifo()
        pipe = os.open(f"{names[0]}.in", os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(pipe, 4096)
        finally:
            os.close(pipe)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Qemu:
    fake = Qemu()
    monkeypatch.setattr(running, "run", fake)
    monkeypatch.setattr(qemu, "kvm_fault", lambda: "there is none")
    monkeypatch.setattr("ingot.boot.vmm.confinement.words", lambda _: ("-sandbox", FILTER))
    return fake


@pytest.fixture
def kvm(fake: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "kvm_fault", lambda: "")
    real = os.uname()
    fields = (real.sysname, real.nodename, real.release, real.version, "x86_64")
    monkeypatch.setattr("ingot.boot.vmm.qemu.os.uname", lambda: os.uname_result(fields))


@pytest.fixture
def guest() -> Guest:
    return Guest(Path("/x/boot/vmlinux"), b"CPIO", Expectation("6.1.176", ()))


def test_the_command_starts_a_microvm_with_its_timers_and_nothing_else(
    fake: Qemu, guest: Guest
) -> None:
    report = boot(guest, MICROVM, 60.0)
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
    report = boot(guest, MICROVM, 60.0)
    assert fake.initramfs.startswith(b"CPIO070701")
    assert not Path(report.command[report.command.index("-initrd") + 1]).exists()


def test_a_full_disk_is_told_and_nothing_stays(
    fake: Qemu, guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("ingot.boot.vmm.running.tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(MachineError, match=r"no space left .*/temporary"):
        boot(guest, MICROVM, 60.0)
    assert fake.tried == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_kvm_the_guest_is_emulated_within_the_time_given(fake: Qemu, guest: Guest) -> None:
    report = boot(guest, MICROVM, 60.0)
    assert fake.tried == ["tcg"]
    assert fake.timeouts == [60.0]
    assert report.verdict is Verdict.PASSED
    assert (report.machine, report.accelerator) == ("qemu microvm", "tcg")
    assert all(line.strip() for line in report.console)


@pytest.mark.usefixtures("kvm")
def test_with_kvm_that_works_nothing_is_emulated(fake: Qemu, guest: Guest) -> None:
    report = boot(guest, MICROVM, 60.0)
    assert (report.accelerator, report.notes) == ("kvm", ())
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
    report = boot(guest, MICROVM, 60.0)
    assert fake.tried == ["kvm", "tcg"]
    assert report.passed
    assert report.accelerator == "tcg"
    assert fake.timeouts == [60.0, 60.0]
    under_kvm, emulated = fake.silences
    assert under_kvm is not None  # a KVM that runs nothing is left early
    assert emulated is None
    (note,) = report.notes
    assert note.startswith("with KVM the boot did not pass (")


@pytest.mark.usefixtures("kvm")
def test_a_kernel_that_boots_nowhere_is_judged_by_the_emulation(fake: Qemu, guest: Guest) -> None:
    fake.results = dict.fromkeys(("kvm", "tcg"), Result(0, "Kernel panic - not syncing\n"))
    report = boot(guest, MICROVM, 60.0)
    assert report.verdict is Verdict.PANIC
    assert report.accelerator == "tcg"
    assert report.notes == ()


@pytest.mark.usefixtures("kvm")
def test_kvm_is_not_tried_for_another_arch(fake: Qemu, guest: Guest) -> None:
    assert boot(guest, VIRT, 60.0).accelerator == "tcg"
    assert fake.tried == ["tcg"]


# Devices


def devices(fake: Qemu) -> list[str]:
    words = fake.commands[-1]
    return [after for word, after in itertools.pairwise(words) if word == "-device"]


@pytest.mark.parametrize("machine", QEMU_MACHINES, ids=lambda machine: machine.short_name)
def test_a_machine_has_what_it_offers_on_its_own_transport(
    machine: QemuMachine, fake: Qemu, guest: Guest
) -> None:
    boot(dataclasses.replace(guest, scratch=True, network=True), machine, 60.0)
    names = {device.partition(",")[0] for device in devices(fake)}
    wanted = {"block": "blk", "net": "net", "rng": "rng", "balloon": "balloon", "9p": "9p"}
    assert {f"virtio-{name}-{machine.transport}" for name in wanted.values()} <= names
    assert set(wanted) <= machine.offers
    assert not any("vsock" in name for name in names)  # this host has no vhost
    ends = "pci" if "pci" in machine.offers else "device"
    assert machine.transport == ends
    assert ("mmio" in machine.offers) == (ends == "device")


def test_the_host_wants_memory_back_of_a_guest_that_is_to_prove_that_it_can(
    fake: Qemu, guest: Guest
) -> None:
    boot(dataclasses.replace(guest, memory=300), MICROVM, 60.0)
    assert fake.told == [
        {"execute": "qmp_capabilities", "arguments": {}},
        {"execute": "balloon", "arguments": {"value": (300 - 16) << 20}},
    ]
    boot(dataclasses.replace(guest, expected=None), MICROVM, 60.0)
    assert fake.told == []
    assert "-mon" not in fake.commands[-1]


@pytest.mark.parametrize("machine", QEMU_MACHINES, ids=lambda machine: machine.short_name)
def test_persistent_memory_is_a_file_above_the_guests_own(
    machine: QemuMachine, fake: Qemu, guest: Guest
) -> None:
    boot(guest, machine, 60.0)
    words = fake.commands[-1]
    sizes = [after for word, after in itertools.pairwise(words) if word == "-m"]
    files = {path.name: size for path, size in fake.files.items()}
    if "pmem" in machine.offers:
        assert sizes == ["256", "maxmem=512M"]
        assert "virtio-pmem-pci,memdev=pmem" in devices(fake)
        assert files["pmem.img"] == 16 << 20
    else:
        assert sizes == ["256"]
        assert "pmem.img" not in files
    assert ("pmem" in machine.offers) == (machine is Q35)


def test_the_scratch_disk_comes_first_is_16_mib_and_goes(
    fake: Qemu, guest: Guest, tmp_path: Path
) -> None:
    disk = tmp_path / "a,b.img"
    disk.write_bytes(bytes(512))
    boot(dataclasses.replace(guest, scratch=True, disks=(disk,)), MICROVM, 60.0)
    words = fake.commands[0]
    drives = [after for word, after in itertools.pairwise(words) if word == "-drive"]
    assert [drive.partition(",file=")[0] for drive in drives] == [
        "if=none,id=disk0,format=raw",
        "if=none,id=disk1,format=raw",
    ]
    assert drives[1].endswith("a,,b.img")  # a comma would end the option
    (scratch,) = (path for path in fake.files if path.name == "scratch.img")
    assert fake.files[scratch] == 16 << 20
    assert not scratch.exists()
    assert disk.exists()


def test_what_is_sent_to_the_host_comes_back_and_nothing_else_gets_out(
    fake: Qemu, guest: Guest
) -> None:
    boot(dataclasses.replace(guest, network=True), MICROVM, 60.0)
    words = fake.commands[0]
    network = words[words.index("-netdev") + 1].split(",")
    assert "restrict=on" in network
    assert "guestfwd=tcp:10.0.2.100:7-chardev:echo" in network
    assert list(fake.pipes.values()) == [True]  # what is written to it is what is read from it
    assert "cmd:" not in str(words)  # QEMU may start no programs


def test_a_guest_that_sends_nothing_has_no_network(fake: Qemu, guest: Guest) -> None:
    boot(guest, Q35, 60.0)
    assert "-netdev" not in fake.commands[0]
    assert not any("net" in device for device in devices(fake))


def test_qemu_filters_its_calls_and_reads_nothing_of_the_user(fake: Qemu, guest: Guest) -> None:
    boot(guest, MICROVM, 60.0)
    words = fake.commands[0]
    assert words[words.index("-sandbox") + 1] == FILTER
    assert {"-nodefaults", "-no-user-config"} <= set(words)


def test_the_terminal_of_a_guest_has_no_monitor(
    fake: Qemu, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(qemu, "run_in_terminal", started.append)
    qemu.boot_in_terminal(dataclasses.replace(guest, expected=None), MICROVM)
    (words,) = started
    assert "mon" not in str([word for word in words if word.startswith("mon")])
    assert words[words.index("-monitor") + 1] == "none"
    assert "-mon" not in words and "-qmp" not in words
    assert words[words.index("-serial") + 1] == "chardev:console"
    assert "stdio,id=console,mux=on,signal=off" in words  # Ctrl-A X still ends it
    assert words[words.index("-sandbox") + 1] == FILTER


@pytest.mark.parametrize(
    "machine",
    [machine for machine in QEMU_MACHINES if machine.virtio_console],
    ids=lambda machine: machine.short_name,
)
def test_a_guest_without_a_serial_port_prints_on_hvc0(
    machine: QemuMachine, fake: Qemu, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = list(boot(guest, machine, 60.0).command)
    following = dict(itertools.pairwise(words))
    assert following["-serial"] == "none"
    assert "stdio,id=hvc" in words and "null,id=hvc" not in words
    assert "virtconsole,chardev=hvc" in words
    assert "console=hvc0" in following["-append"].split()
    assert "console=tty" not in following["-append"]
    started: list[list[str]] = []
    monkeypatch.setattr(qemu, "run_in_terminal", started.append)
    qemu.boot_in_terminal(dataclasses.replace(guest, expected=None), machine)
    assert "stdio,id=hvc,mux=on,signal=off" in started[0]
    assert "chardev:console" not in started[0]


# Whose lines are believed


def test_each_boot_has_a_key_of_its_own_which_is_nowhere_else(fake: Qemu, guest: Guest) -> None:
    for _ in range(2):
        assert boot(guest, MICROVM, 60.0).passed
    first, second = fake.keys
    assert first != second
    assert len(first) == 16
    for words, key in zip(fake.commands, fake.keys, strict=True):
        assert key.hex() not in " ".join(words)  # the guest could read its command line
        assert os.fsdecode(key) not in " ".join(words)


@pytest.mark.usefixtures("kvm")
def test_a_guest_that_is_tried_again_has_another_key(fake: Qemu, guest: Guest) -> None:
    fake.results["kvm"] = Result(1, GOOD)
    boot(guest, MICROVM, 60.0)
    assert len(set(fake.keys)) == 2


def test_a_guest_without_an_initramfs_finds_its_key_on_its_last_disk(
    fake: Qemu, guest: Guest, tmp_path: Path
) -> None:
    disk = tmp_path / "root.ext4"
    disk.write_bytes(bytes(4096))
    for _ in range(2):
        report = boot(dataclasses.replace(guest, initramfs=None, disks=(disk,)), MICROVM, 60.0)
        assert report.passed
    drives = [after for word, after in itertools.pairwise(fake.commands[0]) if word == "-drive"]
    assert [Path(drive.rpartition("file=")[2]).name for drive in drives] == ["root.ext4", "key.img"]
    assert len(set(fake.keys)) == 2


def test_a_guest_with_an_init_of_its_own_is_given_no_key(fake: Qemu, guest: Guest) -> None:
    fake.results["tcg"] = Result(0, "reboot: Power down\n")
    assert boot(dataclasses.replace(guest, expected=None), MICROVM, 60.0).passed
    assert fake.initramfs == b"CPIO"


def test_lines_with_tags_of_another_boot_pass_nothing(fake: Qemu, guest: Guest) -> None:
    fake.results["tcg"] = Result(0, tagged(GOOD, bytes(16)))
    report = boot(guest, MICROVM, 60.0)
    assert report.verdict is Verdict.FAILED
    assert report.reports.forged == 2


def test_a_guest_that_never_stops_printing_is_told(fake: Qemu, guest: Guest) -> None:
    fake.results["tcg"] = Result(-15, GOOD, too_long=True)
    report = boot(guest, MICROVM, 60.0)
    assert report.verdict is Verdict.ENDLESS
    assert report.reason == "the guest printed more than 16 MiB, and was ended"


def test_vsock_is_offered_where_the_host_has_it(
    fake: Qemu, guest: Guest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "vhost-vsock").touch()
    monkeypatch.setattr(machines, "VHOST_VSOCK", tmp_path / "vhost-vsock")
    machine = machine_for(X86)
    assert "vsock" in machine.offers
    boot(guest, machine, 60.0)
    (device,) = (word for word in devices(fake) if "vsock" in word)
    assert re.fullmatch(r"vhost-vsock-device,guest-cid=\d+", device)
    assert int(device.rpartition("=")[2]) > 2


def test_a_guest_without_an_initramfs_is_given_none(fake: Qemu, guest: Guest) -> None:
    boot(dataclasses.replace(guest, initramfs=None, append="root=/dev/vda"), MICROVM, 60.0)
    words = fake.commands[0]
    assert "-initrd" not in words
    assert words[words.index("-append") + 1].endswith(" root=/dev/vda")


def test_a_guest_gets_the_memory_it_needs(fake: Qemu, guest: Guest) -> None:
    boot(guest, MICROVM, 60.0)
    boot(dataclasses.replace(guest, memory=1000), MICROVM, 60.0)
    sizes = [words[words.index("-m") + 1] for words in fake.commands]
    assert sizes == ["256", "1000"]


def test_skipped_checks_are_in_the_report(fake: Qemu, guest: Guest) -> None:
    skipped = CheckResult("vsock", Outcome.SKIPPED, "qemu microvm does not offer vsock")
    report = boot(dataclasses.replace(guest, skipped=(skipped,)), MICROVM, 60.0)
    assert report.passed
    assert skipped in report.checks


def test_a_kernel_that_must_not_see_acpi_is_told_of_its_devices_otherwise() -> None:
    machine = without_acpi(MICROVM)
    assert machine.machine == f"{MICROVM.machine},acpi=off"
    assert machine.append == f"{MICROVM.append} acpi=off"
    assert "acpi" not in machine.offers


def test_what_machines_offer_is_what_checks_can_need() -> None:
    for machine in (*QEMU_MACHINES, *machines.REAL_MACHINES):
        assert machine.offers <= {*OFFERS}


def test_the_guest_ends_in_the_way_the_machine_knows() -> None:
    for machine in QEMU_MACHINES:
        assert machine.shutdown in machine.offers


def test_an_arch_without_a_machine_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="riscv64"):
        machine_for(dataclasses.replace(X86, name="riscv64"))
