"""Prints the CVEs of a kernel as text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ingot.cli.shared.terminal import Terminal, styled
from ingot.cves import Answer, Finding, Status, reason_of
from ingot.version import KernelVersion

_STYLES = {
    Status.AFFECTED: "red",
    Status.UNDECIDED: "yellow",
    Status.FIXED: "green",
    Status.NOT_AFFECTED: "green",
}
"""The statuses in the order of the table, with their styles."""

_FOOTER = (
    "A CVE's files are those that its first fix in mainline changed (programFiles of its record):"
    " an older series can have the mistake in other files."
)


def print_answer(
    console: Terminal,
    answer: Answer,
    name: str,
    versions: Sequence[KernelVersion],
    *,
    show_all: bool,
) -> None:
    """Print the three numbers, a table, and where the answer comes from.

    `versions` are those of the catalog. Without `show_all`, only the CVEs that affect the kernel or
    are undecided are listed.
    """
    console.say(
        (name, "bold"),
        f": {len(answer.findings):,} CVEs open in {answer.version} -> ",
        (f"{len(answer.affected):,} in compiled files", "bold red" if answer.affected else ""),
        f" -> {len(answer.undecided):,} undecided",
    )
    statuses = list(_STYLES) if show_all else [Status.AFFECTED, Status.UNDECIDED]
    rows = [finding for status in statuses for finding in _ordered(answer.with_status(status))]
    if rows:
        console.print()
        console.print(_table(rows, versions))
    console.print()
    data = answer.data
    commit = f", commit {data.commit}" if data.commit else f", {data.digest}"
    date = f", {data.date:%Y-%m-%d}" if data.date else ""
    console.say(f"records: {data.name}{commit}{date}")
    console.say(_FOOTER)


def _ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with the highest scores first, then the newest ones."""
    return sorted(findings, key=lambda each: (each.record.score or 0, each.order), reverse=True)


def _table(findings: Sequence[Finding], versions: Sequence[KernelVersion]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CVE", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("fixed in", no_wrap=True)
    table.add_column("title")
    table.add_column("why", overflow="fold")
    for finding in findings:
        score = finding.record.score
        status = finding.status
        table.add_row(
            styled(finding.cve),
            styled("" if score is None else f"{score:.1f}"),
            styled(status.value.replace("_", " "), _STYLES[status]),
            _fix(finding, versions),
            styled(finding.record.title),
            styled(_why(finding)),
        )
    return table


def _fix(finding: Finding, versions: Sequence[KernelVersion]) -> Text:
    if finding.fixed_in is None:
        return styled("no release")
    mark = " ✓" if finding.has_fix_among(versions) else ""
    return styled(f"{finding.fixed_in}{mark}", "green" if mark else "")


def _why(finding: Finding) -> str:
    places = finding.verdict.compiled_into
    into = f" ({', '.join(places[:2])}{', ...' if len(places) > 2 else ''})" if places else ""
    return f"{reason_of(finding)}{into}"
