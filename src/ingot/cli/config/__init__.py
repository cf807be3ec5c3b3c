"""`ingot config`: the configs of kernels, and why an option has its value. A file per verb."""

from __future__ import annotations

import typer

from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup


class _ConfigVerbs(VerbGroup):
    """The verbs of `ingot config`."""

    verbs = (
        Verb("check", "Check configs without compiling."),
        Verb("show", "Print the config of a kernel, an image or a file."),
        Verb("diff", "Compare two configs."),
        Verb("explain", "Explain one option of a kernel."),
        Verb("edit", "Edit a kernel's config in menuconfig."),
        Verb("resolve", "Write resolved configs to the catalog's configs/."),
    )

    @staticmethod
    def code_of(name: str) -> VerbCode:
        match name:
            case "check":
                from ingot.cli.config.config_check import check

                return check
            case "show":
                from ingot.cli.config.config_show import show

                return show
            case "diff":
                from ingot.cli.config.config_diff import diff

                return diff
            case "explain":
                from ingot.cli.config.config_explain import explain

                return explain
            case "edit":
                from ingot.cli.config.config_edit import edit

                return edit
            case "resolve":
                from ingot.cli.config.config_resolve import resolve

                return resolve
        raise KeyError(name)


app = typer.Typer(
    name="config",
    cls=_ConfigVerbs,
    help="Check, show, compare, explain and edit configs.\n\n"
    "A config is `allnoconfig` plus the fragments of the kernel's flavor. The kernel's own Kconfig"
    " resolves it in the builder; nothing is compiled.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
