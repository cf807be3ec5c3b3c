"""Counts the instructions and memory of a kernel until init starts: two boots make a profile.

The first boot is `quiet`, and its init reads the clock before anything else: this is the total.
In the second, the kernel logs each step, and QEMU records how many instructions it had executed at
each character: this breaks the total down.

With `-icount shift=0` the guest's clock is its count of instructions; `sleep=off` makes it skip
time in which the CPU sleeps. Everything else that could differ between two runs is fixed: the CPU's
random numbers come from a seed, the real-time clock begins at a fixed date and then follows the
guest's, and the console goes to a file, which accepts every character at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingot.boot.boot_report import (
    BootReport,
    Expectation,
    Verdict,
    console_lines,
    judge,
    read_reports,
)
from ingot.boot.cost.boot_profile import Profile
from ingot.boot.cost.boot_timeline import Breakdown, break_down, read_lines
from ingot.boot.cost.console_replay import read_characters
from ingot.boot.cost.fixed_gzip import make_fixed_gzip
from ingot.boot.initramfs import write_initramfs
from ingot.boot.seal import new_key
from ingot.boot.vmm.machines import MEMORY_MIB, QemuMachine
from ingot.boot.vmm.output_limit import watching
from ingot.boot.vmm.qemu import base_command, escaped
from ingot.boot.vmm.running import CONSOLE_BYTES, endless, guest_directory
from ingot.confined_files import ConfinedDirectory
from ingot.errors import BootError, MachineError
from ingot.process import Result, run
from ingot.progress import Progress

_COUNTING = "shift=0,sleep=off"
_SAME_EVERY_TIME = ("-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm")
_BOTH = "initramfs_async=0"
"""Unpack the initramfs in order (since 5.12), not while an initcall sleeps: with one CPU it takes
as long, and is counted separately from that initcall."""
_QUIET = "quiet"
_DETAILED = "ignore_loglevel initcall_debug"

_CONSOLE, _RECORDING = "console", "recording"
_KEY_PLACE = b"ingot's key here"
"""The placeholder in `measure.c` that the key for its lines replaces."""
_RECORDING_BYTES = 64 << 20
"""The most that QEMU may record of a boot: the kernel with the longest known log needs 1.5 MiB."""

_INIT_BYTES = 16 << 10
_NANOSECONDS = 10**9
_VERSION = re.compile(r"version (\S+)")


@dataclass(frozen=True, slots=True)
class _CountedGuest:
    """The values that both boots share."""

    machine: QemuMachine
    kernel: Path
    init: bytes
    release: str | None
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class _Boot:
    """The result of one boot: what its init reported, its console, QEMU's recording."""

    reported: Mapping[str, str]
    console: bytes
    recording: bytes
    key: bytes = field(repr=False)

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
    """Boot a kernel twice and return its profile; `init` is compiled from `measure.c`.

    BootError if a boot does not end within `timeout` seconds, or the kernel is not `release`
    (None: any). If QEMU's recording cannot be read, a note says so, and the profile has one
    phase and no initcalls.
    """
    guest = _CountedGuest(machine, kernel, init, release)
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


def _initramfs(init: bytes, key: bytes) -> bytes:
    """An initramfs that costs the same to unpack everywhere: init with its key, then fixed gzip.

    Init is padded to the same length for every compiler, and the key does not change the length.
    """
    if init.count(_KEY_PLACE) != 1:
        raise MachineError(
            "the init that counts instructions does not contain exactly one key placeholder",
            why=f"the builder's compiler left {init.count(_KEY_PLACE)} copies of the placeholder in"
            " measure.c",
            hint="use another builder: --builder NAME",
        )
    init = init.replace(_KEY_PLACE, key)
    return write_initramfs({"/init": init + bytes(-len(init) % _INIT_BYTES)}) + make_fixed_gzip()


def _require_unpacked(boot: _Boot) -> None:
    """BootError if the kernel did not unpack the gzip part: its count could not be compared."""
    if "initramfs" not in boot.reported:
        raise BootError(
            "the kernel boots, but does not unpack a gzip initramfs",
            why="the boot cost is measured with a gzip-compressed initramfs",
            hint="add CONFIG_RD_GZIP=y",
        )


def _parts(boot: _Boot, quiet: int, progress: Progress) -> Breakdown:
    """The parts of the instructions; a single part if the recording cannot be read."""
    try:
        recorded = read_characters(boot.recording, len(boot.console))
        lines = read_lines(boot.console, recorded)
    except (MachineError, ValueError) as error:
        progress.note(f"no breakdown, and calibration is part of the total: {error}")
        lines = []
    return break_down(lines, boot.instructions, quiet, boot.key)


def _boot(guest: _CountedGuest, append: str, timeout: float, *, record: bool = False) -> _Boot:
    """Boot a guest whose instructions are counted; BootError unless it passes."""
    guest = replace(guest, key=new_key())
    with guest_directory(_initramfs(guest.init, guest.key)) as directory:
        console, recording = directory / _CONSOLE, directory / _RECORDING
        recorded_to = f",rr=record,rrfile={escaped(recording)}" if record else ""
        command = [
            *base_command(guest.machine, guest.kernel, directory, append),
            *("-accel", "tcg", "-cpu", guest.machine.counting_cpu, *_SAME_EVERY_TIME),
            *("-icount", f"{_COUNTING}{recorded_to}"),
            *("-chardev", f"file,id=console,path={escaped(console)}", "-serial", "chardev:console"),
        ]
        began = time.monotonic()
        limits = {console: CONSOLE_BYTES, recording: _RECORDING_BYTES}
        with watching(limits) as watch:
            result = run(
                command, check=False, timeout=timeout, stop=watch.stop, limit=CONSOLE_BYTES
            )
        seconds = time.monotonic() - began
        exceeded = watch.exceeded
        said = _read(directory, _CONSOLE, CONSOLE_BYTES) if exceeded is None else b""
        recorded = _read(directory, _RECORDING, _RECORDING_BYTES) if exceeded is None else b""
    report = _judge(guest, result, said, seconds, command)
    if exceeded is not None or result.too_long:
        which = "QEMU recorded" if exceeded and exceeded.name == _RECORDING else "the guest printed"
        limit = _RECORDING_BYTES if exceeded and exceeded.name == _RECORDING else CONSOLE_BYTES
        report = replace(report, verdict=Verdict.ENDLESS, cause=endless(which, limit))
    if not report.passed:
        raise BootError(
            "the kernel does not boot in the QEMU machine that counts instructions: "
            + report.verdict.value,
            why=report.explain(),
            hint="`ingot boot` shows whether it boots at all",
        )
    reported = {name: check.detail for name, check in report.reports.checks.items()}
    return _Boot(reported, said, recorded, guest.key)


def _read(directory: Path, name: str, limit: int) -> bytes:
    """The contents of a file that QEMU wrote; empty if it does not exist."""
    try:
        return ConfinedDirectory(directory).read(name, limit)
    except FileNotFoundError:
        return b""


def _judge(
    guest: _CountedGuest, result: Result, console: bytes, seconds: float, command: Sequence[str]
) -> BootReport:
    """The report of a boot: it passes if init ran, the release matches, and the guest ended."""
    lines = console_lines(f"{result.output}\n{console.decode('utf-8', errors='replace')}")
    reports = read_reports(lines, guest.key)
    reported = reports.checks.get("release")
    release = guest.release or (reported.detail if reported else "")
    verdict, checks = judge(
        Expectation(release, (), guest.key),
        reports,
        returncode=result.returncode,
        timed_out=result.timed_out,
    )
    name = guest.machine.name
    return BootReport(
        verdict=verdict,
        machine=name,
        accelerator="tcg",
        seconds=seconds,
        checks=checks,
        console=lines,
        command=tuple(command),
        reports=reports,
    )


def _numbers(boot: _Boot, check: str, count: int) -> list[int]:
    """The numbers that init reported under this name; BootError if it did not."""
    words = boot.reported.get(check, "").split()
    if len(words) != count or not all(word.isascii() and word.isdigit() for word in words):
        raise BootError(
            f"the kernel booted, but its init could not read the {check}",
            hint="a kernel that is profiled needs /proc (CONFIG_PROC_FS)",
        )
    return [int(word) for word in words]


def _log_clock(boot: _Boot) -> int:
    """CLOCK_MONOTONIC at init, in nanoseconds; 0 if init did not report it."""
    match = re.fullmatch(r"(\d+)\.(\d{9})", boot.reported.get("log clock", ""), re.ASCII)
    return int(match[1]) * _NANOSECONDS + int(match[2]) if match else 0


def _emulator(machine: QemuMachine) -> str:
    """The name and version of QEMU, such as `QEMU 7.2.22`."""
    match = _VERSION.search(run([machine.program, "--version"]).output)
    return f"QEMU {match[1]}" if match else "QEMU"
