"""The options that can be given before the verb as well as after it.

`--catalog` is an option of `ingot` itself and of each verb that uses a catalog; the one after the
verb is preferred. `--quiet` and `--verbose` are options of `ingot` and of every verb. This module
holds what was given, since the functions that use it are called by all verbs.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typer.core import TyperOption

from ingot.cli.shared.terminal import show_commands
from ingot.errors import UserError


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The values that were given: no progress and notes if `quiet`, programs too if `verbose`."""

    catalog: Path | None = None
    quiet: bool = False
    verbose: bool = False


_GIVEN: ContextVar[GlobalOptions | None] = ContextVar("global options", default=None)

QUIET_HELP = "Print no progress and no notes, only results, warnings and errors."
VERBOSE_HELP = "Print the commands of the programs that are run."


def given() -> GlobalOptions:
    """The global options of this command line."""
    return _GIVEN.get() or GlobalOptions()


def begin(catalog: Path | None, *, quiet: bool, verbose: bool) -> None:
    """Forget earlier options, and take those before the verb."""
    if given().verbose:
        show_commands(False)
    _GIVEN.set(GlobalOptions(catalog))
    _set_output(quiet=quiet, verbose=verbose)


def add_output_options(command: Any) -> None:
    """Give a command --quiet and --verbose, unless it has options of these names."""
    names = {name for parameter in command.params for name in parameter.opts}
    for flags, help_text, callback in (
        (["--quiet", "-q"], QUIET_HELP, _quiet),
        (["--verbose", "-v"], VERBOSE_HELP, _verbose),
    ):
        if names.isdisjoint(flags):
            command.params.append(
                TyperOption(
                    param_decls=flags,
                    is_flag=True,
                    default=False,
                    expose_value=False,
                    callback=callback,
                    help=help_text,
                )
            )


def _quiet(_context: Any, _parameter: Any, value: bool) -> None:
    _set_output(quiet=value)


def _verbose(_context: Any, _parameter: Any, value: bool) -> None:
    _set_output(verbose=value)


def _set_output(*, quiet: bool = False, verbose: bool = False) -> None:
    now = given()
    now = replace(now, quiet=now.quiet or quiet, verbose=now.verbose or verbose)
    if now.quiet and now.verbose:
        raise UserError("--quiet and --verbose contradict each other", hint="choose one")
    _GIVEN.set(now)
    if now.verbose:
        show_commands(True)
