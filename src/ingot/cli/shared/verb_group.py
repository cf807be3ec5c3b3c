"""A group of verbs made from a table. The module of a verb is imported only when the verb is used.

So a command imports only its own module. The group's help and the shell's completion
of verb names come from the table alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import typer
import typer.main
from typer.core import TyperCommand

from ingot.cli.shared.global_options import add_output_options
from ingot.cli.shared.plain_help import PlainCommand, PlainGroup

VerbCode = Callable[..., None] | typer.Typer
"""The code of a verb: a function with its options, or a group of further verbs."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A row of the table. `summary` equals the first line of the verb's docstring (a test)."""

    name: str
    summary: str
    group: str | None = None


class VerbGroup(PlainGroup):
    """A group whose commands are the rows of `verbs`, each made by `code_of` on first use."""

    verbs: ClassVar[Sequence[Verb]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _LazyCommands(self.verbs, self.code_of)

    @staticmethod
    def code_of(name: str) -> VerbCode:
        """Import the verb of this name, which is one of `verbs`."""
        raise NotImplementedError

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._overview().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        overview = self._overview()
        context = type(ctx)(overview, parent=ctx.parent, info_name=ctx.info_name)
        return overview.shell_complete(context, incomplete)

    def _overview(self) -> PlainGroup:
        """The same group, with commands that have only a name and a summary."""
        rows: list[Any] = [
            TyperCommand(verb.name, help=verb.summary, rich_help_panel=verb.group)
            for verb in self.verbs
        ]
        return PlainGroup(
            name=self.name,
            commands=rows,
            params=self.params,
            help=self.help,
            epilog=self.epilog,
            rich_markup_mode=self.rich_markup_mode,
        )


class _LazyCommands(MutableMapping[str, Any]):
    """The commands of a group by name, in the table's order, each made when it is first read."""

    def __init__(self, verbs: Sequence[Verb], code_of: Callable[[str], VerbCode]) -> None:
        self._verbs = {verb.name: verb for verb in verbs}
        self._code_of = code_of
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(self._verbs[name], self._code_of(name))
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError(f"{name} is a row of a table and cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._verbs)

    def __len__(self) -> int:
        return len(self._verbs)

    def __contains__(self, name: object) -> bool:
        return name in self._verbs


def _command(verb: Verb, code: VerbCode) -> Any:
    """The typer command of a verb's function, or the typer group of its verbs."""
    if not isinstance(code, typer.Typer):
        function, code = code, typer.Typer(add_completion=False, rich_markup_mode="markdown")
        code.command(verb.name, cls=PlainCommand)(function)
        command: Any = typer.main.get_command(code)
        add_output_options(command)
    else:
        command = typer.main.get_group(code)
    command.name = verb.name
    command.rich_help_panel = verb.group
    return command
