"""The options that several verbs share, and the values they stand for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ingot import catalog as catalogs
from ingot.catalog import Catalog
from ingot.errors import UserError
from ingot.oci import Layout
from ingot.pipeline import Setting
from ingot.workspace import Workspace

DEFAULT_BOOT_SECONDS = 180.0


def complete_kernels(incomplete: str) -> list[str]:
    """The series and versions of the catalog here that begin so, for the shell's completion."""
    try:
        kernels = find_catalog(None).kernels
    except UserError:
        return []
    names = dict.fromkeys(
        str(name) for kernel in kernels for name in (kernel.version.series, kernel.version)
    )
    return [name for name in names if name.startswith(incomplete)]


Kernels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KERNEL",
        help="Versions (6.1.176) or series (6.1: its newest). Without any: every series.",
        show_default=False,
        autocompletion=complete_kernels,
    ),
]
CatalogFolder = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="DIR",
        envvar="INGOT_CATALOG",
        help="The catalog folder. Default: kernels/ here or in a folder above.",
        show_default=False,
    ),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        envvar="INGOT_CACHE",
        help="Where sources, builders and logs are kept. Default: ~/.cache/ingot.",
        show_default=False,
    ),
]
BuildFolder = Annotated[
    Path | None,
    typer.Option(
        "--build-dir",
        metavar="DIR",
        envvar="INGOT_BUILD_DIR",
        help="Where kernels are compiled. Default: in memory (/dev/shm) if it has room.",
        show_default=False,
    ),
]
BootTimeout = Annotated[
    float,
    typer.Option(
        "--boot-timeout",
        metavar="SECONDS",
        envvar="INGOT_BOOT_TIMEOUT",
        min=1,
        help="How long a guest may take before it counts as hung.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def find_catalog(folder: Path | None) -> Catalog:
    """The catalog named, or `kernels/` in the current folder or one above it."""
    if folder is not None:
        return catalogs.load(folder.absolute())
    here = Path.cwd()
    for parent in (here, *here.parents):
        if (parent / "kernels" / catalogs.FILE_NAME).is_file():
            return catalogs.load(parent / "kernels")
    raise UserError(
        f"there is no catalog here: no kernels/{catalogs.FILE_NAME} in {here} or above",
        hint="run Ingot in a checkout of the project, or name a catalog with --catalog",
    )


def make_setting(
    catalog: Path | None,
    cache: Path | None,
    build_dir: Path | None = None,
    source: Path | None = None,
    boot_timeout: float = DEFAULT_BOOT_SECONDS,
) -> Setting:
    """What the verbs hand to the pipeline."""
    found = find_catalog(catalog)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Setting(
        catalog=found,
        layout=Layout(found.store),
        workspace=Workspace(
            (cache or base / "ingot").absolute(), build_dir.absolute() if build_dir else None
        ),
        host=os.uname().machine,
        local=source.absolute() if source else None,
        boot_seconds=boot_timeout,
    )
