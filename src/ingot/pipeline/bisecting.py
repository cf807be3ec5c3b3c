"""Finding which of the options that two configs have differently costs most.

Each try is a kernel: the config `after` with some of its options as `before` has them, completed
by Kconfig, compiled in the same build folder as the last one, and booted where its instructions
are counted. What an option brings along goes and comes with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot import configure, kconfig
from ingot.boot.profile import Profile
from ingot.builder.sandbox import Sandbox
from ingot.catalog import Kernel
from ingot.compile import compile_variant
from ingot.errors import BootError, BuildError, UserError
from ingot.kconfig import Difference, OptionTable, bisection
from ingot.pipeline.builders import builder_for
from ingot.pipeline.configs import option_table
from ingot.pipeline.inputs import obtain_source
from ingot.pipeline.plan import make_plan
from ingot.pipeline.profiling import measure_kernel
from ingot.pipeline.setting import Setting, in_use
from ingot.progress import Progress, Silent
from ingot.source import patches as patching
from ingot.source.model import Source


@dataclass(frozen=True, slots=True)
class Cost:
    """What a kernel costs: see `ingot.boot.profile`; `size` is of its file, in bytes."""

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

_STATES = ("bool", "tristate")


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
    before: Mapping[str, str],
    after: Mapping[str, str],
    kind: str,
    tries: int,
    progress: Progress,
) -> Bisection:
    """Find what makes `after` cost more than `before`, both configs of the kernel's source.

    `kind` is one of COST_KINDS; at most `tries` kernels are made beside those two. A UserError if
    `after` does not cost more; what does not compile or boot is no kernel to learn from.
    """
    with _bench(setting, kernel, progress) as bench:
        return _search(bench, before, after, kind, tries)


def profile_config(
    setting: Setting, kernel: Kernel, values: Mapping[str, str], progress: Progress
) -> tuple[Profile, int]:
    """Compile a kernel's source with any config and measure it; the bytes of its file, too.

    Options that `values` does not have are off. Nothing is kept.
    """
    with _bench(setting, kernel, progress) as bench:
        return bench.profile(kernel.tag, bench.completed(values))


@contextlib.contextmanager
def _bench(setting: Setting, kernel: Kernel, progress: Progress) -> Iterator[_Bench]:
    plan = make_plan(setting.catalog, kernel, setting.patches)
    work = setting.workspace
    with in_use(setting, progress):
        source = obtain_source(setting, kernel, progress)
        builder = builder_for(setting, kernel, progress)
        with (
            work.build_folder() as folder,
            work.build_folder() as guests,
            patching.patched_tree(source, plan.patches, work.sources, progress) as tree,
        ):
            log = work.log(f"{kernel.tag}-bench")
            log.unlink(missing_ok=True)
            sandbox = Sandbox(builder, tree, folder, work.ccache)
            lab = Sandbox(builder, guests, guests)
            table = option_table(setting, plan, source.digest, sandbox, log)
            yield _Bench(setting, kernel, source, sandbox, lab, table, log, progress)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where kernels are made (`sandbox`) and booted (`lab`)."""

    setting: Setting
    kernel: Kernel
    source: Source
    sandbox: Sandbox
    lab: Sandbox
    table: OptionTable
    log: Path
    progress: Progress

    def completed(self, values: Mapping[str, str]) -> str:
        """The `.config` as Kconfig makes it of these values, and of no for every other option."""
        off = {name: "n" for name, option in self.table.options.items() if option.type in _STATES}
        text = "".join(f"CONFIG_{name}={value}\n" for name, value in {**off, **values}.items())
        return configure.complete(self.sandbox, self.kernel.arch, text, self.log)

    def cost(self, title: str, config: str) -> Cost:
        """What the kernel with this completed config costs; errors as of `profile`."""
        profile, size = self.profile(title, config)
        return Cost(profile.instructions, profile.memory_used, size)

    def profile(self, title: str, config: str) -> tuple[Profile, int]:
        """The profile of the kernel with this completed config, and the bytes of its file.

        BuildError or BootError if it does not compile or boot.
        """
        arch = self.kernel.arch
        with self.progress.step(title) as step:
            file = compile_variant(self.sandbox, arch, config, self.source.epoch, self.log, step)
            profile = measure_kernel(self.setting, self.lab, file, arch, None, Silent())
            size = file.stat().st_size
            step.result(f"{profile.instructions:,} instructions, {size:,} bytes")
        return profile, size


def _search(
    bench: _Bench, before: Mapping[str, str], after: Mapping[str, str], kind: str, tries: int
) -> Bisection:
    configs = bench.completed(before), bench.completed(after)
    before, after = map(kconfig.parse_config, configs)
    units = _units(kconfig.diff(before, after, bench.table), bench.table)
    if not units:
        raise UserError("both configs are the same", why="no option is another in the second one")
    cheap = bench.cost("kernel 1: the first config", configs[0])
    costly = bench.cost("kernel 2: the second config", configs[1])
    if COST_KINDS[kind](costly) <= COST_KINDS[kind](cheap):
        raise UserError(
            f"the second config costs no more {kind} than the first",
            why=f"{COST_KINDS[kind](cheap):,} became {COST_KINDS[kind](costly):,}",
            hint="name the cheaper one first, or look for something else with --by",
        )
    everything = tuple(units)
    known: dict[bisection.Options, Cost] = {everything: costly - cheap}

    def saved(options: bisection.Options) -> int | None:
        back = {each.option: each.before for name in options for each in units[name]}
        try:
            config = bench.completed({**after, **back})
            known[options] = costly - bench.cost(_title(len(known) + 2, options), config)
        except (BuildError, BootError) as error:
            bench.progress.note(f"that kernel tells nothing: {error.what}")
            return None
        return COST_KINDS[kind](known[options])

    found = bisection.narrow(everything, COST_KINDS[kind](known[everything]), saved, tries)
    if found.options not in known and saved(found.options) is None:
        found = bisection.Culprit(everything, found.saved, final=False)
    culprits = tuple(each for name in found.options for each in units[name])
    return Bisection(
        cheap, costly, len(units), culprits, known[found.options], len(known) + 1, found.final
    )


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
