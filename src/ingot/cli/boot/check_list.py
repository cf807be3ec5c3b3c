"""What `ingot boot --list-checks` prints: the checks of a kernel, or of the whole catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from ingot import lab
from ingot.catalog import Catalog, GuestCheck
from ingot.cli.boot.boot_operand import KernelRequest, checks_of_operand, find_boot_operand
from ingot.cli.shared.terminal import make_console, print_json, styled
from ingot.operands import KernelName, parse_operand
from ingot.setting import Setting

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import CheckListDocument

_SPECIAL: Mapping[str, str] = {
    lab.NO_CHECKS: "no check: only the release, a module and a clean shutdown",
    "root-on-disk": "the root is on a disk; together with other names, for their checks",
    "modules-volume": "like root-on-disk, with the modules on a second disk",
}
"""The names that --checks accepts besides those of checks, features and VMMs."""


@dataclass(frozen=True, slots=True)
class _ListedCheck:
    """A check, and whether a boot of the kernel runs it without --checks; None without a kernel."""

    check: GuestCheck
    by_default: bool | None


def show_checks(setting: Setting, request: KernelRequest | None, *, as_json: bool) -> None:
    """Print the checks that a boot of the kernel can run, or those of the whole catalog."""
    rows = _rows(setting, request)
    if as_json:
        print_json(_document(rows))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("of", no_wrap=True)
    if request:
        table.add_column("default", no_wrap=True)
    table.add_column("what it tests")
    for row in rows:
        check = row.check
        default = [styled("✓" if row.by_default else "")] if request else []
        note = f" ({check.unfit})" if check.unfit else ""
        about = styled(f"{check.about}{note}")
        table.add_row(styled(check.name), styled(check.feature), *default, about)
    for name, text in _SPECIAL.items():
        table.add_row(styled(name), "", *([""] if request else []), styled(text))
    make_console().print(table)


def _rows(setting: Setting, request: KernelRequest | None) -> list[_ListedCheck]:
    """The checks, each name once, in the order in which they run."""
    catalog = setting.project.catalog
    if request is None:
        return [_ListedCheck(check, None) for check in _of_catalog(catalog)]
    if isinstance(parse_operand(request.name), KernelName):
        kernel = request.kernel_of_catalog(setting)
        if kernel:
            known = lab.all_checks(catalog, kernel.version.series, kernel.arch)
            default = {check.name for check in lab.checks_of_kernel(catalog, kernel)}
            return [_ListedCheck(check, check.name in default) for check in known]
    operand = find_boot_operand(setting, request)
    return [_ListedCheck(check, True) for check in checks_of_operand(setting, operand)]


def _of_catalog(catalog: Catalog) -> list[GuestCheck]:
    """All checks of the catalog; one that differs between series is that of the newest."""
    found: dict[str, GuestCheck] = {}
    for kernel in reversed(catalog.kernels):
        for check in lab.all_checks(catalog, kernel.version.series, kernel.arch):
            if check.name not in found or (found[check.name].unfit and not check.unfit):
                found[check.name] = check
    return list(found.values())


def _document(rows: Sequence[_ListedCheck]) -> CheckListDocument:
    return {
        "checks": [
            {
                "name": row.check.name,
                "fragment": row.check.feature,
                "text": row.check.about,
                "tested_options": list(row.check.options),
                "unfit": row.check.unfit or None,
                "by_default": row.by_default,
            }
            for row in rows
        ]
    }
