"""`ingot boot --bisect-options`: which option makes one kernel cost more than another."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.table import Table

from ingot import pipeline
from ingot.catalog import Kernel
from ingot.cli.shared.common_options import choose_one
from ingot.cli.shared.config_operands import Operand, file_named, is_image, read_operand
from ingot.cli.shared.terminal import Terminal
from ingot.errors import UserError
from ingot.pipeline import Bisection
from ingot.progress import Progress
from ingot.setting import Setting, in_use
from ingot.units import size_text

KINDS = tuple(pipeline.COST_KINDS)


def bisect(
    setting: Setting, names: tuple[str, str], kind: str, tries: int, progress: Progress
) -> Bisection:
    """Look for what makes the second of two configs cost more than the first."""
    if kind not in KINDS:
        raise UserError(f"'{kind}' is nothing to look for", hint=f"write one of {', '.join(KINDS)}")
    with in_use(setting.project, progress):
        before, after = (read_operand(setting, name, progress) for name in names)
        kernel = _kernel(setting, names, before, after)
        configs = before.config.config, after.config.config
        return pipeline.bisect_options(setting, kernel, *configs, kind, tries, progress)


def _kernel(setting: Setting, names: tuple[str, str], before: Operand, after: Operand) -> Kernel:
    """The kernel whose source both configs are for: the one of the catalog that is named."""
    kinds = {(each.config.series, each.config.arch) for each in (before, after)}
    if len(kinds) > 1:
        told = " and ".join(
            f"{each.config.name} is one of {_whose(each)}" for each in (before, after)
        )
        raise UserError("the two configs are not for the same kernel", why=told)
    for name in reversed(names):
        if not is_image(name) and not file_named(name):
            return choose_one(setting, name)
    series, arch = kinds.pop()
    if series is None or arch is None:
        raise UserError(
            "neither of the two says what kernel it is for", hint="name a kernel of the catalog"
        )
    return choose_one(setting, f"{series}-{arch.name}")


def _whose(operand: Operand) -> str:
    config = operand.config
    return f"{config.series or 'an unknown series'} on {config.arch.name if config.arch else '?'}"


def to_json(found: Bisection) -> str:
    """What was found, as JSON."""
    document = {
        "before": asdict(found.before),
        "after": asdict(found.after),
        "differing": found.compared,
        "kernels": found.kernels,
        "final": found.final,
        "costs": asdict(found.costs),
        "options": [
            {"option": each.option, "before": each.before, "after": each.after}
            for each in found.options
        ],
    }
    return json.dumps(document, indent=2)


def print_bisection(console: Terminal, found: Bisection) -> None:
    """What was found, for a person."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "instructions to init", "memory at init", "kernel file"):
        table.add_column(title, justify="right" if title else "left")
    rows = {"first": found.before, "second": found.after, "of that, found": found.costs}
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
    among = f"of {found.compared} options that differ, after {found.kernels} kernels"
    if not found.final:
        return f"No more tries: it is one of these {len(found.options)}, {among}:"
    if len(found.options) == 1:
        return f"The costliest {among}:"
    return f"These cost most together; no half of them does, or can be told, {among}:"


def _size(size: int) -> str:
    return f"-{size_text(-size)}" if size < 0 else size_text(size)
