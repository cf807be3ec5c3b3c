"""Counting what a kernel costs until init starts: two boots make a profile.

The first boot is `quiet`, and its init reads the clock before anything else: this is the figure.
The second has the kernel say what it is at, while QEMU records how many instructions it had
executed at each character: this is what the figure is made of.

With `-icount shift=0` the guest's clock is its count of instructions; `sleep=off` lets it jump
over time in which the CPU sleeps. What else could differ between two runs is fixed: the random
numbers that the CPU gives come from a seed, the real-time clock shows one date and then follows
the guest's, and the console goes to a file, which takes every character at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.boot.ballast import make_ballast
from ingot.boot.initramfs import write_initramfs
from ingot.boot.machines import MEMORY_MIB, QemuMachine
from ingot.boot.profile import Profile
from ingot.boot.qemu import base_command, escaped
from ingot.boot.replay import read_characters
from ingot.boot.report import BootReport, Expectation, judge, parse_check
from ingot.boot.running import guest_folder
from ingot.boot.timeline import Breakdown, break_down, read_lines
from ingot.errors import BootError, MachineError
from ingot.process import Result, run
from ingot.progress import Progress

_COUNTING = "shift=0,sleep=off"
_SAME_EVERY_TIME = ("-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm")
_BOTH = "initramfs_async=0"
"""Unpack the initramfs when it is its turn (since 5.12), not while an initcall sleeps: with one
CPU it takes as long, and is told apart from that initcall."""
_QUIET = "quiet"
_DETAILED = "ignore_loglevel initcall_debug"

_INIT_BYTES = 16 << 10
_NANOSECONDS = 10**9
_VERSION = re.compile(r"version (\S+)")


@dataclass(frozen=True, slots=True)
class _Guest:
    """What both boots have in common."""

    machine: QemuMachine
    kernel: Path
    initramfs: bytes
    release: str | None


@dataclass(frozen=True, slots=True)
class _Boot:
    """What came of one boot: what its init reported, its console, QEMU's recording."""

    reported: Mapping[str, str]
    console: bytes
    recording: bytes

    @property
    def instructions(self) -> int:
        """From the reset of the machine to init: nanoseconds of the guest's counter."""
        ticks, frequency = _numbers(self, "clock", 2)
        return ticks * _NANOSECONDS // max(1, frequency)


def measure(
    kernel: Path,
    init: bytes,
    machine: QemuMachine,
    release: str | None,
    timeout: float,
    progress: Progress,
) -> Profile:
    """Boot a kernel twice and tell what it costs; `init` is compiled from `measure.c`.

    BootError if it does not boot within `timeout` seconds, each time, or is not `release`
    (None: any). Where QEMU's recording cannot be read, a note says so, and the profile has one
    phase and no initcalls.
    """
    guest = _Guest(machine, kernel, _initramfs(init), release)
    append = " ".join((machine.append, machine.append_counting, _BOTH))
    with progress.step("count instructions") as step:
        step.advance(0, 2, "all of them")
        quiet = _boot(guest, f"{append} {_QUIET}", timeout)
        _require_unpacked(quiet)
        step.advance(1, 2, "what they are spent on")
        loud = f"{append} {machine.append_detailed} {_DETAILED}"
        detailed = _boot(guest, loud, timeout, record=True)
        parts = _parts(detailed, quiet.instructions, progress)
        step.result(f"{parts.instructions:,} to init")
    (free,) = _numbers(quiet, "memory", 1)
    return Profile(
        machine=machine.name,
        emulator=_emulator(machine),
        command_line=f"{append} {_QUIET}",
        instructions=parts.instructions,
        phases=parts.phases,
        initcalls=parts.initcalls,
        memory_used=max(0, (MEMORY_MIB << 20) - (free << 10)),
        calibration=parts.calibration,
        log_clock=_log_clock(quiet),
    )


def _initramfs(init: bytes) -> bytes:
    """One that costs the same to unpack everywhere: init as it is, then the ballast.

    Init is as long whoever compiled it.
    """
    return write_initramfs({"/init": init + bytes(-len(init) % _INIT_BYTES)}) + make_ballast()


def _require_unpacked(boot: _Boot) -> None:
    """BootError if the ballast never was: the figure would compare with no other."""
    if "initramfs" not in boot.reported:
        raise BootError(
            "the kernel boots, but does not unpack a gzip initramfs",
            why="what it costs to start is measured with one",
            hint="add CONFIG_RD_GZIP=y",
        )


def _parts(boot: _Boot, quiet: int, progress: Progress) -> Breakdown:
    """What the instructions were spent on; all on one thing where that cannot be told."""
    try:
        lines = read_lines(boot.console, read_characters(boot.recording))
    except (MachineError, ValueError) as error:
        progress.note(f"no breakdown, and what it would leave out is in the figure: {error}")
        lines = []
    return break_down(lines, boot.instructions, quiet)


def _boot(guest: _Guest, append: str, timeout: float, *, record: bool = False) -> _Boot:
    """Boot a guest whose instructions are counted; BootError unless all goes well."""
    with guest_folder(guest.initramfs) as folder:
        console, recording = folder / "console", folder / "recording"
        recorded_to = f",rr=record,rrfile={escaped(recording)}" if record else ""
        command = [
            *base_command(guest.machine, guest.kernel, folder, append),
            *("-accel", "tcg", "-cpu", guest.machine.counting_cpu, *_SAME_EVERY_TIME),
            *("-icount", f"{_COUNTING}{recorded_to}"),
            *("-chardev", f"file,id=console,path={escaped(console)}", "-serial", "chardev:console"),
        ]
        began = time.monotonic()
        result = run(command, check=False, timeout=timeout)
        seconds = time.monotonic() - began
        said = console.read_bytes() if console.exists() else b""
        recorded = recording.read_bytes() if record and recording.exists() else b""
    report = _judge(guest, result, said, seconds, command)
    if not report.passed:
        raise BootError(
            f"the kernel does not boot where its instructions are counted: {report.verdict.value}",
            why=report.explain(),
            hint="`ingot boot` without --profile tells whether it boots at all",
        )
    return _Boot(_reported(report.console), said, recorded)


def _judge(
    guest: _Guest, result: Result, console: bytes, seconds: float, command: Sequence[str]
) -> BootReport:
    """The report of a boot: it passes if init was reached, is of the release, and ended well."""
    lines = result.output.splitlines() + console.decode("utf-8", errors="replace").splitlines()
    shown = tuple(line for line in lines if line.strip())
    release = guest.release or _reported(shown).get("release", "")
    verdict, checks = judge(
        Expectation(release, ()), shown, returncode=result.returncode, timed_out=result.timed_out
    )
    return BootReport(verdict, guest.machine.name, "tcg", seconds, checks, shown, tuple(command))


def _reported(lines: Sequence[str]) -> dict[str, str]:
    """What init said: the detail of each check by its name."""
    return {check.name: check.detail for check in filter(None, map(parse_check, lines))}


def _numbers(boot: _Boot, check: str, count: int) -> list[int]:
    """The numbers that init reported under this name; BootError if it did not."""
    words = boot.reported.get(check, "").split()
    if len(words) != count or not all(word.isascii() and word.isdigit() for word in words):
        raise BootError(
            f"the kernel booted, but its init could not read the {check}",
            hint="a kernel that is measured needs /proc (CONFIG_PROC_FS)",
        )
    return [int(word) for word in words]


def _log_clock(boot: _Boot) -> int:
    """CLOCK_MONOTONIC at init, in nanoseconds; 0 if init did not report it."""
    match = re.fullmatch(r"(\d+)\.(\d{9})", boot.reported.get("log clock", ""), re.ASCII)
    return int(match[1]) * _NANOSECONDS + int(match[2]) if match else 0


def _emulator(machine: QemuMachine) -> str:
    """What QEMU calls itself, such as `QEMU 7.2.22`."""
    match = _VERSION.search(run([machine.program, "--version"]).output)
    return f"QEMU {match[1]}" if match else "QEMU"
