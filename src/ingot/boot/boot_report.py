"""Judges a boot by what the guest printed and how its machine ended.

A guest passes if its init reported every planned check, none failed, and the machine then ended
by itself. Otherwise the verdict says what happened: a panic, an oops, a hang, a kernel that
printed nothing, a machine that did not start. Only lines with init's own tag (`ingot.boot.seal`)
are accepted as its reports; other lines that look like reports are counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from ingot.boot.seal import TAG_CHARACTERS, is_sealed
from ingot.printable import one_line

_REPORT = re.compile(rf"INGOT (?:(?P<tag>\S{{1,{TAG_CHARACTERS}}}) )?(?=\{{)")
_MOST_REPORTED = 4 << 10
"""The most characters of a report; init's own have less than two KiB."""
_STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? *")
_PANIC = re.compile(r"Kernel panic - not syncing|---\[ end Kernel panic")
_UNPACKING = re.compile(r"Initramfs unpacking failed")
_OOPS = re.compile(
    r"Oops(?: - [\w ]+)?:|Internal error: |\bBUG: |kernel BUG at |general protection fault"
    r"|Unable to handle kernel "
)
_KERNEL = re.compile(r"^\[ *\d+\.\d+\]|Linux version |INGOT ")
# lines of QEMU, its firmware, Cloud Hypervisor and Firecracker among the guest's output
_VMM = re.compile(
    r"^(?:qemu-system-\w+|cloud-hypervisor): |^\d{4}-\d\d-\d\dT[\d:.]+ \[[\w-]+:[\w-]+"
    r"|SeaBIOS \(version|^Booting from ROM"
)
# printed at any log level (kernel: kernel/reboot.c)
_REBOOT = re.compile(r"reboot: (?:Restarting system|Power down|System halted)")
_CONSOLE_SHOWN = 20
_LONGEST = 200
_LONGEST_SHOWN = 1000
_UNREPORTED = "init never reported it"


class Verdict(Enum):
    """The result of a boot. `BOOTED`: it ended as it should, but no check of the kernel ran."""

    PASSED = "passed"
    BOOTED = "booted"
    FAILED = "failed"
    OOPS = "oops"
    PANIC = "panic"
    HANG = "hang"
    SILENT = "silent"
    NOT_STARTED = "not started"
    WRONG_ARCH = "wrong arch"
    ENDLESS = "endless output"


class Outcome(Enum):
    """The result of one check. A check that could not run is skipped, never passed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check that was planned for a guest; `detail` is what was found, or why it was skipped."""

    name: str
    outcome: Outcome
    detail: str

    @property
    def ok(self) -> bool:
        return self.outcome is not Outcome.FAILED


@dataclass(frozen=True, slots=True)
class ConsoleReports:
    """The lines of a console, separated into init's reports and the rest.

    `checks` are what init reported, by name; `others` are the lines that are not its reports, and
    `forged` is how many of these look like reports. `passed_lines` are the reports of checks that
    did not fail.
    """

    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    passed_lines: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
    forged: int = 0


@dataclass(frozen=True, slots=True)
class BootReport:
    """The result of one boot.

    `machine` and `accelerator` say where it ran, `seconds` how long by the host's clock.
    `console` has the lines that the guest printed, `reports` what they mean; `command` repeats the
    boot. `cause` is the reason of a failure that was found without the console; `notes` limit the
    meaning of the verdict.
    """

    verdict: Verdict
    machine: str
    accelerator: str
    seconds: float
    checks: tuple[CheckResult, ...]
    console: tuple[str, ...]
    command: tuple[str, ...]
    cause: str = ""
    reports: ConsoleReports = ConsoleReports()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.verdict in (Verdict.PASSED, Verdict.BOOTED)

    @property
    def reason(self) -> str:
        """Why it did not pass, in one line; empty if it did."""
        if self.passed:
            return ""
        if self.cause:
            return self.cause
        line = {
            Verdict.PANIC: self._panic(),
            Verdict.OOPS: self._oops(),
            Verdict.HANG: f"still running after {self.seconds:.0f} s; its last line: "
            + _plain(next((line for line in reversed(self.console) if not _VMM.search(line)), "")),
            Verdict.SILENT: f"nothing on the console in {self.seconds:.0f} s",
            Verdict.NOT_STARTED: _plain(self.console[0]) if self.console else "no message",
        }.get(self.verdict, "")
        return line or self._first_failure()

    def explain(self) -> str:
        """Why it did not pass: the kernel's message, failed checks, the end of the console."""
        lines = [self.reason] if self.reason and self.verdict is not Verdict.FAILED else []
        missing = [check.name for check in self.checks if check.detail == _UNREPORTED]
        lines += [
            f"{check.name}: {check.detail}" for check in self._failed() if check.name not in missing
        ]
        if missing:
            lines.append(f"{_UNREPORTED}: {', '.join(missing)}")
        lines += [self.forgery] if self.forgery else []
        shown = (line for line in reversed(self.console) if line not in self.reports.passed_lines)
        if last := list(islice(shown, _CONSOLE_SHOWN)):
            lines += ["last lines of the console:", *map(_shortened, reversed(last))]
        return "\n".join(lines)

    @property
    def forgery(self) -> str:
        """A message about lines that only look like init's reports; empty if there are none."""
        count = self.reports.forged
        many = (
            "1 line that looks like a check result, but lacks"
            if count == 1
            else (f"{count:,} lines that look like check results, but lack")
        )
        return f"ignored: the guest printed {many} the tag that only init can make" if count else ""

    def _first_failure(self) -> str:
        failed = self._failed()
        if not failed:
            return ""
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"{failed[0].name}: {failed[0].detail}{more}"

    def _failed(self) -> list[CheckResult]:
        return [check for check in self.checks if not check.ok]

    def _first(self, pattern: re.Pattern[str]) -> str:
        # the first line has the cause; the trace after it can be long
        found = (line for line in self.console if pattern.search(line))
        return _plain(next(found, ""))

    def _panic(self) -> str:
        """The kernel's message, after that of its cause if the root did not fit into memory."""
        cause = self._first(_UNPACKING)
        small = f"{cause} (the guest may have too little memory for it); " if cause else ""
        return f"{small}{self._first(_PANIC)}"

    def _oops(self) -> str:
        ended = any(check.name == SHUTDOWN and check.ok for check in self.checks)
        end = "the guest then ended cleanly" if ended else "the guest did not end cleanly"
        return f"{self._first(_OOPS)} ({end})"


SHUTDOWN = "shutdown"
"""The check of how the machine ended, which every report has."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a guest must report: its release, and these checks (modules as `module veth.ko`).

    An empty release accepts any. `key` is the key for the tags of its init in one boot; without
    one, no report is accepted.
    """

    release: str
    checks: tuple[str, ...]
    key: bytes = field(default=b"", repr=False)


def console_lines(output: str) -> tuple[str, ...]:
    """A VMM's output as printable lines, without blank lines and control sequences."""
    lines = (one_line(line, control="").rstrip() for line in output.replace("\r", "").split("\n"))
    return tuple(line for line in lines if line)


def parse_check(line: str, key: bytes) -> CheckResult | None:
    """The check that a console line reports with a tag of the key, if it does.

    The kernel may have printed something before the report on the same line, but not after it.
    """
    tag, text = _report(line)
    return _check(text) if text and is_sealed(key, tag, text) else None


def read_reports(console: Sequence[str], key: bytes) -> ConsoleReports:
    """Separate the reports of the init that has the key from the other lines, in one pass."""
    checks: dict[str, CheckResult] = {}
    passed_lines: set[str] = set()
    others: list[str] = []
    forged = 0
    for line in console:
        check = parse_check(line, key)
        if check is None:
            others.append(line)
            forged += _check(_report(line)[1]) is not None
            continue
        # a check that failed once has failed, even if a later report says otherwise
        earlier = checks.get(check.name)
        if earlier is None or earlier.ok:
            checks[check.name] = check
        if check.ok:
            passed_lines.add(line)
    return ConsoleReports(checks, frozenset(passed_lines), tuple(others), forged)


def _report(line: str) -> tuple[str, str]:
    """The tag and the JSON of a console line that may be a report; both empty if it is not."""
    found, text = _REPORT.search(line), line.rstrip()
    if not found or not text.endswith("}") or len(text) - found.start() > _MOST_REPORTED:
        return "", ""
    return found["tag"] or "", text[found.end() :]


def _check(text: str) -> CheckResult | None:
    """The check in the JSON of a report, if it is valid."""
    try:
        fields = json.loads(text)
        name, detail = (one_line(str(fields[key]), control="") for key in ("check", "detail"))
        return CheckResult(name, Outcome(fields["outcome"]), detail)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def is_end_of_panic(line: str) -> bool:
    """Whether a console line is the last that a panicking kernel prints."""
    return "---[ end Kernel panic" in line


def judge(
    expected: Expectation | None,
    reports: ConsoleReports,
    *,
    returncode: int,
    timed_out: bool,
    skipped: Sequence[CheckResult] = (),
) -> tuple[Verdict, tuple[CheckResult, ...]]:
    """The verdict on a guest that ended, or was stopped when its time was up.

    `reports` are from its console. `skipped` are checks that were not planned for it; they are
    listed with the others. `expected` is None for an init that is not Ingot's: such a guest only
    has to end.
    """
    ended = _judge_end(returncode, timed_out=timed_out)
    if expected:
        found = _judge_reported(expected, reports.checks)
        if "end" not in reports.checks:
            ended = _failure(SHUTDOWN, "init did not reach the end of its plan")
    else:
        found = []
        requested = any(_REBOOT.search(line) for line in reports.others)
        if ended.ok and not requested:
            ended = _failure(SHUTDOWN, "the guest ended, but its init did not request it")
    checks = (*found, *skipped, ended)
    return _verdict(reports, checks, returncode, timed_out=timed_out), checks


def _verdict(
    reports: ConsoleReports, checks: Sequence[CheckResult], returncode: int, *, timed_out: bool
) -> Verdict:
    kernel = [line for line in reports.others if not _VMM.search(line)]
    reported = bool(reports.checks)
    silent = Verdict.SILENT if not reported and not kernel else None
    if any(_PANIC.search(line) for line in kernel):
        return Verdict.PANIC
    if any(_OOPS.search(line) for line in kernel):
        return Verdict.OOPS
    if all(check.ok for check in checks):
        return Verdict.PASSED
    if timed_out:
        return silent or Verdict.HANG
    printed = reported or any(_KERNEL.search(line) for line in reports.others)
    if returncode != 0 and not printed:
        return Verdict.NOT_STARTED
    return silent or Verdict.FAILED


def _judge_reported(
    expected: Expectation, reported: Mapping[str, CheckResult]
) -> list[CheckResult]:
    return [
        _judge_release(expected.release, reported.get("release")),
        *(reported.get(name, _unreported(name)) for name in expected.checks),
        *_unexpected_failures(expected, reported),
    ]


def _unexpected_failures(
    expected: Expectation, reported: Mapping[str, CheckResult]
) -> list[CheckResult]:
    """Failures that init reported outside of the planned checks, such as reading its plan."""
    planned = {"release", *expected.checks}
    return [check for name, check in reported.items() if not check.ok and name not in planned]


def _failure(name: str, detail: str) -> CheckResult:
    return CheckResult(name, Outcome.FAILED, detail)


def _unreported(name: str) -> CheckResult:
    return _failure(name, _UNREPORTED)


def _judge_release(expected: str, reported: CheckResult | None) -> CheckResult:
    if reported is None:
        return _unreported("release")
    if reported.ok and expected and reported.detail != expected:
        return _failure("release", f"is {reported.detail}, not {expected}")
    return reported


def _judge_end(returncode: int, *, timed_out: bool) -> CheckResult:
    """The end is clean if the machine ended by itself, without error."""
    if timed_out:
        return _failure(SHUTDOWN, "the guest did not end after init was done")
    if returncode != 0:
        return _failure(SHUTDOWN, f"the machine ended with exit code {returncode}")
    return CheckResult(SHUTDOWN, Outcome.PASSED, "clean")


def _shortened(line: str) -> str:
    """A console line, cut if it is too long to show."""
    if len(line) <= _LONGEST_SHOWN:
        return line
    return f"{line[:_LONGEST_SHOWN]}... ({len(line) - _LONGEST_SHOWN:,} more characters)"


def _plain(line: str) -> str:
    """A console line without its time stamp, cut to one line of a message."""
    return _STAMP.sub("", line.strip())[:_LONGEST]
