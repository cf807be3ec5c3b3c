"""`ingot config explain`: the reasons for an option's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingot import pipeline
from ingot.catalog import Kernel
from ingot.cli.documents.parts import kernel_part
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
from ingot.cli.shared.terminal import Terminal, make_console, print_document, print_json
from ingot.errors import UserError
from ingot.kconfig.explanation import Explanation
from ingot.kconfig.explanation import explain as explanation
from ingot.operands import begins_with_version

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ConfigExplainDocument


def explain(
    kernel: KernelName,
    option: Annotated[
        str, typer.Argument(metavar="OPTION", help="An option: VETH or CONFIG_VETH.")
    ],
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
    _require_order(kernel, option)
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
        print_json(_document(wanted, explained))
        return
    make_console().say(kernel_label(wanted), style="bold")
    print_document(str(explained))


def _require_order(kernel: str, option: str) -> None:
    """Raise a UserError if the operands are the other way round."""
    if begins_with_version(option) and not begins_with_version(kernel):
        raise UserError(
            f"'{option}' is not an option",
            why="the kernel comes first, then the option",
            hint=f"run: ingot config explain {option} {kernel}",
        )


def _document(kernel: Kernel, explained: Explanation) -> ConfigExplainDocument:
    option, request = explained.option, explained.asked
    return {
        **kernel_part(kernel),
        "option": option.name,
        "value": explained.value,
        "type": option.type,
        "prompt": option.prompts[0] if option.prompts else None,
        "menu": list(option.menu),
        "request": {"value": request.value, "place": str(request.place)} if request else None,
        "selected_by": list(explained.selectors),
        "needs": explained.needs,
        "missing": list(explained.missing),
        "places": list(option.places),
        "help": option.help,
    }
