"""Judging a boot by what the guest printed and how its machine ended.

A guest passes when its init reported every check that was planned, none of them failed, and the
machine then ended by itself. Everything else is told apart: a panic, an oops, a hang, a kernel
that never said a word, a machine that did not start. Only lines that carry init's own tag
(`ingot.boot.seal`) are believed to be its reports; what else looks like one is counted.
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
"""Characters of a report; init's own have less than two KiB."""
_STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? *")
_PANIC = re.compile(r"Kernel panic - not syncing|---\[ end Kernel panic")
_OOPS = re.compile(
    r"Oops(?: - [\w ]+)?:|Internal error: |\bBUG: |kernel BUG at |general protection fault"
    r"|Unable to handle kernel "
)
_KERNEL = re.compile(r"^\[ *\d+\.\d+\]|Linux version |INGOT ")
# what QEMU, its firmware, Cloud Hypervisor and Firecracker say among what the guest prints
_VMM = re.compile(
    r"^(?:qemu-system-\w+|cloud-hypervisor): |^\d{4}-\d\d-\d\dT[\d:.]+ \[[\w-]+:[\w-]+"
    r"|SeaBIOS \(version|^Booting from ROM"
)
# printed whatever the log level (kernel: kernel/reboot.c)
_REBOOT = re.compile(r"reboot: (?:Restarting system|Power down|System halted)")
_CONSOLE_SHOWN = 20
_LONGEST = 200
_LONGEST_SHOWN = 1000
_UNREPORTED = "init never reported it"


class Verdict(Enum):
    """How a boot went, in a word or two."""

    PASSED = "passed"
    FAILED = "failed"
    OOPS = "oops"
    PANIC = "panic"
    HANG = "hang"
    SILENT = "silent"
    NOT_STARTED = "not started"
    WRONG_ARCH = "wrong arch"
    ENDLESS = "endless output"


class Outcome(Enum):
    """How one check went. What could not run is skipped, never passed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the guest was asked to prove; `detail` says what was seen or why it was skipped."""

    name: str
    outcome: Outcome
    detail: str

    @property
    def ok(self) -> bool:
        return self.outcome is not Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Heard:
    """What a console had of init's and of others.

    `checks` are what init reported, by name; `others` the lines that are not its reports, and
    `forged` how many of these look like reports. `good` are the lines that only tell of checks that
    did not fail.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    good: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
    forged: int = 0


@dataclass(frozen=True, slots=True)
class BootReport:
    """What came of one boot.

    `machine` and `accelerator` say where it ran, `seconds` how long by the host's clock;
    `console` holds what the guest printed, `heard` what that means, `command` replays it. `told` is
    why, where that was known without a console; `notes` are what limits the meaning of the verdict.
    """

    verdict: Verdict
    machine: str
    accelerator: str
    seconds: float
    checks: tuple[Check, ...]
    console: tuple[str, ...]
    command: tuple[str, ...]
    told: str = ""
    heard: Heard = Heard()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASSED

    @property
    def reason(self) -> str:
        """Why it did not pass, in one line; empty if it did."""
        if self.passed:
            return ""
        if self.told:
            return self.told
        line = {
            Verdict.PANIC: self._first(_PANIC),
            Verdict.OOPS: self._oops(),
            Verdict.HANG: f"still running after {self.seconds:.0f} s; its last words: "
            + _plain(next((line for line in reversed(self.console) if not _VMM.search(line)), "")),
            Verdict.SILENT: f"nothing on the console in {self.seconds:.0f} s",
            Verdict.NOT_STARTED: _plain(self.console[0]) if self.console else "without a word",
        }.get(self.verdict, "")
        return line or self._first_failure()

    def explain(self) -> str:
        """Why it did not pass: the kernel's own word, failed checks, the end of the console."""
        lines = [self.reason] if self.reason and self.verdict is not Verdict.FAILED else []
        missing = [check.name for check in self.checks if check.detail == _UNREPORTED]
        lines += [
            f"{check.name}: {check.detail}" for check in self._failed() if check.name not in missing
        ]
        if missing:
            lines.append(f"{_UNREPORTED}: {', '.join(missing)}")
        lines += [self.forgery] if self.forgery else []
        told = (line for line in reversed(self.console) if line not in self.heard.good)
        if last := list(islice(told, _CONSOLE_SHOWN)):
            lines += ["last lines of the console:", *map(_shortened, reversed(last))]
        return "\n".join(lines)

    @property
    def forgery(self) -> str:
        """What is to be said of lines that look like init's and are not; empty without any."""
        count = self.heard.forged
        many = (
            "1 line that looks like a check result, but lacks"
            if count == 1
            else (f"{count:,} lines that look like check results, but lack")
        )
        return f"the guest printed {many} the tag that only init can make: ignored" if count else ""

    def _first_failure(self) -> str:
        failed = self._failed()
        if not failed:
            return ""
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"{failed[0].name}: {failed[0].detail}{more}"

    def _failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]

    def _first(self, pattern: re.Pattern[str]) -> str:
        # the first line is the one that tells; the trace after it may be long
        found = (line for line in self.console if pattern.search(line))
        return _plain(next(found, ""))

    def _oops(self) -> str:
        ended = any(check.name == SHUTDOWN and check.ok for check in self.checks)
        return f"{self._first(_OOPS)} ({'the kernel went on' if ended else 'and no clean end'})"


SHUTDOWN = "shutdown"
"""The check of how the machine ended, which every report has."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a guest must report: its release, and these checks (modules as `module veth.ko`).

    An empty release is any. `key` is what its init makes tags with in one boot; without one,
    nothing that is reported is believed.
    """

    release: str
    checks: tuple[str, ...]
    key: bytes = field(default=b"", repr=False)


def console_lines(output: str) -> tuple[str, ...]:
    """What a VMM printed, as lines that can be shown: without blank ones and control sequences."""
    lines = (one_line(line, control="").rstrip() for line in output.replace("\r", "").split("\n"))
    return tuple(line for line in lines if line)


def parse_check(line: str, key: bytes) -> Check | None:
    """The check that init, which has the key, reports in a console line, if it reports one.

    The kernel may have printed something before it on the same line, but nothing after it.
    """
    tag, text = _report(line)
    return _check(text) if text and is_sealed(key, tag, text) else None


def hear(console: Sequence[str], key: bytes) -> Heard:
    """What a console has of the init that has the key, and of others, in one pass."""
    checks: dict[str, Check] = {}
    good: set[str] = set()
    others: list[str] = []
    forged = 0
    for line in console:
        check = parse_check(line, key)
        if check is None:
            others.append(line)
            forged += _check(_report(line)[1]) is not None
            continue
        # what failed once has failed, whatever is said of it later
        earlier = checks.get(check.name)
        if earlier is None or earlier.ok:
            checks[check.name] = check
        if check.ok:
            good.add(line)
    return Heard(checks, frozenset(good), tuple(others), forged)


def _report(line: str) -> tuple[str, str]:
    """The tag and the JSON of a console line that may be a report; both empty if it is not."""
    found, text = _REPORT.search(line), line.rstrip()
    if not found or not text.endswith("}") or len(text) - found.start() > _MOST_REPORTED:
        return "", ""
    return found["tag"] or "", text[found.end() :]


def _check(text: str) -> Check | None:
    """The check that the JSON of a report tells, if it tells one."""
    try:
        fields = json.loads(text)
        name, detail = (one_line(str(fields[key]), control="") for key in ("check", "detail"))
        return Check(name, Outcome(fields["outcome"]), detail)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def is_end_of_panic(line: str) -> bool:
    """Whether a console line is the last that a panicking kernel prints."""
    return "---[ end Kernel panic" in line


def judge(
    expected: Expectation | None,
    heard: Heard,
    *,
    returncode: int,
    timed_out: bool,
    skipped: Sequence[Check] = (),
) -> tuple[Verdict, tuple[Check, ...]]:
    """The verdict on a guest that was run to its end or stopped when its time was up.

    `heard` is what its console had. `skipped` are the checks that it was not asked for; they are
    listed with the others. Nothing is `expected` of an init that is not Ingot's, but to end.
    """
    ended = _judge_end(returncode, timed_out=timed_out)
    if expected:
        found = _judge_reported(expected, heard.checks)
        ended = ended if "end" in heard.checks else _failure(SHUTDOWN, "init did not get that far")
    else:
        found = []
        asked = any(_REBOOT.search(line) for line in heard.others)
        ended = ended if asked or not ended.ok else _failure(SHUTDOWN, "no init asked for it")
    checks = (*found, *skipped, ended)
    return _verdict(heard, checks, returncode, timed_out=timed_out), checks


def _verdict(heard: Heard, checks: Sequence[Check], returncode: int, *, timed_out: bool) -> Verdict:
    kernel = [line for line in heard.others if not _VMM.search(line)]
    told = bool(heard.checks)
    unheard = Verdict.SILENT if not told and not kernel else None
    if any(_PANIC.search(line) for line in kernel):
        return Verdict.PANIC
    if any(_OOPS.search(line) for line in kernel):
        return Verdict.OOPS
    if all(check.ok for check in checks):
        return Verdict.PASSED
    if timed_out:
        return unheard or Verdict.HANG
    if returncode != 0 and not told and not any(_KERNEL.search(line) for line in heard.others):
        return Verdict.NOT_STARTED
    return unheard or Verdict.FAILED


def _judge_reported(expected: Expectation, reported: Mapping[str, Check]) -> list[Check]:
    return [
        _judge_release(expected.release, reported.get("release")),
        *(reported.get(name, _unreported(name)) for name in expected.checks),
        *_unexpected_failures(expected, reported),
    ]


def _unexpected_failures(expected: Expectation, reported: Mapping[str, Check]) -> list[Check]:
    """What init could not do though nobody asked, such as reading its plan."""
    asked = {"release", *expected.checks}
    return [check for name, check in reported.items() if not check.ok and name not in asked]


def _failure(name: str, detail: str) -> Check:
    return Check(name, Outcome.FAILED, detail)


def _unreported(name: str) -> Check:
    return _failure(name, _UNREPORTED)


def _judge_release(expected: str, reported: Check | None) -> Check:
    if reported is None:
        return _unreported("release")
    if reported.ok and expected and reported.detail != expected:
        return _failure("release", f"is {reported.detail}, not {expected}")
    return reported


def _judge_end(returncode: int, *, timed_out: bool) -> Check:
    """Clean means that the machine ended by itself, without error."""
    if timed_out:
        return _failure(SHUTDOWN, "the guest did not end after init was done")
    if returncode != 0:
        return _failure(SHUTDOWN, f"the machine ended with exit code {returncode}")
    return Check(SHUTDOWN, Outcome.PASSED, "clean")


def _shortened(line: str) -> str:
    """A console line that is shown whole, unless it is longer than anybody reads."""
    if len(line) <= _LONGEST_SHOWN:
        return line
    return f"{line[:_LONGEST_SHOWN]}... ({len(line) - _LONGEST_SHOWN:,} more characters)"


def _plain(line: str) -> str:
    """A console line without its time stamp, and no longer than a person reads."""
    return _STAMP.sub("", line.strip())[:_LONGEST]
