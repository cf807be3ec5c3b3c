"""Ingot's own command line, asked whether it would take some words, without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer.main

from ingot.cli.main import app


def command_of(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the words behind it; ValueError if there is none.

    Typer's commands are click's, or, in newer releases, of its own copy of click: not typed here.
    """
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while commands := getattr(command, "commands", None):
        if not rest or rest[0] not in commands:
            raise ValueError(f"ingot has no command '{' '.join(words)}'")
        command = commands[rest.pop(0)]
    return command, rest


def parse(words: Sequence[str]) -> None:
    """Raise what the command line would say against these words."""
    command, rest = command_of(words)
    command.make_context(words[0], rest)


def options_of(command: Any) -> set[str]:
    """All options of a command, by all their names."""
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
