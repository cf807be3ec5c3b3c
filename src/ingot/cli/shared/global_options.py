"""The options that can be given before the verb as well as after it.

`--catalog` is an option of `ingot` itself and of each verb that uses a catalog; the one after the
verb is preferred. `--quiet` and `--verbose` are options of `ingot` and of every verb. This module
holds the catalog, and `terminal` how much is printed: functions of all verbs ask for them.
"""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Any

from typer.core import TyperOption

from ingot.cli.shared.terminal import Verbosity, set_verbosity, verbosity
from ingot.errors import UserError

QUIET_HELP = "Print no progress and no notes, only results, warnings and errors."
VERBOSE_HELP = "Print every line of a result, and the commands of the programs that are run."

_CATALOG: ContextVar[Path | None] = ContextVar("catalog", default=None)


def catalog_before_verb() -> Path | None:
    """The catalog named before the verb or in the environment; None if neither names one."""
    return _CATALOG.get()


def begin(catalog: Path | None, *, quiet: bool, verbose: bool) -> None:
    """Take the options before the verb; `forget` ends their effect."""
    _CATALOG.set(catalog)
    if quiet:
        _change_verbosity(Verbosity.QUIET)
    if verbose:
        _change_verbosity(Verbosity.VERBOSE)


def forget() -> None:
    """Forget the options: a command line has ended, and this process may run another one."""
    _CATALOG.set(None)
    set_verbosity(Verbosity.NORMAL)


def add_output_options(command: Any) -> None:
    """Give a command --quiet and --verbose, unless it has options of these names."""
    names = {name for parameter in command.params for name in parameter.opts}
    for flags, help_text, level in (
        (["--quiet", "-q"], QUIET_HELP, Verbosity.QUIET),
        (["--verbose", "-v"], VERBOSE_HELP, Verbosity.VERBOSE),
    ):
        if names.isdisjoint(flags):
            command.params.append(
                TyperOption(
                    param_decls=flags,
                    is_flag=True,
                    default=False,
                    expose_value=False,
                    callback=_changer(level),
                    help=help_text,
                )
            )


def _changer(level: Verbosity) -> Any:
    """The callback of an option that sets this level."""

    def change(_context: Any, _parameter: Any, wanted: bool) -> None:
        if wanted:
            _change_verbosity(level)

    return change


def _change_verbosity(level: Verbosity) -> None:
    if verbosity() not in (Verbosity.NORMAL, level):
        raise UserError("--quiet and --verbose contradict each other", hint="choose one")
    set_verbosity(level)
