"""`ingot boot --all`: every kernel of the store in each machine that represents one of its VMMs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ingot.boot.boot_report import BootReport, Outcome
from ingot.boot.vmm.choice import obstacle
from ingot.boot.vmm.machines import Machine, machines_of
from ingot.catalog import Kernel
from ingot.cli.boot.boot_operand import (
    BootOperand,
    KernelRequest,
    boot_with_checks,
    find_boot_operand,
)
from ingot.cli.boot.boot_result import boot_part, counts, print_checks
from ingot.cli.boot.junit import JunitSuite
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.progress_display import kernel_label, seconds_text
from ingot.cli.shared.terminal import Terminal, Verbosity, styled, verbosity
from ingot.errors import IngotError, UserError
from ingot.images import BASE, tags_of_store
from ingot.lab import BootRequest
from ingot.progress import Progress
from ingot.setting import Setting, in_use
from ingot.suggestions import unknown_name

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BootAllDocument, BootRowPart


@dataclass(frozen=True, slots=True)
class BootRow:
    """One kernel in one machine, and the VMMs that the machine represents.

    One of `report`, `skipped` and `error` is set.
    """

    kernel: Kernel
    machine: Machine
    vmms: tuple[str, ...]
    report: BootReport | None = None
    skipped: str = ""
    error: str = ""

    @property
    def label(self) -> str:
        return f"{kernel_label(self.kernel)} in {self.machine.name}"

    @property
    def verdict(self) -> str:
        """The result, in a word or two."""
        if self.report is None:
            return "skipped" if self.skipped else "error"
        return self.report.verdict.value

    @property
    def passed(self) -> bool:
        """Whether nothing failed; a skipped boot did not fail."""
        return bool(self.skipped) or (self.report is not None and self.report.passed)


def boot_all(
    setting: Setting,
    kernels: Sequence[Kernel],
    request: BootRequest,
    checks: Sequence[str],
    progress: Progress,
) -> list[BootRow]:
    """Boot the kernels that the store has; a boot that fails does not stop the others.

    Raises a UserError if the store has none of them.
    """
    tags = tags_of_store(setting.project.layout)
    built = [kernel for kernel in kernels if f"{BASE}:{kernel.tag}" in tags]
    if not built:
        raise UserError(
            f"the store {setting.project.layout.root} has none of these kernels",
            hint="build them first: ingot build",
        )
    rows = []
    with in_use(setting.project, progress):
        for kernel in built:
            for machine, vmms in _machines(kernel, request):
                rows.append(
                    _row(setting, kernel, machine, vmms, request, checks, progress=progress)
                )
    if not rows and (request.vmm or request.machine):
        known = [machine.name for each in built for machine, _ in _machines(each)]
        wanted = " ".join(filter(None, (request.vmm, request.machine)))
        what = f"no machine '{wanted}' represents a VMM of these kernels"
        raise unknown_name(what, wanted, known, listed="the machines that do:")
    return rows


def _machines(
    kernel: Kernel, request: BootRequest | None = None
) -> Iterator[tuple[Machine, tuple[str, ...]]]:
    """The machines that represent a VMM of the kernel, and that the options select."""
    for machine in machines_of(kernel.arch):
        if request and (
            request.vmm not in ("", machine.vmm) or request.machine not in ("", machine.short_name)
        ):
            continue
        vmms = tuple(name for name in kernel.vmms if name in machine.represents)
        if vmms:
            yield machine, vmms


def _row(
    setting: Setting,
    kernel: Kernel,
    machine: Machine,
    vmms: tuple[str, ...],
    request: BootRequest,
    checks: Sequence[str],
    *,
    progress: Progress,
) -> BootRow:
    if reason := obstacle(machine):
        return BootRow(kernel, machine, vmms, skipped=reason)
    progress.note(f"{kernel_label(kernel)} in {machine.name}")
    asked = BootRequest(vmm=machine.vmm, machine=machine.short_name, append=request.append)
    try:
        booted = find_boot_operand(setting, KernelRequest(f"{BASE}:{kernel.tag}"))
        report = boot_with_checks(setting, booted, asked, checks, progress)
    except IngotError as error:
        return BootRow(kernel, machine, vmms, error=str(error))
    return BootRow(kernel, machine, vmms, report=report)


def print_rows(console: Terminal, rows: Sequence[BootRow], *, show_console: bool = False) -> None:
    """Print the results as a table, and below it the reason of each boot that did not pass."""
    for row in rows if show_console else ():
        for line in row.report.console if row.report else ():
            console.say((row.label, "bold"), f": {line}")
    for row in rows if verbosity() >= Verbosity.VERBOSE else ():
        if row.report:
            console.say(row.label, style="bold")
            print_checks(console, row.report)
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "arch", "flavor", "VMM", "machine", "", "checks", "skipped", "time"):
        right = title in ("checks", "skipped", "time")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        kernel = row.kernel
        where = f"{row.machine.name} {row.report.accelerator}" if row.report else row.machine.name
        names = str(kernel.version), kernel.arch.name, kernel.flavor.name
        table.add_row(*names, ", ".join(row.vmms), where, *_result(row))
    console.print(table)
    for row in rows:
        if row.report and not row.report.passed:
            console.print()
            console.say((row.label, "bold"), f": {row.verdict}")
            console.say_lines(row.report.explain())
        elif reason := row.skipped or row.error:
            text = f"{row.label}: {'skipped, ' if row.skipped else ''}{reason}"
            console.say(text)


def _result(row: BootRow) -> tuple[Text, str, str, str]:
    """The verdict, passed checks / checks that ran, skipped checks, time."""
    if row.report is None:
        color = "dim" if row.skipped else "red"
        return styled(row.verdict, color), "", "", ""
    found = counts(row.report)
    ran = found[Outcome.PASSED] + found[Outcome.FAILED]
    return (
        styled(row.verdict, "green" if row.report.passed else "red"),
        f"{found[Outcome.PASSED]}/{ran}",
        str(found[Outcome.SKIPPED]),
        seconds_text(row.report.seconds),
    )


def document(rows: Sequence[BootRow]) -> BootAllDocument:
    """The results as JSON."""
    return {"boots": [_part(row) for row in rows]}


def _part(row: BootRow) -> BootRowPart:
    operand = BootOperand(f"{BASE}:{row.kernel.tag}")
    return {
        **kernel_part(row.kernel),
        "vmms": list(row.vmms),
        "machine": row.machine.name,
        "skipped": row.skipped or None,
        "error": row.error or None,
        "boot": boot_part(operand, row.report) if row.report else None,
    }


def suites(rows: Sequence[BootRow]) -> list[JunitSuite]:
    """The results as JUnit suites, one for each boot."""
    return [JunitSuite(row.label, row.report, row.skipped, row.error) for row in rows]
