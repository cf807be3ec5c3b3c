"""What `ingot build --dry-run` prints: what would be compiled, found or pulled, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ingot.builder.builder_packages import summary
from ingot.catalog import Kernel
from ingot.cli.documents.parts import (
    failure_parts,
    kernel_part,
    option_change_parts,
    package_change_parts,
)
from ingot.cli.shared.each_kernel import Failed, exit_if_failed, for_each
from ingot.cli.shared.progress_display import kernel_label, make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.kconfig import Difference
from ingot.pipeline.forecast import Action, Forecast, forecast
from ingot.pipeline.recipe_differences import RecipeDifferences
from ingot.setting import Setting

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BuildForecastDocument, ForecastPart

_SHOWN = 6
"""How many options of a config are named."""

_WORDS = {
    Action.FOUND: "found in the store",
    Action.PULL: "would be pulled",
    Action.COMPILE: "would be compiled",
    Action.UNDECIDED: "not known before the build",
}


def show_forecasts(setting: Setting, kernels: Sequence[Kernel], *, as_json: bool) -> None:
    """Print what a build of these kernels would do; exits with the code of the first failure."""
    errors = Terminal(stderr=True)
    progress = make_progress(errors)
    found, failed = for_each(kernels, lambda kernel: forecast(setting, kernel, progress), errors)
    if as_json:
        print_json(_document(found, failed))
    else:
        console = make_console()
        for one in found:
            console.say((kernel_label(one.kernel), "bold"), f": {_WORDS[one.action]}")
            for line in _reasons(one):
                console.say(f"  {line}")
    exit_if_failed(errors, failed, single=len(kernels) == 1)


def _reasons(one: Forecast) -> Iterator[str]:
    if one.recipe_key:
        yield f"recipe {one.recipe_key.short}"
    for text in one.missing:
        yield f"needs {text}"
    if one.earlier is None:
        yield f"the store has no build of {one.kernel.tag}"
    elif one.differences and one.recipe_key:
        yield f"the newest build in the store, {one.earlier.short}, has other inputs:"
        yield from _lines(one.differences)
    elif one.differences:
        yield f"the newest build in the store is {one.earlier.short}"
        yield from _lines(one.differences)


def _lines(found: RecipeDifferences) -> Iterator[str]:
    """A line for each input that differs."""
    names = [each.name for each in found.inputs]
    for each in found.inputs:
        if each.name == "config" and found.options:
            yield f"config: {options_text(found.options)}"
        elif each.name == "builder" and found.packages:
            yield f"builder: {summary(found.packages)}"
        else:
            yield f"{each.name}: {_short(each.before)} -> {_short(each.after)}"
    if found.options and "config" not in names:
        yield f"config: {options_text(found.options)}"


def options_text(options: Sequence[Difference]) -> str:
    """`2 options differ: FUSE_FS n -> m, VETH m -> y`, with the first few options only."""
    some = ", ".join(f"{each.option} {each.before} -> {each.after}" for each in options[:_SHOWN])
    more = f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else ""
    word = "option differs" if len(options) == 1 else "options differ"
    return f"{len(options)} {word}: {some}{more}"


def _short(text: str) -> str:
    """A digest as its first digits; any other text as it is."""
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else text


def _document(found: Sequence[Forecast], failed: Sequence[Failed]) -> BuildForecastDocument:
    return {
        "dry_run": True,
        "kernels": [_part(one) for one in found],
        "failed": failure_parts(failed),
    }


def _part(one: Forecast) -> ForecastPart:
    compared = one.differences or RecipeDifferences(())
    return {
        **kernel_part(one.kernel),
        "action": one.action.value,
        "recipe_key": str(one.recipe_key) if one.recipe_key else None,
        "missing": list(one.missing),
        "newest_recipe_key": str(one.earlier) if one.earlier else None,
        "inputs": [
            {"name": each.name, "before": each.before, "after": each.after}
            for each in compared.inputs
        ],
        "options": option_change_parts(compared.options),
        "changes": package_change_parts(compared.packages),
    }
