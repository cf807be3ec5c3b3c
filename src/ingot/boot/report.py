"""Judging a boot by what the guest printed and how its machine ended.

A guest passes when its init reported every check that was planned, all of them well, and the
machine then ended by itself. Everything else is told apart: a panic, a hang, a kernel that
never said a word, a machine that did not start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

_REPORT = re.compile(r"INGOT (\{.*\})\s*$")
_PANIC = re.compile(r"Kernel panic|---\[ end Kernel panic|Oops:|\bBUG: |general protection fault")
_CONSOLE_SHOWN = 20


class Verdict(Enum):
    """How a boot went, in one word."""

    PASSED = "passed"
    FAILED = "failed"
    PANIC = "panic"
    HANG = "hang"
    SILENT = "silent"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the guest was asked to prove."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class BootReport:
    """What came of one boot.

    `machine` and `accelerator` say where it ran, `seconds` how long by the host's clock;
    `console` holds what the guest printed, `command` replays it.
    """

    verdict: Verdict
    machine: str
    accelerator: str
    seconds: float
    checks: tuple[Check, ...]
    console: tuple[str, ...]
    command: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASSED

    def explain(self) -> str:
        """Why it did not pass: the kernel's own word, failed checks, the end of the console."""
        # a panic's first line is the one that tells; the trace after it may be long
        panic = [line for line in self.console if _PANIC.search(line)][:1]
        failed = [f"{check.name}: {check.detail}" for check in self.checks if not check.ok]
        return "\n".join(
            [*panic, *failed, "last lines of the console:", *self.console[-_CONSOLE_SHOWN:]]
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a guest must report: its release, and the names of the modules it loads."""

    release: str
    modules: tuple[str, ...]


def parse_check(line: str) -> Check | None:
    """The check that a console line reports, if it reports one."""
    match = _REPORT.search(line)
    if not match:
        return None
    try:
        fields = json.loads(match[1])
        return Check(str(fields["check"]), fields["ok"] is True, str(fields["detail"]))
    except (ValueError, KeyError, TypeError):
        return None


def judge(
    expected: Expectation, console: Sequence[str], *, returncode: int, timed_out: bool
) -> tuple[Verdict, tuple[Check, ...]]:
    """The verdict on a guest that was run to its end or stopped when its time was up."""
    reported: dict[str, Check] = {}
    for check in filter(None, map(parse_check, console)):
        # what failed once has failed, whatever is said of it later
        earlier = reported.get(check.name)
        if earlier is None or earlier.ok:
            reported[check.name] = check
    checks = (
        _judge_release(expected.release, reported.get("release")),
        *(_judge_module(name, reported) for name in expected.modules),
        *_unexpected_failures(expected, reported),
        _judge_shutdown(reported, returncode, timed_out=timed_out),
    )
    if any(_PANIC.search(line) for line in console):
        return Verdict.PANIC, checks
    if all(check.ok for check in checks):
        return Verdict.PASSED, checks
    if timed_out:
        return (Verdict.HANG if console else Verdict.SILENT), checks
    if returncode != 0 and not reported:
        return Verdict.NOT_STARTED, checks
    return (Verdict.FAILED if console else Verdict.SILENT), checks


def _unexpected_failures(expected: Expectation, reported: Mapping[str, Check]) -> list[Check]:
    """What init could not do though nobody asked, such as reading its plan."""
    asked = {"release", *(f"module {name}" for name in expected.modules)}
    return [check for name, check in reported.items() if not check.ok and name not in asked]


def _judge_release(expected: str, reported: Check | None) -> Check:
    if reported is None:
        return Check("release", False, "init never reported it")
    if reported.detail != expected:
        return Check("release", False, f"is {reported.detail}, not {expected}")
    return reported


def _judge_module(name: str, reported: Mapping[str, Check]) -> Check:
    check = f"module {name}"
    return reported.get(check, Check(check, False, "init never reported it"))


def _judge_shutdown(reported: Mapping[str, Check], returncode: int, *, timed_out: bool) -> Check:
    """Clean means: init said it was done, and the machine then ended by itself, without error."""
    if "end" not in reported:
        return Check("shutdown", False, "init did not get that far")
    if timed_out:
        return Check("shutdown", False, "the guest did not end after init was done")
    if returncode != 0:
        return Check("shutdown", False, f"the machine ended with exit code {returncode}")
    return Check("shutdown", True, "clean")
