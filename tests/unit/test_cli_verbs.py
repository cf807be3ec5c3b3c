"""The tables of verbs: they agree with the verbs' modules, and nothing is imported for help."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from ingot import __version__
from ingot.cli.main import app
from ingot.cli.shared.verb_group import Verb, VerbGroup
from ingot.cli.verbs import VERBS
from ingot.errors import UserError

GROUP: Any = typer.main.get_command(app)


def rows(group: VerbGroup) -> Iterator[tuple[Verb, Any]]:
    """Every verb with its command, those of groups within groups too."""
    for verb in group.verbs:
        command = group.commands[verb.name]
        yield verb, command
        if isinstance(command, VerbGroup):
            yield from rows(command)


@pytest.mark.parametrize(("verb", "command"), list(rows(GROUP)), ids=lambda each: each.name)
def test_the_table_says_what_the_verb_says_of_itself(verb: Verb, command: Any) -> None:
    assert command.help.splitlines()[0] == verb.summary
    assert command.name == verb.name


@pytest.mark.parametrize(("verb", "command"), list(rows(GROUP)), ids=lambda each: each.name)
def test_a_placeholder_in_help_is_in_backticks(verb: Verb, command: Any) -> None:
    """Markdown drops `<release>` outside backticks as an HTML tag."""
    texts = [command.help, *(getattr(each, "help", "") for each in command.params)]
    commands = command.commands.values() if isinstance(command, TyperGroup) else ()
    texts += [inner.help for inner in commands]
    for text in texts:
        assert not re.search(r"<[^>]*>", re.sub(r"`[^`]*`", "", text or "")), verb.name


def test_help_shows_the_text_in_backticks_without_them() -> None:
    shown = CliRunner().invoke(app, ["module", "build", "-h"]).output
    assert "/lib/modules/<release>/updates" in shown
    assert "`" not in shown


def test_groups_are_in_one_piece_each() -> None:
    groups = [verb.group for verb in VERBS]
    assert all(groups)
    changes = sum(one != other for one, other in itertools.pairwise(groups))
    assert changes == len(set(groups)) - 1


def test_help_shows_the_groups_and_every_verb() -> None:
    shown = CliRunner().invoke(app, ["-h"]).output
    for verb in VERBS:
        assert f"─ {verb.group} ─" in shown
        assert f" {verb.name} " in shown


def test_a_verb_that_is_almost_right_is_suggested() -> None:
    result = CliRunner().invoke(app, ["bild"])
    assert result.exit_code == 2
    assert "'build'" in result.output


def test_an_option_that_moved_names_its_verb() -> None:
    result = CliRunner().invoke(app, ["boot", "6.1", "--profile"])
    assert isinstance(result.exception, UserError)
    assert "ingot profile KERNEL" in result.exception.hint


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ingot", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )


def imported(result: subprocess.CompletedProcess[str]) -> set[str]:
    """The modules that a run imported."""
    return {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}


def test_the_version_is_printed_and_next_to_nothing_imported() -> None:
    result = run("--version")
    assert result.stdout == f"ingot {__version__}\n"
    assert not imported(result) & {"typer", "rich", "pydantic", "ingot.cli.main"}
    assert run("--version", "-h").stdout == f"ingot {__version__}\n"


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("-h",), {}),
        (("config", "-h"), {}),
        (
            (),
            {
                "COMP_WORDS": "ingot ins",
                "COMP_CWORD": "1",
                "_INGOT_COMPLETE": "complete_bash",
            },
        ),
    ],
    ids=["help", "help of a group", "completion"],
)
def test_help_and_completion_import_no_verb(
    words: tuple[str, ...], environment: dict[str, str]
) -> None:
    result = run(*words, **environment)
    assert ("inspect" in result.stdout) or words == ("config", "-h")
    heavy = {"requests", "jinja2", "debian", "ingot.catalog", "ingot.pipeline"}
    assert not imported(result) & {*heavy, "ingot.cli.inspect"}  # typer itself has pydantic


def paths(group: VerbGroup, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words that name each command, those of groups within groups too."""
    for verb in group.verbs:
        yield (*words, verb.name)
        command = group.commands[verb.name]
        if isinstance(command, VerbGroup):
            yield from paths(command, (*words, verb.name))


@pytest.mark.parametrize(("verb", "command"), list(rows(GROUP)), ids=lambda each: each.name)
def test_every_operand_and_every_value_of_an_option_has_a_name(verb: Verb, command: Any) -> None:
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False):
            assert parameter.metavar, f"{verb.name}: {parameter.name} has no metavar"


@pytest.mark.parametrize("words", [(), *paths(GROUP)], ids=" ".join)
def test_help_shows_no_types_of_python_and_no_braces(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    assert f"Usage: {' '.join(['ingot', *words])} [OPTIONS]" in shown
    assert not re.search(r"<(str|int|float|bool|path|list)", shown)
    assert not re.search(r"[{}]", shown)


def test_an_operand_is_written_as_documents_write_it() -> None:
    words = {"run": "[OPTIONS] KERNEL IMAGE", "build": "[OPTIONS] [KERNEL]..."}
    for verb, usage in words.items():
        assert f"{verb} {usage}" in CliRunner().invoke(app, [verb, "--help"]).output
