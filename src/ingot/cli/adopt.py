"""`ingot adopt`: turn a full config of another author into features and one fragment."""

from __future__ import annotations

from typing import Annotated

import typer

from ingot.arch import arch_called
from ingot.catalog import Catalog, Kernel
from ingot.cli.shared.common_options import (
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    make_setting,
)
from ingot.cli.shared.config_operands import read_config
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource
from ingot.cli.shared.terminal import Terminal, make_console
from ingot.errors import UserError
from ingot.kconfig.adoption import Coverage
from ingot.kconfig.finding_text import counted
from ingot.lab import NamedConfig
from ingot.pipeline.adopting import ABOUT, Adoption, require_free, save
from ingot.pipeline.adopting import adopt as adopt_config

_NAMED = 12


def adopt(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|IMAGE|KERNEL-FILE",
            help="A .config, an image of the store or of a registry, or a kernel with its config"
            " (CONFIG_IKCONFIG).",
        ),
    ],
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="SERIES",
            help="The series to adopt it for. Default: the one in the config's title.",
            show_default=False,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="ARCH",
            help="x86_64 or arm64. Default: the one in the config's title.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The name of the new feature.")
    ] = "adopted",
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Compile and boot both kernels, and compare their costs."),
    ] = False,
    source: OwnSource = None,
    keyring: Keyring = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
) -> None:
    """Turn a full config of another author into features and one fragment.

    Shows which VMMs and features of the catalog the config covers. What it asks for beyond them is
    written to fragments/feature/NAME.config, by menu, each option with the first line of its help;
    what no guest of a microVM needs is left out, and listed there. The feature NAME includes the
    features that the config covers. Every option that the adopted kernel has differently is
    reported with the reason.
    """
    setting = make_setting(
        catalog, cache, build_dir, source=source, keyring=keyring, offline=offline
    )
    found = setting.project.catalog
    found.require_feature_name(name)
    require_free(found, name)
    given = read_config(setting, config, arch_called(setting.project.host))
    kernel = _base(found, given, series, arch)
    progress = make_progress(Terminal(stderr=True))
    adoption = adopt_config(setting, kernel, given.config, name, progress, measure=measure)
    save(found, name, f"{ABOUT}{given.name.rpartition('/')[2]}", adoption)
    _print(adoption, name, kernel)


def _base(catalog: Catalog, given: NamedConfig, series: str | None, arch: str | None) -> Kernel:
    """The kernel of the series and arch with the fewest features: the rest is the config's."""
    if series is None and given.series is None:
        raise UserError(
            f"{given.name} does not say which series it is for",
            why="a config that Kconfig wrote has the version in its first lines",
            hint="name a series of the catalog with --series",
        )
    wanted = arch or (given.arch.name if given.arch else "")
    kernels = catalog.select(
        [series or str(given.series)], arches=[wanted] if wanted else [], flavors=["all"]
    )
    modular = [each for each in kernels if not each.flavor.monolithic]
    return min(modular or kernels, key=lambda each: len(each.features))


def _print(adoption: Adoption, name: str, base: Kernel) -> None:
    console = make_console()
    whole = [each.name for each in adoption.covered if each.whole and each.asked]
    console.say(("covers wholly:", "bold"), f" {', '.join(whole) or 'nothing'}")
    for each in adoption.covered:
        if not each.whole and each.taken:
            console.say(("covers", "bold"), f" {each.name}, all but {_missing(each)}")
    rest = [each for each in adoption.covered if each.asked and not each.taken]
    for each in rest:
        lacks = f", not {_missing(each)}" if each.name.startswith("vmm/") else ""
        had = each.asked - len(each.missing)
        console.say(f"has {had} of {each.asked} options of {each.name}{lacks}")
    console.say(
        ("wrote", "bold"),
        f" fragments/feature/{name}.config: {len(adoption.adopted.lines)} options beyond these,"
        f" {len(adoption.adopted.left_out)} left out",
    )
    for reason, options in _by_reason(adoption).items():
        console.say(f"{counted(len(options), 'difference')}: {reason}", style="bold")
        console.say_lines(", ".join(options), indent="  ")
    if adoption.costs:
        before, after = adoption.costs
        console.say(
            f"instructions until init: {before.instructions:,} -> {after.instructions:,};"
            f" size: {before.size:,} -> {after.size:,} bytes"
        )
    console.say(("next:", "bold"), f" ingot build {base.tag} --with {name}")


def _missing(coverage: Coverage) -> str:
    names = [request.option for request in coverage.missing]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _by_reason(adoption: Adoption) -> dict[str, list[str]]:
    """The options that differ, each with both values, by the reason."""
    found: dict[str, list[str]] = {}
    for each in adoption.differences:
        text = f"{each.option} {each.before} -> {each.after}"
        found.setdefault(each.reason, []).append(text)
    return dict(sorted(found.items(), key=lambda group: -len(group[1])))
