"""Finding which of the options that two configs have differently costs most.

Each try is a kernel: the config `after` with some of its options as `before` has them, completed
by Kconfig, compiled in the same build folder as the last one, and booted where its instructions
are counted. What an option brings along goes and comes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingot import kconfig
from ingot.catalog import Kernel
from ingot.errors import BootError, BuildError, UserError
from ingot.kconfig import Config, Difference, OptionTable, bisection
from ingot.pipeline.bench import Bench, open_bench
from ingot.progress import Progress
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class Cost:
    """What a kernel costs: see `ingot.boot.cost.boot_profile`; `size` is of its file, in bytes."""

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
"""What can be looked for the most of."""


@dataclass(frozen=True, slots=True)
class Bisection:
    """What two configs cost, and the costliest of the options that they have differently.

    `options` is most often one, or the members of one choice; `costs` is what is saved when they
    are put back. `compared` options differ, a choice being one; `kernels` were made to find it;
    `final` as of `bisection.Culprit`.
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
    """Find what makes `after` cost more than `before`, both configs of the kernel's source.

    `kind` is one of COST_KINDS; at most `tries` kernels are made beside those two. A UserError if
    `after` does not cost more; what does not compile or boot is no kernel to learn from.
    """
    with open_bench(setting, kernel, progress) as bench:
        return _search(bench, before, after, kind, tries)


def _search(bench: Bench, before: Config, after: Config, kind: str, tries: int) -> Bisection:
    before, after = bench.completed(before.options), bench.completed(after.options)
    units = _units(kconfig.diff(before, after, bench.table), bench.table)
    if not units:
        raise UserError("both configs are the same", why="no option is another in the second one")
    cheap = _cost(bench, "kernel 1: the first config", before)
    costly = _cost(bench, "kernel 2: the second config", after)
    if COST_KINDS[kind](costly) <= COST_KINDS[kind](cheap):
        raise UserError(
            f"the second config costs no more {kind} than the first",
            why=f"{COST_KINDS[kind](cheap):,} became {COST_KINDS[kind](costly):,}",
            hint="name the cheaper one first, or look for something else with --by",
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
            bench.progress.note(f"that kernel tells nothing: {error.what}")
            return None
        return COST_KINDS[kind](known[options])

    found = bisection.narrow(everything, COST_KINDS[kind](known[everything]), saved, tries)
    if found.options not in known and saved(found.options) is None:
        # it was to be measured when the tries were used up
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
    """What the kernel with this completed config costs; errors as of `Bench.profile`."""
    profile, size = bench.profile(title, config)
    return Cost(profile.instructions, profile.memory_used, size)


def _units(
    differences: Sequence[Difference], table: OptionTable
) -> dict[str, tuple[Difference, ...]]:
    """What can be put back by itself, by the option it is named after: see Kconfig's choices.

    Options without a prompt are left out, for they follow from others; of a choice, all members
    go together.
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
