"""`ingot list`: the kernels of the catalog, and which of them the store has."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ingot.catalog import Kernel
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.common_options import CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import make_console, print_json, styled
from ingot.images import BASE, tags_of_store
from ingot.oci import Layout

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ListDocument, ListPart


@dataclass(frozen=True, slots=True)
class _KernelRow:
    """A kernel, and the manifest digest of its base image; empty if the store has none."""

    kernel: Kernel
    built: str


def list_kernels(catalog: CatalogDirectory = None, as_json: Json = False) -> None:
    """List the kernels of the catalog.

    For each version and arch: its flavors (✓: built, in the store), the end of life of its
    series, and the VMMs that the kernel supports. `≥ 1.9.0` is the first release of a VMM that
    officially supports the series.
    """
    setting = make_setting(catalog, None)
    today = datetime.date.today()
    rows = [
        _KernelRow(kernel, _built(setting.project.layout, kernel))
        for kernel in setting.project.catalog.kernels
    ]
    if as_json:
        print_json(_document(rows, today))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", no_wrap=True)
    table.add_column("arch", no_wrap=True)
    table.add_column("flavors")
    table.add_column("end of life", no_wrap=True)
    table.add_column("VMMs")
    rows.sort(key=lambda row: (row.kernel.version, not row.kernel.primary, row.kernel.arch.name))
    for _, group in itertools.groupby(rows, lambda row: (row.kernel.version, row.kernel.arch)):
        table.add_row(*_cells(list(group), today))
    make_console().print(table)


def _cells(rows: Sequence[_KernelRow], today: datetime.date) -> list[Text]:
    """The cells of one version and arch; `rows` are its flavors."""
    kernel = rows[0].kernel
    flavors = styled(" ").join(
        styled(f"{row.kernel.flavor.name} ✓", "green")
        if row.built
        else styled(row.kernel.flavor.name)
        for row in rows
    )
    end = styled(str(kernel.end_of_life or "unknown"))
    if kernel.ended(today):
        end = styled(f"{end} (ended)", "red")
    vmms = dict.fromkeys(vmm for row in rows for vmm in row.kernel.vmms)
    return [
        styled(str(kernel.version)),
        styled(kernel.arch.name),
        flavors,
        end,
        styled(", ".join(_vmm(kernel, name) for name in vmms)),
    ]


def _vmm(kernel: Kernel, name: str) -> str:
    since = f" ≥ {kernel.support[name]}" if name in kernel.support else ""
    return f"{name}{since}{' (experimental)' if name in kernel.experimental else ''}"


def _built(layout: Layout, kernel: Kernel) -> str:
    descriptor = tags_of_store(layout).get(f"{BASE}:{kernel.tag}")
    return str(descriptor.digest) if descriptor else ""


def _document(rows: Sequence[_KernelRow], today: datetime.date) -> ListDocument:
    return {"kernels": [_part(row, today) for row in rows]}


def _part(row: _KernelRow, today: datetime.date) -> ListPart:
    kernel = row.kernel
    return {
        **kernel_part(kernel),
        "vmms": list(kernel.vmms),
        "features": list(kernel.features),
        "monolithic": kernel.flavor.monolithic,
        "builder": kernel.builder.name,
        "end_of_life": str(kernel.end_of_life) if kernel.end_of_life else None,
        "ended": kernel.ended(today),
        "supported_by": dict(kernel.support),
        "experimental": list(kernel.experimental),
        "digest": row.built or None,
    }
