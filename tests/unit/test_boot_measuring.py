"""Two boots make a profile: how they are started, what is taken from which, what goes wrong."""

from __future__ import annotations

import itertools
import os
import select
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.cost import instruction_count
from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
from ingot.boot.cost.instruction_count import measure
from ingot.boot.vmm.machines import machine_for
from ingot.confined_files import UnsafeFileError
from ingot.errors import BootError, MachineError
from ingot.process import Result
from tests.support.guests import report
from tests.support.progress import Recorder
from tests.support.recordings import recording, said

X86, ARM64 = arch("x86_64"), arch("arm64")
KERNEL = (
    (1_000, "earlycon: uart8250 at I/O port 0x3f8 (options '')"),
    (9_000, "Memory: 238712K/261752K available"),
    (9_500, "calling  acpi_init+0x0/0x1b5 @ 1"),
    (19_500, "initcall acpi_init+0x0/0x1b5 returned 0 after 4000 usecs"),
)


INIT = b"INIT ingot's key here"


@dataclass
class Qemu:
    """Stands in for QEMU: its guests end well and report what they are told to."""

    reports: dict[str, str] = field(
        default_factory=lambda: {
            "clock": "100000 1000000000",
            "log clock": "0.000077244",
            "release": "6.1.176",
            "initramfs": "unpacked",
            "memory": "237064",
            "end": "rebooting",
        }
    )
    recorded: bytes | None = None
    result: Result = field(default_factory=lambda: Result(0, ""))
    commands: list[list[str]] = field(default_factory=list)
    initramfs: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)

    def __call__(
        self,
        argv: list[str],
        *,
        check: bool = True,
        timeout: float | None = None,
        stop: int | None = None,
        limit: int | None = None,
    ) -> Result:
        if argv[1:] == ["--version"]:
            return Result(0, "QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright (c) 2003\n")
        assert not check and timeout == 60.0 and limit and stop
        self.commands.append(argv)
        following = dict(itertools.pairwise(argv))
        self.initramfs.append(Path(following["-initrd"]).read_bytes())
        self.keys.append(self.initramfs[-1].rpartition(b"INIT ")[2][:16])
        console, counts = said(
            (
                *KERNEL,
                *((200_000, report(*item, key=self.keys[-1])) for item in self.reports.items()),
            ),
            each=0,
        )
        path = following["-chardev"].partition("path=")[2]
        self.write(Path(path), console)
        if log := following["-icount"].partition("rrfile=")[2]:
            Path(log).write_bytes(recording(counts) if self.recorded is None else self.recorded)
        return self.result

    def write(self, path: Path, console: bytes) -> None:
        path.write_bytes(console)

    def words(self, boot: int) -> dict[str, str]:
        return dict(itertools.pairwise(self.commands[boot]))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Qemu:
    fake = Qemu()
    monkeypatch.setattr(instruction_count, "run", fake)
    monkeypatch.setattr("ingot.boot.vmm.confinement.words", lambda _: ("-sandbox", "on"))
    return fake


def count(recorder: Recorder | None = None, release: str | None = "6.1.176") -> Profile:
    return measure(
        Path("/x/boot/vmlinux"), INIT, machine_for(X86), release, 60.0, recorder or Recorder()
    )


def test_the_figure_is_of_the_quiet_boot_and_its_parts_of_the_other(fake: Qemu) -> None:
    assert count() == Profile(
        machine="qemu microvm",
        emulator="QEMU 7.2.22",
        command_line="console=ttyS0 reboot=k panic=-1 no_timer_check initramfs_async=0 quiet",
        instructions=100_000,
        phases=(
            Phase("entry", 1_000),
            Phase("memory", 8_000),
            Phase("freeing memory, starting init", 91_000),
        ),
        initcalls=(Initcall("acpi_init", 10_000),),
        memory_used=(256 << 20) - (237_064 << 10),
        calibration=0,
        log_clock=77_244,
    )


def test_both_boots_count_and_differ_in_nothing_that_the_guest_could_see(fake: Qemu) -> None:
    count()
    quiet, detailed = (fake.words(boot) for boot in (0, 1))
    assert quiet["-icount"] == "shift=0,sleep=off"
    assert detailed["-icount"].startswith("shift=0,sleep=off,rr=record,rrfile=")
    for words in (quiet, detailed):
        assert words["-accel"] == "tcg"
        assert words["-smp"] == "1"
        assert words["-m"] == "256"
        assert words["-seed"] == "1"
        assert words["-rtc"].startswith("base=2026-01-01")
        assert words["-chardev"].startswith("file,id=console,path=")
        assert words["-sandbox"] == "on"
        assert words["-serial"] == "chardev:console"
        assert {"no_timer_check", "initramfs_async=0"} <= set(words["-append"].split())
    assert "quiet" in quiet["-append"].split()
    assert "initcall_debug" not in quiet["-append"]
    loud = set(detailed["-append"].split())
    assert {"initcall_debug", "ignore_loglevel", "apic=verbose"} <= loud
    assert "quiet" not in loud
    first, second = fake.initramfs
    assert first.replace(fake.keys[0], b"") == second.replace(fake.keys[1], b"")
    assert fake.keys[0] != fake.keys[1]
    assert len(first) == len(second)
    assert quiet["-M"] == detailed["-M"] and quiet["-cpu"] == detailed["-cpu"]


def test_the_counter_of_arm64_is_made_to_tick_once_a_nanosecond(fake: Qemu) -> None:
    measure(Path("/x/boot/vmlinux"), INIT, machine_for(ARM64), None, 60.0, Recorder())
    words = fake.words(0)
    assert fake.commands[0][0] == "qemu-system-aarch64"
    assert "cntfrq=1000000000" in words["-cpu"].split(",")
    assert "nokaslr" in words["-append"].split()


def test_a_counter_of_another_frequency_is_read_as_nanoseconds(fake: Qemu) -> None:
    fake.reports["clock"] = "6250 62500000"
    assert count().instructions == 100_000


def test_the_initramfs_has_the_same_length_whatever_the_compiler_made(fake: Qemu) -> None:
    lengths = []
    for init in (INIT, b"a longer one" * 50 + INIT):
        measure(Path("/x/boot/vmlinux"), init, machine_for(X86), None, 60.0, Recorder())
        assert init.replace(b"ingot's key here", fake.keys[-1]) in fake.initramfs[-1]
        lengths.append(len(fake.initramfs[-1]))
    assert len(set(lengths)) == 1


def test_nothing_is_left_behind(fake: Qemu) -> None:
    count()
    for boot in (0, 1):
        assert not Path(fake.words(boot)["-initrd"]).parent.exists()


@pytest.mark.parametrize("recorded", [b"", b"nonsense", recording([1, 2, 3])])
def test_without_a_recording_that_can_be_read_the_figure_is_there(
    fake: Qemu, recorded: bytes, recorder: Recorder
) -> None:
    fake.recorded = recorded
    found = count(recorder)
    assert found.instructions == 100_000
    assert found.phases == (Phase("kernel", 100_000),)
    assert found.initcalls == ()
    (note,) = recorder.notes
    assert note.startswith("no breakdown, ")


@pytest.mark.parametrize("init", [b"INIT", INIT + INIT])
def test_an_init_without_a_place_for_its_key_is_refused(fake: Qemu, init: bytes) -> None:
    with pytest.raises(MachineError, match="does not contain exactly one key placeholder"):
        measure(Path("/x/boot/vmlinux"), init, machine_for(X86), None, 60.0, Recorder())
    assert fake.commands == []


def test_what_the_kernel_prints_is_no_figure(fake: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = report("clock", "1 1000000000", key=bytes(16))
    monkeypatch.setattr(f"{__name__}.KERNEL", ((10, forged), *KERNEL, (150_000, forged)))
    assert count().instructions == 100_000
    fake.reports.clear()
    with pytest.raises(BootError) as caught:
        count()
    assert "lines that look like check results" in caught.value.why


@pytest.mark.parametrize("name", ["CONSOLE_BYTES", "_RECORDING_BYTES"])
def test_files_that_grow_without_an_end_are_not_read(
    fake: Qemu, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(instruction_count, name, 100)
    with pytest.raises(BootError, match="counts instructions: endless output") as caught:
        count()
    what = "QEMU recorded" if name == "_RECORDING_BYTES" else "the guest printed"
    assert what in caught.value.why


def test_what_a_measured_guest_prints_does_nothing_to_a_terminal(
    fake: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.KERNEL", (*KERNEL, (9_999, "\x1b]0;mine\x07\x1b[2Jsaid")))
    fake.reports.pop("end")
    with pytest.raises(BootError) as caught:
        count()
    assert "said" in caught.value.why
    assert not {"\x1b", "\x07"} & set(caught.value.why)


def test_a_guest_is_ended_as_soon_as_a_file_is_too_large(
    fake: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(argv: list[str], *, stop: int, **_: object) -> Result:
        path = Path(dict(itertools.pairwise(argv))["-chardev"].partition("path=")[2])
        path.write_bytes(bytes(1001))
        assert select.select([stop], [], [], 60.0)[0]  # not the time limit ends it
        return Result(-15, "", timed_out=True)

    monkeypatch.setattr(instruction_count, "run", wait)
    monkeypatch.setattr(instruction_count, "CONSOLE_BYTES", 1000)
    with pytest.raises(BootError, match="endless output"):
        count()


def test_a_console_that_is_no_file_is_not_read(
    fake: Qemu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As if what broke out of a guest had put something else in its place."""
    (tmp_path / "secret").write_bytes(b"a file of the host")
    for target in ("/dev/zero", tmp_path, tmp_path / "secret"):
        monkeypatch.setattr(fake, "write", lambda path, _, to=target: path.symlink_to(to))
        with pytest.raises(UnsafeFileError):
            count()
    monkeypatch.setattr(fake, "write", lambda path, _: os.mkfifo(path))
    with pytest.raises(UnsafeFileError):
        count()


def test_a_kernel_that_does_not_boot_is_no_profile(fake: Qemu) -> None:
    del fake.reports["end"]
    with pytest.raises(
        BootError, match="does not boot in the QEMU machine that counts instructions: failed"
    ):
        count()
    assert len(fake.commands) == 1


def test_a_kernel_that_does_not_unpack_what_all_unpack_is_not_compared(fake: Qemu) -> None:
    del fake.reports["initramfs"]
    with pytest.raises(BootError, match="does not unpack a gzip initramfs") as caught:
        count()
    assert "CONFIG_RD_GZIP" in caught.value.hint


def test_a_guest_that_is_stopped_is_said_to_hang(fake: Qemu) -> None:
    fake.result = Result(-15, "", timed_out=True)
    with pytest.raises(BootError, match="hang") as caught:
        count()
    assert "the guest did not end" in caught.value.why


def test_what_qemu_says_is_shown_where_it_does_not_start(
    fake: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: list[str], **_: object) -> Result:
        return Result(1, "qemu-system-x86_64: could not load PVH note\n")

    monkeypatch.setattr(instruction_count, "run", fail)
    with pytest.raises(BootError, match="not started") as caught:
        count()
    assert "could not load PVH note" in caught.value.why


def test_another_kernel_than_the_image_says_is_refused(fake: Qemu) -> None:
    with pytest.raises(BootError) as caught:
        count(release="6.1.177")
    assert "is 6.1.176, not 6.1.177" in caught.value.why
    assert count(release=None).instructions == 100_000


@pytest.mark.parametrize(
    ("check", "detail"),
    [
        ("clock", ""),
        ("clock", "12"),
        ("clock", "12 x"),
        ("clock", "-1 1000000000"),
        ("clock", "\u0661 1000000000"),
        ("memory", ""),
        ("memory", "1 2"),
    ],
)
def test_an_init_that_could_not_read_something_is_told(fake: Qemu, check: str, detail: str) -> None:
    fake.reports[check] = detail
    with pytest.raises(BootError, match=f"could not read the {check}"):
        count()


def test_a_clock_that_does_not_tick_divides_nothing(fake: Qemu) -> None:
    fake.reports["clock"] = "0 0"
    assert count().instructions == 0


@pytest.mark.parametrize("said", ["", "soon", "1.5", "1.0000000001"])
def test_a_log_clock_that_cannot_be_read_is_unknown(fake: Qemu, said: str) -> None:
    fake.reports["log clock"] = said
    assert count().log_clock == 0


def test_more_memory_than_the_machine_has_is_none_in_use(fake: Qemu) -> None:
    fake.reports["memory"] = "999999999"
    assert count().memory_used == 0


def test_a_qemu_without_a_version_is_just_qemu(fake: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], **options: object) -> Result:
        return Result(0, "") if argv[1:] == ["--version"] else fake(argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(instruction_count, "run", run)
    assert count().emulator == "QEMU"
