"""What came of a boot, for a person and for a script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ingot.boot.boot_report import BootReport, Outcome
from ingot.cli.shared.progress_display import seconds_text
from ingot.cli.shared.terminal import Terminal

MARKS: Mapping[Outcome, tuple[str, str]] = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.SKIPPED: ("-", "dim"),
}


def print_report(console: Terminal, report: BootReport, *, show_console: bool) -> None:
    """Each check in a line, and the verdict with where it was reached."""
    if show_console:
        for line in report.console:
            console.say(line)
    for check in report.checks:
        what = "skipped, " if check.outcome is Outcome.SKIPPED else ""
        console.say(MARKS[check.outcome], f" {check.name}: {what}{check.detail}")
    if report.forgery:
        console.say(report.forgery)
    console.say(f"{report.verdict.value} ({_where(report)})")


def _where(report: BootReport) -> str:
    if not report.command:
        return "it was not started"
    return f"{report.machine}, {report.accelerator}, {seconds_text(report.seconds)}"


def counts(report: BootReport) -> dict[Outcome, int]:
    """How many checks went which way."""
    return {
        outcome: sum(check.outcome is outcome for check in report.checks) for outcome in Outcome
    }


def document(name: str, report: BootReport) -> dict[str, object]:
    """The report as JSON has it."""
    return {
        "image": name,
        "verdict": report.verdict.value,
        "reason": report.reason,
        "machine": report.machine,
        "accelerator": report.accelerator,
        "seconds": round(report.seconds, 3),
        "checks": [
            {"name": check.name, "outcome": check.outcome.value, "detail": check.detail}
            for check in report.checks
        ],
        "forged_lines": report.reports.forged,
        "console": list(report.console),
        "command": shlex.join(report.command),
    }
