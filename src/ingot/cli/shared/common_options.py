"""The options that several verbs share, and the objects made from their values."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import catalog as catalogs
from ingot import pipeline
from ingot.catalog import Catalog, Kernel
from ingot.catalog.kernel_selection import version_in
from ingot.catalog.ownership import require_own_catalog, require_own_store, trusted_users
from ingot.cli.shared.completion import (
    complete_arches,
    complete_builders_and_kinds,
    complete_features,
    complete_flavors,
    complete_kernels,
    complete_kernels_and_images,
    complete_one_arch,
)
from ingot.cli.shared.global_options import catalog_before_verb
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import parse_patches, parse_source
from ingot.cli.shared.terminal import Terminal
from ingot.errors import UserError
from ingot.operands import kernel_named
from ingot.setting import LONGEST_BOOT_SECONDS, RunOptions, Setting, open_project

if TYPE_CHECKING:
    from ingot.registry import Registry

DEFAULT_BOOT_SECONDS = 180.0
_CACHE_VARIABLE = "INGOT_CACHE_FROM"


_KERNELS_HELP = (
    "Versions (6.1.176) or series (6.1: its newest version), with a flavor or arch that is not"
    " the default (6.1-minimal, 6.12-arm64). Without any: "
)
Kernels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KERNEL",
        help=f"{_KERNELS_HELP}every maintained series.",
        show_default=False,
        autocompletion=complete_kernels,
    ),
]
BuiltKernels = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KERNEL",
        help=f"{_KERNELS_HELP}every kernel of the catalog that is built.",
        show_default=False,
        autocompletion=complete_kernels,
    ),
]
KernelName = Annotated[
    str,
    typer.Argument(
        metavar="KERNEL",
        help="A version or series of the catalog: 6.1, 6.1.176-minimal, 6.12-arm64.",
        autocompletion=complete_kernels,
    ),
]
KernelsOrImages = Annotated[
    list[str],
    typer.Argument(
        metavar="KERNEL|IMAGE",
        help="A kernel (6.1) for all its images, an image of the store (kernel-bin:6.1), or an"
        " image of a registry (docker.io/foobar/kernel-bin:6.1).",
        autocompletion=complete_kernels_and_images,
    ),
]
Arches = Annotated[
    list[str] | None,
    typer.Option(
        "--arch",
        metavar="ARCH",
        help="x86_64 (amd64), arm64 (aarch64) or all; may be given more than once.",
        show_default=False,
        autocompletion=complete_arches,
    ),
]
Flavors = Annotated[
    list[str] | None,
    typer.Option(
        "--flavor",
        metavar="FLAVOR",
        help="A flavor of the catalog, or all; may be given more than once.",
        show_default=False,
        autocompletion=complete_flavors,
    ),
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="FEATURE",
        help="Add a feature of the catalog for this run; may be given more than once.",
        show_default=False,
        autocompletion=complete_features,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="FEATURE",
        help="Leave out a feature for this run; may be given more than once.",
        show_default=False,
        autocompletion=complete_features,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Treat every warning about a config as an error."),
]
CatalogDirectory = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="DIR",
        help="The catalog directory; may also be given before the command. Default: $INGOT_CATALOG,"
        " else kernels/ in the current directory or one above it, if you or root own it; a catalog"
        " of another user must be named here.",
        show_default=False,
    ),
]
CacheDirectory = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        envvar="INGOT_CACHE",
        help="The directory for sources, builders and logs. Default: ~/.cache/ingot.",
        show_default=False,
    ),
]
BuildDirectory = Annotated[
    Path | None,
    typer.Option(
        "--build-dir",
        metavar="DIR",
        envvar="INGOT_BUILD_DIR",
        help="The directory to compile in. Default: memory (/dev/shm) if it has room, else the"
        " cache.",
        show_default=False,
    ),
]
BuilderName = Annotated[
    str | None,
    typer.Option(
        "--builder",
        metavar="NAME|KIND",
        help="Use this builder of the catalog, or a builder of this kind: rootfs (Debian"
        " packages), container (an image, run by docker, podman or buildah) or host (the compiler"
        " of this machine). Default: the builder that the catalog names.",
        show_default=False,
        autocompletion=complete_builders_and_kinds,
    ),
]
CacheFrom = Annotated[
    str | None,
    typer.Option(
        "--cache-from",
        metavar="HOST[/PATH]",
        envvar=_CACHE_VARIABLE,
        help="Look in this registry for the builder, and before compiling for a build of the same"
        " recipe. Images are verified by digest, and by signature if the catalog has a trust.toml;"
        " without one, use only a registry that you trust.",
        show_default=False,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Allow plain HTTP to the registry, and any certificate. A registry on localhost does"
        " not need this.",
    ),
]
ImageArch = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="ARCH",
        help="The arch to read from a multi-arch image of a registry: x86_64 or arm64. Default: the"
        " arch of this machine.",
        show_default=False,
        autocompletion=complete_one_arch,
    ),
]
BootTimeout = Annotated[
    float,
    typer.Option(
        "--boot-timeout",
        metavar="SECONDS",
        envvar="INGOT_BOOT_TIMEOUT",
        min=1,
        max=LONGEST_BOOT_SECONDS,
        help="The time limit for a guest; one that takes longer is reported as hung.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be written, as a diff.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def find_catalog(directory: Path | None) -> Catalog:
    """The catalog of `find_catalog_directory`; UserError if there is none.

    If it was not named, its store must belong to the user or to root as well.
    """
    found = find_catalog_directory(directory)
    if found is None:
        raise UserError(
            f"there is no catalog here: no kernels/{catalogs.FILE_NAME} in {Path.cwd()} or above",
            hint="make one with `ingot init DIR` and run Ingot in DIR, or pass --catalog DIR",
        )
    catalog = catalogs.load(found)
    if directory is None and catalog_before_verb() is None:
        require_own_store(catalog.store, users_trusted())
    return catalog


def find_catalog_directory(directory: Path | None) -> Path | None:
    """The catalog named here or before the verb, or `kernels/` in this directory or one above it.

    The latter must belong to the user or to root: see `catalog.ownership`. None if there is none.
    """
    directory = directory or catalog_before_verb()
    if directory is not None:
        return directory.absolute()
    here = Path.cwd()
    for parent in (here, *here.parents):
        if (parent / "kernels" / catalogs.FILE_NAME).is_file():
            require_own_catalog(parent / "kernels", users_trusted())
            return parent / "kernels"
    return None


def users_trusted() -> frozenset[int]:
    """The user IDs whose catalogs are used without being named: see `catalog.ownership`."""
    return trusted_users(os.environ.get("SUDO_UID", ""))


def default_cache() -> Path:
    """The cache directory of a user who names none, or of a verb without --cache."""
    if named := os.environ.get("INGOT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ingot"


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
    strict: bool = False,
) -> Setting:
    """The setting for the pipeline. A `source` in git is fetched, unless the cache has it."""
    found = find_catalog(catalog)
    local, git = parse_source(source, keyring)
    project = open_project(found, cache=cache or default_cache(), build_dir=build_dir)
    options = RunOptions(
        local=local,
        patches=parse_patches(patches or ()),
        cache=_cache(cache_from, offline=offline),
        boot_seconds=boot_timeout,
        offline=offline,
        strict=strict,
        today=datetime.datetime.now(datetime.UTC).date(),
    )
    setting = Setting(project, options)
    if git:
        project.workspace.prepare()
        return pipeline.with_git_source(setting, git, keyring, make_progress(Terminal(stderr=True)))
    return setting


def _cache(registry: Registry | None, *, offline: bool) -> Registry | None:
    """The registry to look for builds in; none if only the environment names one, and offline."""
    if registry and offline and registry.name == os.environ.get(_CACHE_VARIABLE, "").rstrip("/"):
        return None
    return registry


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
    """The kernels that a command line selects, each once.

    If `--source` is a kernel tree, a series means the version of that tree, and without names its
    series is selected. With `--source`, the kernels have the name of that source in their tags,
    with `--patch` they are patched ones. `builder` is the name or kind
    of the builder to compile them in. `maintained` leaves out series that have ended, unless they
    are named.
    """
    catalog = setting.project.catalog
    names = [kernel_named(name) for name in names or ()]
    if not names and (own := pipeline.local_version(setting)):
        names = [str(own.series)]
    selected = catalog.select(names, arches=arches or (), flavors=flavors or ())
    kernels = [catalog.variant(kernel, with_ or (), without or ()) for kernel in selected]
    if maintained and not names:
        today = datetime.date.today()
        kernels = [kernel for kernel in kernels if not kernel.ended(today)]
        if not kernels:
            raise UserError(
                "no series of the catalog is maintained any more",
                hint=f"name a series to select it, such as {selected[-1].version.series}",
            )
    if setting.options.patches:
        kernels = [replace(kernel, patched=True) for kernel in kernels]
    if builder:
        kernels = [catalog.compiled_in(kernel, builder) for kernel in kernels]
    exact = {version_in(name) for name in names}
    kernels = [
        kernel if str(kernel.version) in exact else pipeline.with_version_of(setting, kernel)
        for kernel in kernels
    ]
    return list(dict.fromkeys(pipeline.with_own_source(setting, kernel) for kernel in kernels))


def choose_one(setting: Setting, name: str) -> Kernel:
    """The kernel that a name selects."""
    return choose(setting, [name])[0]
