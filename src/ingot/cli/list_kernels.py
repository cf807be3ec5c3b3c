"""`ingot list`: what the catalog offers and what the store has of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from rich.table import Table

from ingot.catalog import Kernel
from ingot.cli.options import CatalogFolder, Json, make_setting
from ingot.cli.render import make_console
from ingot.images import BASE
from ingot.oci import Layout, read_image


@dataclass(frozen=True, slots=True)
class _Row:
    kernel: Kernel
    built: str


def list_kernels(catalog: CatalogFolder = None, as_json: Json = False) -> None:
    """List the kernels of the catalog.

    For each: what it is built for, until when its series is maintained, and the digest of its
    base image if the store has it.
    """
    setting = make_setting(catalog, None)
    rows = [_Row(kernel, _built(setting.layout, kernel)) for kernel in setting.catalog.kernels]
    if as_json:
        print(json.dumps([_document(row) for row in rows], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("version", "arch", "VMMs", "features", "end of life", "in the store"):
        table.add_column(title, no_wrap=title != "features")
    for row in rows:
        kernel = row.kernel
        table.add_row(
            str(kernel.version),
            kernel.arch.name,
            " ".join(kernel.vmms),
            " ".join(kernel.features),
            str(kernel.end_of_life or "unknown"),
            row.built[:19] if row.built else "no",
        )
    make_console().print(table)


def _built(layout: Layout, kernel: Kernel) -> str:
    """The manifest digest of the kernel's base image, empty if the store has none."""
    descriptor = layout.find(f"{BASE}:{kernel.version}")
    if descriptor is None:
        return ""
    architecture = read_image(layout, descriptor).platform.architecture
    return str(descriptor.digest) if architecture == kernel.arch.oci else ""


def _document(row: _Row) -> dict[str, object]:
    kernel = row.kernel
    return {
        "version": str(kernel.version),
        "series": str(kernel.version.series),
        "arch": kernel.arch.name,
        "vmms": list(kernel.vmms),
        "features": list(kernel.features),
        "builder": kernel.builder.name,
        "end_of_life": str(kernel.end_of_life) if kernel.end_of_life else None,
        "digest": row.built or None,
    }
