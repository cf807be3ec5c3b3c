"""Finds the most expensive of the options that differ between two configs.

Each try is a kernel: the config `after` with some of its options set as in `before`, completed by
Kconfig, compiled in the same build directory as the previous one, and booted in an emulator that
counts instructions. Options that an option selects change together with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingot import kconfig
from ingot.catalog import Kernel
from ingot.errors import BootError, BuildError, UserError
from ingot.kconfig import Config, Difference, bisection
from ingot.kconfig.option_table import OptionTable
from ingot.pipeline.bench import Bench, open_bench
from ingot.progress import Progress
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a kernel: see `ingot.boot.cost.boot_profile`; `size` is its file's, in bytes."""

    instructions: int
    memory: int
    size: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.instructions - other.instructions,
            self.memory - other.memory,
            self.size - other.size,
        )


COST_KINDS: Mapping[str, Callable[[Cost], int]] = {
    "instructions": lambda cost: cost.instructions,
    "memory": lambda cost: cost.memory,
    "size": lambda cost: cost.size,
}
"""The kinds of cost that a bisection can search for."""


@dataclass(frozen=True, slots=True)
class Bisection:
    """The cost of two configs, and the most expensive of the options that differ between them.

    `options` is usually one option, or the members of one choice; `costs` is what setting them
    back saves. `compared` is the number of options that differ, where a choice counts as one;
    `kernels` is the number of kernels that were compiled. For `final` see `bisection.Culprit`.
    """

    before: Cost
    after: Cost
    compared: int
    options: tuple[Difference, ...]
    costs: Cost
    kernels: int
    final: bool


def bisect_options(
    setting: Setting,
    kernel: Kernel,
    before: Config,
    after: Config,
    kind: str,
    tries: int,
    progress: Progress,
) -> Bisection:
    """Find the options that make `after` cost more than `before`, both of the kernel's source.

    `kind` is one of COST_KINDS; at most `tries` kernels are compiled in addition to those two.
    UserError if `after` does not cost more. A try that does not compile or boot is skipped.
    """
    with open_bench(setting, kernel, progress) as bench:
        return _search(bench, before, after, kind, tries)


def _search(bench: Bench, before: Config, after: Config, kind: str, tries: int) -> Bisection:
    before, after = bench.completed(before.options), bench.completed(after.options)
    units = _units(kconfig.diff(before, after, bench.table), bench.table)
    if not units:
        raise UserError(
            "both configs are the same",
            why="every settable option has the same value in both",
        )
    cheap = _cost(bench, "kernel 1: the first config", before)
    costly = _cost(bench, "kernel 2: the second config", after)
    if COST_KINDS[kind](costly) <= COST_KINDS[kind](cheap):
        raise UserError(
            f"the second config does not cost more {kind} than the first",
            why=f"the first costs {COST_KINDS[kind](cheap):,}, the second"
            f" {COST_KINDS[kind](costly):,}",
            hint="name the cheaper one first, or choose another kind of cost with --by",
        )
    everything = tuple(units)
    known: dict[bisection.Options, Cost] = {everything: costly - cheap}
    kernels = 2

    def saved(options: bisection.Options) -> int | None:
        nonlocal kernels
        kernels += 1
        back = {each.option: each.before for name in options for each in units[name]}
        try:
            config = bench.completed({**after.options, **back})
            known[options] = costly - _cost(bench, _title(kernels, options), config)
        except (BuildError, BootError) as error:
            bench.progress.note(f"that kernel could not be measured: {error.what}")
            return None
        return COST_KINDS[kind](known[options])

    found = bisection.narrow(everything, COST_KINDS[kind](known[everything]), saved, tries)
    if found.options not in known and saved(found.options) is None:
        # the tries were used up before it was measured, and it cannot be measured now
        found = bisection.Culprit(everything, found.saved, final=False)
    culprits = tuple(each for name in found.options for each in units[name])
    return Bisection(
        before=cheap,
        after=costly,
        compared=len(units),
        options=culprits,
        costs=known[found.options],
        kernels=kernels,
        final=found.final,
    )


def _cost(bench: Bench, title: str, config: Config) -> Cost:
    """The cost of the kernel with this completed config; raises the errors of `Bench.profile`."""
    profile, size = bench.profile(title, config)
    return Cost(profile.instructions, profile.memory_used, size)


def _units(
    differences: Sequence[Difference], table: OptionTable
) -> dict[str, tuple[Difference, ...]]:
    """The differences in groups that can be set back independently, by the name of an option.

    Options without a prompt are left out, because they follow from others. All members of a
    Kconfig choice are one group.
    """
    units: dict[str, list[Difference]] = {}
    for each in differences:
        option = table.options.get(each.option)
        if option and option.prompts:
            units.setdefault(min(option.choice, default=each.option), []).append(each)
    return {name: tuple(members) for name, members in units.items()}


def _title(number: int, options: Sequence[str]) -> str:
    rest = f" and {len(options) - 1} more" if len(options) > 1 else ""
    return f"kernel {number}: without {options[0]}{rest}"
