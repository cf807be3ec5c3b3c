"""`ingot config explain`: the reasons for an option's value."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ingot import pipeline
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    Json,
    KernelName,
    choose_one,
    make_setting,
)
from ingot.cli.shared.config_operands import option_named
from ingot.cli.shared.progress_display import kernel_label, make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, make_console, print_document
from ingot.kconfig.explanation import Explanation
from ingot.kconfig.explanation import explain as explanation


def explain(
    option: Annotated[
        str, typer.Argument(metavar="OPTION", help="An option: VETH or CONFIG_VETH.")
    ],
    kernel: KernelName,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Explain one option of a kernel.

    Shows its value, the fragment line that asks for it, the options that select it, its
    dependencies and their values, and its help text.
    """
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    wanted = choose_one(setting, kernel)
    progress = make_progress(Terminal(stderr=True))
    (resolved,) = pipeline.resolve_all(setting, [wanted], progress)
    explained = explanation(
        option_named(option),
        resolved.config,
        resolved.table,
        resolved.plan.requests,
    )
    if as_json:
        print_document(json.dumps(_document(explained), indent=2))
        return
    make_console().say(kernel_label(wanted), style="bold")
    print_document(str(explained))


def _document(explained: Explanation) -> dict[str, object]:
    option = explained.option
    return {
        "option": option.name,
        "value": explained.value,
        "type": option.type,
        "prompt": option.prompts[0] if option.prompts else None,
        "menu": list(option.menu),
        "asked": explained.asked
        and {"value": explained.asked.value, "place": str(explained.asked.place)},
        "selected_by": list(explained.selectors),
        "needs": explained.needs,
        "missing": list(explained.missing),
        "defined": list(option.places),
        "help": option.help,
    }
