"""`ingot config explain`: why has an option the value it has?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ingot import pipeline
from ingot.cli.shared.common_options import (
    CacheFolder,
    CatalogFolder,
    Json,
    KernelName,
    choose_one,
    make_setting,
)
from ingot.cli.shared.config_operands import option_named
from ingot.cli.shared.progress_display import kernel_label, make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, make_console, print_document
from ingot.kconfig import Explanation
from ingot.kconfig import explain as explanation


def explain(
    option: Annotated[str, typer.Argument(help="An option, with or without CONFIG_.")],
    kernel: KernelName,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Explain one option of a kernel.

    Its value, who asked for it, what selects it, what it depends on and how these came out,
    and its help text.
    """
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    wanted = choose_one(setting, kernel)
    progress = make_progress(Terminal(stderr=True))
    (resolved,) = pipeline.resolve_all(setting, [wanted], progress)
    told = explanation(
        option_named(option),
        resolved.config,
        resolved.table,
        resolved.plan.requests,
    )
    if as_json:
        print_document(json.dumps(_document(told), indent=2))
        return
    make_console().say(kernel_label(wanted), style="bold")
    print_document(str(told))


def _document(told: Explanation) -> dict[str, object]:
    option = told.option
    return {
        "option": option.name,
        "value": told.value,
        "type": option.type,
        "prompt": option.prompts[0] if option.prompts else None,
        "menu": list(option.menu),
        "asked": told.asked and {"value": told.asked.value, "place": str(told.asked.place)},
        "selected_by": list(told.selectors),
        "needs": told.needs,
        "missing": list(told.missing),
        "defined": list(option.places),
        "help": option.help,
    }
