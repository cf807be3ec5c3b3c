"""`ingot bisect`: find the config option that makes one kernel cost more than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot.catalog import Kernel
from ingot.cli.documents.parts import option_change_parts
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    Json,
    choose_one,
    make_setting,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.config_operands import OperandConfig, read_operand_config
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_json
from ingot.errors import UserError
from ingot.operands import KernelName
from ingot.pipeline.bisecting import COST_KINDS, Bisection, Cost, bisect_options
from ingot.progress import Progress
from ingot.setting import Setting, in_use
from ingot.suggestions import unknown_name
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BisectDocument, CostPart

_COSTS = tuple(COST_KINDS)


def bisect(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="The cheaper config: a kernel of the catalog, an image, a kernel file or a"
            " .config.",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="The config that costs more, in the same forms as A.",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="COST", help=f"The cost to compare: {', '.join(_COSTS)}.")
    ] = _COSTS[0],
    tries: Annotated[
        int, typer.Option("--tries", metavar="N", min=1, help="The most kernels to compile.")
    ] = 24,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Find the option that makes one kernel cost more than another.

    Takes the options that differ between A and B, compiles and measures a kernel with half of
    them, and repeats this with the half that costs more until one option is left.
    """
    if by not in _COSTS:
        raise unknown_name(f"'{by}' is not a known cost", by, _COSTS, listed="the costs are:")
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    progress = make_progress(Terminal(stderr=True))
    found = _find(setting, (a, b), by, tries, progress)
    if as_json:
        print_json(_document((a, b), found))
    else:
        _print_bisection(Terminal(), found)


def _find(
    setting: Setting, names: tuple[str, str], kind: str, tries: int, progress: Progress
) -> Bisection:
    """Find the options that make the second of two configs cost more than the first."""
    with in_use(setting.project, progress):
        before, after = (read_operand_config(setting, name, progress) for name in names)
        kernel = _kernel(setting, before, after)
        configs = before.config.config, after.config.config
        return bisect_options(setting, kernel, *configs, kind, tries, progress)


def _kernel(setting: Setting, before: OperandConfig, after: OperandConfig) -> Kernel:
    """The kernel of the catalog whose source is compiled with both configs."""
    kinds = {(each.config.series, each.config.arch) for each in (before, after)}
    if len(kinds) > 1:
        why = " and ".join(
            f"{each.config.name} is for {_kernel_text(each)}" for each in (before, after)
        )
        raise UserError(
            "the two configs are not for the same series and arch",
            why=why,
            hint="name two configs of one series and arch",
        )
    for each in (after, before):
        if isinstance(each.operand, KernelName):
            return choose_one(setting, each.operand.name)
    series, arch = kinds.pop()
    if series is None or arch is None:
        raise UserError(
            "the series and the arch of both configs are not known",
            hint="name a kernel of the catalog as A or B",
        )
    return choose_one(setting, f"{series}-{arch.name}")


def _kernel_text(named: OperandConfig) -> str:
    config = named.config
    arch = config.arch.name if config.arch else "an unknown arch"
    return f"{config.series or 'an unknown series'} on {arch}"


def _document(names: tuple[str, str], found: Bisection) -> BisectDocument:
    return {
        "a": {"config": names[0], **_cost_part(found.before)},
        "b": {"config": names[1], **_cost_part(found.after)},
        "compared": found.compared,
        "compiled": found.kernels,
        "final": found.final,
        "cost": _cost_part(found.costs),
        "options": option_change_parts(found.options),
    }


def _cost_part(cost: Cost) -> CostPart:
    return {
        "instructions": cost.instructions,
        "memory_used": cost.memory,
        "kernel_size": cost.size,
    }


def _print_bisection(console: Terminal, found: Bisection) -> None:
    """Print the result."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "instructions to init", "memory at init", "kernel file"):
        table.add_column(title, justify="right" if title else "left")
    rows = {"A": found.before, "B": found.after, "found": found.costs}
    for name, cost in rows.items():
        sizes = _size(cost.memory), _size(cost.size)
        table.add_row(name, f"{cost.instructions:,}", *sizes)
    console.print(table)
    console.print()
    console.say(_sentence(found))
    for each in found.options:
        text = f"  CONFIG_{each.option}: {each.after} instead of {each.before}"
        console.say(text)


def _sentence(found: Bisection) -> str:
    compared = f"{found.compared} options differ, and {found.kernels} kernels were compiled."
    if not found.final:
        return f"{compared} No tries are left; the costliest is one of these {len(found.options)}:"
    if len(found.options) == 1:
        return f"{compared} The costliest option is:"
    return f"{compared} These options cost most together, and cannot be split further:"


def _size(size: int) -> str:
    return f"-{size_text(-size)}" if size < 0 else size_text(size)
