"""The result of a boot, as text and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.boot.boot_report import BootReport, Outcome, Verdict
from ingot.cli.boot.boot_operand import BootOperand
from ingot.cli.boot.junit import JunitSuite, write_junit
from ingot.cli.shared.output_file import is_standard_output
from ingot.cli.shared.progress_display import seconds_text
from ingot.cli.shared.terminal import (
    Terminal,
    Verbosity,
    make_console,
    print_json,
    verbosity,
)
from ingot.errors import BootError

if TYPE_CHECKING:
    from ingot.cli.documents.part_shapes import BootPart

MARKS: Mapping[Outcome, tuple[str, str]] = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.SKIPPED: ("-", "dim"),
}

_NAMES_SHOWN = 3
_FILE_HINT = (
    "name a vmlinux, a bzImage or an arm64 Image; `ingot list` shows the kernels of the catalog"
)


def print_report(console: Terminal, report: BootReport, *, show_console: bool) -> None:
    """Print the failed checks, the counts of all, and the verdict with the machine.

    If output is verbose, print every check.
    """
    if show_console:
        for line in report.console:
            console.say(line)
    print_checks(console, report)
    if report.forgery:
        console.say(report.forgery)
    for note in report.notes:
        console.say(("note:", "bold"), f" {note}")
    console.say(f"{report.verdict.value} ({_where(report)})")


def print_checks(console: Terminal, report: BootReport) -> None:
    """Print the failed checks and the number of the others, or every check if output is verbose."""
    verbose = verbosity() >= Verbosity.VERBOSE
    for check in report.checks:
        if verbose or not check.ok:
            what = "skipped, " if check.outcome is Outcome.SKIPPED else ""
            console.say(MARKS[check.outcome], f" {check.name}: {what}{check.detail}")
    for reason, names in _skipped(report).items() if not verbose else ():
        some = ", ".join(names) if len(names) <= _NAMES_SHOWN else f"{len(names)} checks"
        console.say(MARKS[Outcome.SKIPPED], f" {some}: skipped, {reason}")
    if report.checks:
        console.say(counts_text(report))


def _skipped(report: BootReport) -> dict[str, list[str]]:
    """The names of the skipped checks, by reason."""
    found: dict[str, list[str]] = {}
    for check in report.checks:
        if check.outcome is Outcome.SKIPPED:
            found.setdefault(check.detail, []).append(check.name)
    return found


def counts_text(report: BootReport) -> str:
    """`125 checks: 109 passed, 16 skipped`."""
    found = counts(report)
    number = len(report.checks)
    parts = [f"{count} {outcome.value}" for outcome, count in found.items() if count]
    return f"{number} check{'' if number == 1 else 's'}: {', '.join(parts)}"


def _where(report: BootReport) -> str:
    if not report.command:
        return "not started"
    return f"{report.machine}, {report.accelerator}, {seconds_text(report.seconds)}"


def counts(report: BootReport) -> dict[Outcome, int]:
    """The number of checks with each outcome."""
    return {
        outcome: sum(check.outcome is outcome for check in report.checks) for outcome in Outcome
    }


def boot_part(operand: BootOperand, report: BootReport) -> BootPart:
    """The report as JSON."""
    return {
        "image": None if operand.file else operand.name,
        "file": str(operand.file) if operand.file else None,
        "verdict": report.verdict.value,
        "reason": report.reason or None,
        "machine": report.machine,
        "accelerator": report.accelerator,
        "seconds": round(report.seconds, 3),
        "checks": [
            {"name": check.name, "outcome": check.outcome.value, "detail": check.detail}
            for check in report.checks
        ],
        "notes": list(report.notes),
        "forged_lines": report.reports.forged,
        "console": list(report.console),
        "command": shlex.join(report.command),
    }


def console_beside(junit: Path | None) -> Terminal:
    """Where results are printed for people: standard error if the XML is on standard output."""
    return Terminal(stderr=True) if junit and is_standard_output(junit) else make_console()


def end_boot(
    operand: BootOperand,
    report: BootReport,
    junit: Path | None,
    *,
    as_json: bool,
    show_console: bool,
) -> None:
    """Show the result of one boot; raises BootError if it did not pass."""
    if as_json:
        print_json(boot_part(operand, report))
    else:
        print_report(console_beside(junit), report, show_console=show_console)
    if junit:
        write_junit(junit, [JunitSuite(operand.name, report)])
    if not report.passed:
        raise BootError(
            f"{operand.name} did not pass: {report.verdict.value}",
            why=report.explain(),
            hint=_FILE_HINT if operand.file and report.verdict is Verdict.NOT_STARTED else "",
        )
