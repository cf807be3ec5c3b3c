"""The options that several verbs share, and the values they stand for."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ingot import catalog as catalogs
from ingot.catalog import Catalog, Kernel
from ingot.catalog.kernel_selection import version_in
from ingot.catalog.ownership import require_own_catalog, require_own_store, trusted_users
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import parse_patches, parse_source
from ingot.cli.shared.terminal import Terminal
from ingot.errors import IngotError, UserError
from ingot.operands import kernel_named
from ingot.pipeline import local_version, with_git_source, with_version_of
from ingot.registry import Registry
from ingot.setting import RunOptions, Setting, open_project

DEFAULT_BOOT_SECONDS = 180.0


def complete_kernels(incomplete: str) -> list[str]:
    """The series and versions of the catalog here that begin so, for the shell's completion."""
    try:
        kernels = find_catalog(None).kernels
    except (IngotError, OSError):
        return []
    names = dict.fromkeys(
        name for kernel in kernels for name in (str(kernel.version.series), kernel.tag)
    )
    return [name for name in names if name.startswith(incomplete)]


_KERNELS_HELP = (
    "Versions (6.1.176) or series (6.1: its newest), with a flavor or arch if it is not"
    " the usual one (6.1-minimal, 6.12-arm64). Without any: "
)
Kernels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KERNEL",
        help=f"{_KERNELS_HELP}every series that is maintained.",
        show_default=False,
        autocompletion=complete_kernels,
    ),
]
BuiltKernels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KERNEL",
        help=f"{_KERNELS_HELP}all that is built.",
        show_default=False,
        autocompletion=complete_kernels,
    ),
]
KernelName = Annotated[
    str,
    typer.Argument(
        metavar="KERNEL",
        help="A version or series of the catalog, as in 6.1, 6.1.176-minimal, 6.12-arm64.",
        autocompletion=complete_kernels,
    ),
]
Arches = Annotated[
    list[str] | None,
    typer.Option(
        "--arch",
        metavar="ARCH",
        help="x86_64, arm64 or all; may be given more than once.",
        show_default=False,
    ),
]
Flavors = Annotated[
    list[str] | None,
    typer.Option(
        "--flavor",
        metavar="FLAVOR",
        help="A flavor of the catalog, or all; may be given more than once.",
        show_default=False,
    ),
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="FEATURE",
        help="Add a feature of the catalog, for this once.",
        show_default=False,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="FEATURE",
        help="Leave a feature out, for this once.",
        show_default=False,
    ),
]
CatalogFolder = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="DIR",
        envvar="INGOT_CATALOG",
        help="The catalog folder, whoever owns it. Default: kernels/ here or in a folder above, if"
        " it is yours or root's.",
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
BuilderName = Annotated[
    str | None,
    typer.Option(
        "--builder",
        metavar="NAME|KIND",
        help="Compile in this builder of the catalog, or in one of this kind: rootfs (packages),"
        " container (an image that docker, podman or buildah enters) or host (this machine's own"
        " compiler). Default: what the catalog says.",
        show_default=False,
    ),
]
CacheFrom = Annotated[
    str | None,
    typer.Option(
        "--cache-from",
        metavar="HOST[/PATH]",
        envvar="INGOT_CACHE_FROM",
        help="Ask this registry for the recipe before compiling, and for the builder before"
        " making one. What comes is verified by digest; that the registry is to be trusted is"
        " your word.",
        show_default=False,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Speak plain HTTP to the registry, or accept any certificate. One on loopback may"
        " without.",
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
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be written, as a diff.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def find_catalog(folder: Path | None) -> Catalog:
    """The catalog named, or `kernels/` in the current folder or one above it.

    One that is not named must be the caller's own, or root's: see `catalog.ownership`.
    """
    if folder is not None:
        return catalogs.load(folder.absolute())
    here = Path.cwd()
    for parent in (here, *here.parents):
        if (parent / "kernels" / catalogs.FILE_NAME).is_file():
            require_own_catalog(parent / "kernels", users_trusted())
            found = catalogs.load(parent / "kernels")
            require_own_store(found.store, users_trusted())
            return found
    raise UserError(
        f"there is no catalog here: no kernels/{catalogs.FILE_NAME} in {here} or above",
        hint="make one with `ingot init DIR` and run Ingot in DIR, or name one with --catalog",
    )


def users_trusted() -> frozenset[int]:
    """The user IDs whose files are taken unasked: see `catalog.ownership`."""
    return trusted_users(os.environ.get("SUDO_UID", ""))


def make_setting(
    catalog: Path | None,
    cache: Path | None,
    build_dir: Path | None = None,
    source: str | None = None,
    boot_timeout: float = DEFAULT_BOOT_SECONDS,
    cache_from: Registry | None = None,
    *,
    keyring: Path | None = None,
    patches: Sequence[Path] | None = None,
    offline: bool = False,
) -> Setting:
    """What the verbs hand to the pipeline. A `source` in git is fetched here, if it is not here."""
    found = find_catalog(catalog)
    local, git = parse_source(source, keyring)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    project = open_project(found, cache=cache or base / "ingot", build_dir=build_dir)
    options = RunOptions(
        local=local,
        patches=parse_patches(patches or ()),
        cache=None if offline else cache_from,
        boot_seconds=boot_timeout,
        offline=offline,
    )
    setting = Setting(project, options)
    if git:
        project.workspace.prepare()
        return with_git_source(setting, git, keyring, make_progress(Terminal(stderr=True)))
    return setting


def choose(
    setting: Setting,
    names: Sequence[str] | None,
    arches: Sequence[str] | None = None,
    flavors: Sequence[str] | None = None,
    with_: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    *,
    builder: str | None = None,
    maintained: bool = False,
) -> list[Kernel]:
    """The kernels that a command line means, each once.

    Where the user's own tree is the source, a series means the version of that tree, and its
    series is meant where none is named. Where the user has patches, the kernels are patched ones.
    `builder` is what to compile them in, by name or kind.
    `maintained` leaves out series that have ended, unless they are named.
    """
    catalog = setting.project.catalog
    names = [kernel_named(name) for name in names or ()]
    if not names and (own := local_version(setting)):
        names = [str(own.series)]
    selected = catalog.select(names, arches=arches or (), flavors=flavors or ())
    kernels = [catalog.variant(kernel, with_ or (), without or ()) for kernel in selected]
    if maintained and not names:
        today = datetime.date.today()
        kernels = [kernel for kernel in kernels if not kernel.ended(today)]
        if not kernels:
            raise UserError(
                "no series of the catalog is maintained any more",
                hint=f"name the one that is meant, such as {selected[-1].version.series}",
            )
    if setting.options.patches:
        kernels = [replace(kernel, patched=True) for kernel in kernels]
    if builder:
        kernels = [catalog.compiled_in(kernel, builder) for kernel in kernels]
    exact = {version_in(name) for name in names}
    return list(
        dict.fromkeys(
            kernel if str(kernel.version) in exact else with_version_of(setting, kernel)
            for kernel in kernels
        )
    )


def choose_one(setting: Setting, name: str) -> Kernel:
    """The one kernel that a name means."""
    return choose(setting, [name])[0]
