"""`ingot list`: the kernels of the catalog, and which of them the store has."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingot.arch import arch_called
from ingot.catalog import Catalog, Kernel
from ingot.catalog.kernel_selection import ALL, version_in
from ingot.catalog.kernel_variants import known
from ingot.cli.documents.parts import cve_counts_part, kernel_part
from ingot.cli.shared.common_options import Arches, CatalogDirectory, Flavors, Json, make_setting
from ingot.cli.shared.completion import complete_features, complete_kernels, complete_vmms
from ingot.cli.shared.cve_records import known_cves
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json, styled
from ingot.errors import IngotError
from ingot.images import BASE, read_facts, tags_of_store
from ingot.oci import Descriptor, Image, Layout, read_image
from ingot.operands import kernel_named
from ingot.setting import Project
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ListDocument, ListPart
    from ingot.kernel_cves import CveCounts, KernelCves


@dataclass(frozen=True, slots=True)
class _KernelRow:
    """A kernel, and of its base image the manifest's digest and the size in bytes.

    The digest is empty if the store has none; the size is None if the image cannot be read. `cves`
    are its CVEs, if they are known.
    """

    kernel: Kernel
    built: str
    size: int | None
    cves: CveCounts | None = None


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

    For each version and arch, the newest series first: its flavors (✓: in the store, with the size
    of the image that has kernel and modules), the end of life of its series, and the VMMs that the
    kernel supports. `≥ 1.9.0` is the first release of a VMM that officially supports the series,
    `until` the last day for which its developers guarantee that. After `ingot cves --update`, also
    the number of CVEs in files that a built kernel was compiled from.
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
        for row in _rows(project, selected)
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
    ordered = sorted(rows, key=lambda row: (not row.kernel.primary, row.kernel.arch.name))
    ordered.sort(key=lambda row: row.kernel.version, reverse=True)
    for _, group in itertools.groupby(ordered, lambda row: (row.kernel.version, row.kernel.arch)):
        table.add_row(*_cells(list(group), today))
    return table


def _rows(project: Project, kernels: Sequence[Kernel]) -> Iterator[_KernelRow]:
    tags = tags_of_store(project.layout)
    cves = known_cves(project, make_progress(Terminal(stderr=True)))
    for kernel in kernels:
        descriptor = tags.get(f"{BASE}:{kernel.tag}")
        if descriptor is None:
            yield _KernelRow(kernel, "", None)
            continue
        image = _image(project.layout, descriptor)
        counts = _counts(cves, image, kernel) if cves and image else None
        yield _KernelRow(kernel, str(descriptor.digest), image.size if image else None, counts)


def _counts(cves: KernelCves, image: Image, kernel: Kernel) -> CveCounts | None:
    with contextlib.suppress(IngotError):
        facts = read_facts(image)
        return cves.counts_in_store(facts, kernel.tag) if facts else None
    return None


def _image(layout: Layout, descriptor: Descriptor) -> Image | None:
    """The image; None if it cannot be read: `ingot images` says what is damaged."""
    with contextlib.suppress(IngotError, OSError):
        return read_image(layout, descriptor)
    return None


def _cells(rows: Sequence[_KernelRow], today: datetime.date) -> list[Text]:
    """The cells of one version and arch; `rows` are its flavors."""
    kernel = rows[0].kernel
    flavors = styled(" ").join(
        styled(f"{row.kernel.flavor.name} ✓{_note(row)}", "green")
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
        styled(", ".join(_vmm(kernel, name, today) for name in vmms)),
    ]


def _vmm(kernel: Kernel, name: str, today: datetime.date) -> str:
    """`firecracker ≥ 1.9.0 (support ended 2026-09-02)`."""
    since = f" ≥ {kernel.support[name]}" if name in kernel.support else ""
    notes = ["experimental"] if name in kernel.experimental else []
    if end := kernel.support_ends.get(name):
        notes.append(f"until {end}" if kernel.supported(name, today) else f"support ended {end}")
    return f"{name}{since}" + (f" ({', '.join(notes)})" if notes else "")


def _note(row: _KernelRow) -> str:
    """The size and the CVEs of a built kernel, in parentheses; empty if none is known."""
    cves = row.cves
    found = [
        *([] if row.size is None else [size_text(row.size)]),
        *([f"{cves.affected} CVEs, {cves.undecided} undecided"] if cves else []),
    ]
    return f" ({', '.join(found)})" if found else ""


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
        "supported_until": {name: str(end) for name, end in kernel.support_ends.items()},
        "experimental": list(kernel.experimental),
        "digest": row.built or None,
        "size": row.size,
        "cve_counts": cve_counts_part(row.cves),
    }
