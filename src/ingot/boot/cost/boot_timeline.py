"""Breaks the instructions of a boot down into phases and initcalls, by the kernel's log.

A kernel booted with `initcall_debug ignore_loglevel` and an early console logs when it enters each
part of its start. For each line, it is known how many instructions the guest had executed at its
first and at its last character (`ingot.boot.cost.console_replay`). The instructions between two
lines, less the cost of printing them, are what the kernel spent between them.

The kernel's own time stamps are not used: on x86_64 they begin when the TSC is calibrated, and stop
from then until timer interrupts arrive.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingot.boot.boot_report import parse_check
from ingot.boot.cost.boot_profile import Initcall, Phase

_REST = "freeing memory, starting init"
_IDLE = "waiting"
_ALL = "kernel"
_MARKS = (
    # the name of a phase, and the line that ends it; without the line, its span joins the next
    ("entry", r"earlycon: |bootconsole \[|Linux version "),
    ("architecture", r"percpu: Embedded|setup_percpu: |Built \d+ zonelists|Kernel command line: "),
    ("memory", r"Memory: \d+K/\d+K available"),
    ("scheduler, interrupts, console", r"Calibrating delay loop"),
    ("CPU features and code patching", r"Freeing SMP alternatives|pid_max: "),
    ("timers and CPUs", r"smp: Brought up|devtmpfs: initialized"),
    ("initcalls before the initramfs", r"calling  (populate|default)_rootfs\+"),
    ("initramfs", r"initcall (populate|default)_rootfs\+\S+ returned"),
    ("initcalls after the initramfs", r"Freeing unused kernel "),
)
_CALLING = re.compile(r"calling  (?P<name>[\w.$]+)(\+0x\S+)?( \[\w+\])? @ \d+")
_RETURNED = re.compile(r"initcall (?P<name>[\w.$]+)(\+0x\S+)?( \[\w+\])? returned ")

# `apic=verbose` logs this; since 6.12 the first word is capitalized (kernel:
# arch/x86/kernel/apic/apic.c, calibrate_APIC_clock). CPUs with a TSC deadline timer, which KVM
# offers, skip the calibration.
_CALIBRATIONS = (
    (r"calibrating APIC timer", r"\.\.\. lapic delta ="),
    (r"\.\.\. verify APIC timer", r"\.\.\. jiffies delta ="),
)


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """A line of the console: the instructions executed before its first and its last character."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The parts of a boot's `instructions`; see `Profile` for the three others."""

    instructions: int
    phases: tuple[Phase, ...]
    initcalls: tuple[Initcall, ...]
    calibration: int


def read_lines(console: bytes, characters: Sequence[int]) -> list[ConsoleLine]:
    """The console's lines; `characters` has the instructions executed before each byte.

    ValueError if there are not as many as bytes.
    """
    if len(console) != len(characters):
        raise ValueError(f"{len(console)} bytes on the console, {len(characters)} recorded")
    lines = []
    at = 0
    for raw in console.splitlines(keepends=True):
        begin, at = at, at + len(raw)
        text = raw.decode("utf-8", errors="replace").rstrip()
        if text:
            lines.append(ConsoleLine(text, characters[begin], characters[at - 1]))
    return lines


def break_down(lines: Sequence[ConsoleLine], detailed: int, quiet: int, key: bytes) -> Breakdown:
    """Break the instructions of a boot down.

    `key` is that of the guest's init. `lines` is the console of a detailed boot, which took
    `detailed` instructions until init; the same kernel without output takes `quiet` instructions.
    The difference, less the cost of the characters, is the cost of making the lines, which is
    assumed to be the same for each.
    """
    reports = [line for line in lines if parse_check(line.text, key) is not None]
    said = [line for line in lines if not reports or line.begin < reports[0].begin]
    waits = _calibrations(said)
    calibration = sum(waits.values())
    times = _times(said, waits, detailed, quiet)
    total = max(0, quiet - calibration)
    # the clock runs on while the CPU sleeps, the count of instructions does not; init's first
    # report has the clock just before it
    idle = max(0, detailed - reports[0].begin) if reports else 0
    phases = tuple(_phases(said, times, total, min(idle, total)))
    return Breakdown(total, phases, _initcalls(said, times), calibration)


def _calibrations(lines: Sequence[ConsoleLine]) -> dict[int, int]:
    """The instructions of each wait to calibrate a timer, by the index of the line that ends it."""
    waits = {}
    for first, last in _CALIBRATIONS:
        begin = _find(lines, first, 0)
        end = None if begin is None else _find(lines, last, begin + 1)
        if begin is not None and end is not None:
            waits[end] = lines[end].begin - lines[begin].end
    return waits


def _times(
    lines: Sequence[ConsoleLine], waits: Mapping[int, int], detailed: int, quiet: int
) -> list[int]:
    """The time of each line in instructions, without the cost of output and without `waits`."""
    characters = sum(line.end - line.begin for line in lines)
    each = max(0, detailed - characters - quiet) / max(1, len(lines))
    times = []
    spent = reached = 0
    for number, line in enumerate(lines):
        spent += waits.get(number, 0)
        reached = max(reached, round(line.begin - spent - each * (number + 1)))
        times.append(reached)
        spent += line.end - line.begin
    return times


def _phases(
    lines: Sequence[ConsoleLine], times: Sequence[int], total: int, idle: int
) -> Iterator[Phase]:
    """The spans between the marks that were found; they sum to `total`."""
    at, reached, last = 0, 0, _ALL
    for name, pattern in _MARKS:
        index = _find(lines, pattern, at)
        if index is None:
            continue
        time = min(max(times[index], reached), total - idle)
        if time > reached:
            yield Phase(name, time - reached)
        at, reached, last = index, time, _REST
    yield Phase(last, total - idle - reached)
    if idle:
        yield Phase(_IDLE, idle)


def _initcalls(lines: Sequence[ConsoleLine], times: Sequence[int]) -> tuple[Initcall, ...]:
    """The instructions of each initcall, the costliest first."""
    called: dict[str, int] = {}
    taken: dict[str, int] = defaultdict(int)
    for line, time in zip(lines, times, strict=True):
        if match := _CALLING.search(line.text):
            called[match["name"]] = time
        elif match := _RETURNED.search(line.text):
            begin = called.pop(match["name"], None)
            if begin is not None:
                taken[match["name"]] += time - begin
    ranked = sorted(taken.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Initcall(name, instructions) for name, instructions in ranked)


def _find(lines: Sequence[ConsoleLine], pattern: str, begin: int) -> int | None:
    """The index of the first line from `begin` on that matches the pattern."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return next((i for i in range(begin, len(lines)) if compiled.search(lines[i].text)), None)
