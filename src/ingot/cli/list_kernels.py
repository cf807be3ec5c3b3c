"""`ingot list`: the kernels of the catalog, and which of them the store has."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingot.arch import arch_called
from ingot.catalog import Catalog, Kernel
from ingot.catalog.kernel_selection import ALL, version_in
from ingot.catalog.kernel_variants import known
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.common_options import Arches, CatalogDirectory, Flavors, Json, make_setting
from ingot.cli.shared.completion import complete_features, complete_kernels, complete_vmms
from ingot.cli.shared.terminal import Terminal, make_console, print_json, styled
from ingot.errors import IngotError
from ingot.images import BASE, tags_of_store
from ingot.oci import Layout, read_image
from ingot.operands import kernel_named
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ListDocument, ListPart


@dataclass(frozen=True, slots=True)
class _KernelRow:
    """A kernel, and of its base image the manifest's digest and the size in bytes.

    The digest is empty if the store has none; the size is None if the image cannot be read.
    """

    kernel: Kernel
    built: str
    size: int | None


def list_kernels(
    kernels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KERNEL",
            help="Only these versions (6.1.176), series (6.1: all its versions) or kernels"
            " (6.1-minimal).",
            show_default=False,
            autocompletion=complete_kernels,
        ),
    ] = None,
    arches: Arches = None,
    flavors: Flavors = None,
    vmms: Annotated[
        list[str] | None,
        typer.Option(
            "--vmm",
            metavar="VMM",
            help="Only kernels that support this VMM; may be given more than once.",
            show_default=False,
            autocompletion=complete_vmms,
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--feature",
            metavar="FEATURE",
            help="Only kernels that have this feature; may be given more than once.",
            show_default=False,
            autocompletion=complete_features,
        ),
    ] = None,
    built: Annotated[
        bool, typer.Option("--built", help="Only kernels that the store has.")
    ] = False,
    maintained: Annotated[
        bool, typer.Option("--maintained", help="Only series that are still maintained.")
    ] = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """List the kernels of the catalog.

    For each version and arch: its flavors (✓: in the store, with the size of the image that has
    kernel and modules), the end of life of its series, and the VMMs that the kernel supports.
    `≥ 1.9.0` is the first release of a VMM that officially supports the series.
    """
    project = make_setting(catalog, None).project
    today = datetime.date.today()
    selected = select_listed(project.catalog, kernels or (), arches or (), flavors or ())
    for name in vmms or ():
        known(project.catalog.vmms, name, "VMM")
    for name in features or ():
        known(project.catalog.features, name, "feature")
    rows = [
        row
        for row in (_row(project.layout, kernel) for kernel in selected)
        if {*(vmms or ())} <= {*row.kernel.vmms}
        and {*(features or ())} <= {*row.kernel.features}
        and (row.built or not built)
        and not (maintained and row.kernel.ended(today))
    ]
    if as_json:
        print_json(_document(rows, today))
    elif rows:
        make_console().print(_table(rows, today))
    else:
        Terminal(stderr=True).say("no kernel of the catalog is selected by all of these options")


def select_listed(
    catalog: Catalog, names: Sequence[str], arches: Sequence[str], flavors: Sequence[str]
) -> list[Kernel]:
    """The kernels of the catalog that names, arches and flavors select; without any, all.

    A series or a version selects all its kernels. UserError for a name that the catalog lacks.
    """
    wanted = {arch_called(word).name for word in arches if word != ALL}
    every = {kernel.flavor.name: None for kernel in catalog.kernels}
    kept = {known(every, word, "flavor") for word in flavors if word != ALL}
    named: set[Kernel] = set()
    for name in map(kernel_named, names):
        found = catalog.select([name])
        base = version_in(name)
        if name == base:
            found = [
                kernel
                for kernel in catalog.kernels
                if base in (str(kernel.version), str(kernel.version.series))
            ]
        named.update(found)
    return [
        kernel
        for kernel in catalog.kernels
        if (not names or kernel in named)
        and (not wanted or ALL in arches or kernel.arch.name in wanted)
        and (not kept or ALL in flavors or kernel.flavor.name in kept)
    ]


def _table(rows: Sequence[_KernelRow], today: datetime.date) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", no_wrap=True)
    table.add_column("arch", no_wrap=True)
    table.add_column("flavors")
    table.add_column("end of life", no_wrap=True)
    table.add_column("VMMs")
    ordered = sorted(
        rows,
        key=lambda row: (row.kernel.version, not row.kernel.primary, row.kernel.arch.name),
    )
    for _, group in itertools.groupby(ordered, lambda row: (row.kernel.version, row.kernel.arch)):
        table.add_row(*_cells(list(group), today))
    return table


def _cells(rows: Sequence[_KernelRow], today: datetime.date) -> list[Text]:
    """The cells of one version and arch; `rows` are its flavors."""
    kernel = rows[0].kernel
    flavors = styled(" ").join(
        styled(f"{row.kernel.flavor.name} ✓{_size_note(row)}", "green")
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


def _size_note(row: _KernelRow) -> str:
    return "" if row.size is None else f" ({size_text(row.size)})"


def _row(layout: Layout, kernel: Kernel) -> _KernelRow:
    descriptor = tags_of_store(layout).get(f"{BASE}:{kernel.tag}")
    if descriptor is None:
        return _KernelRow(kernel, "", None)
    size = None
    with contextlib.suppress(IngotError, OSError):  # `ingot images` says what is damaged
        size = read_image(layout, descriptor).size
    return _KernelRow(kernel, str(descriptor.digest), size)


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
        "size": row.size,
    }
