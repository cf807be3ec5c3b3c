"""The ways of `ingot boot`, and the options that each takes: any other would mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import typer

from ingot.errors import UserError

_EVERY_WAY = frozenset({"catalog", "cache", "build_dir", "boot_timeout"})
_ONE_KERNEL = frozenset({"kernel", "arches", "flavors"})
_GUEST = frozenset({"vmm", "machine", "append"})
_RESULT = frozenset({"junit", "show_console", "as_json"})


@dataclass(frozen=True, slots=True)
class _ModeOptions:
    """What one way takes, by the names of the command's parameters.

    `asked_by` is the option that asks for it; empty for the usual way.
    """

    asked_by: str
    takes: frozenset[str]


_WAYS = (
    _ModeOptions("bisect", frozenset({"by", "tries", "as_json"})),
    _ModeOptions("every", _ONE_KERNEL | {"checks", "append", "junit", "as_json"}),
    _ModeOptions("count", _ONE_KERNEL | {"as_json"}),
    _ModeOptions("interactive", _ONE_KERNEL | _GUEST | {"rootfs"}),
    _ModeOptions("rootfs", _ONE_KERNEL | _GUEST | _RESULT),
    _ModeOptions("", _ONE_KERNEL | _GUEST | _RESULT | {"checks"}),
)
"""The first that is asked for is the one that is meant."""


def require_one_way(context: typer.Context) -> None:
    """A UserError if a command line has what does not go with the way that it asks for."""
    flags = dict(_flags(context))
    given = [name for name in flags if _was_given(context, name)]
    way = next(one for one in _WAYS if one.asked_by in given or not one.asked_by)
    others = set(given) - way.takes - _EVERY_WAY - {way.asked_by}
    if not others:
        return
    verb = "mean" if len(others) > 1 else "means"
    names = " and ".join(flags[name] for name in given if name in others)
    homes = [flags[one.asked_by] for one in _WAYS if one.asked_by and others <= one.takes]
    raise UserError(
        "these options do not go together",
        why=f"{names} {verb} nothing {f'with {flags[way.asked_by]}' if way.asked_by else 'here'}",
        hint=f"say {' or '.join(homes)} as well, or leave {names} out"
        if homes and not way.asked_by
        else "leave one of them out",
    )


def _flags(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Each parameter of the command, and how a person writes it."""
    for parameter in context.command.params:
        flag = max(parameter.opts, key=len)
        yield parameter.name or "", flag if flag.startswith("-") else flag.upper()


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
