"""Errors say what, why and what next, and each kind has an exit code of its own."""

from __future__ import annotations

import re

import pytest

from ingot import errors
from ingot.errors import EXIT_CODES, IngotError
from ingot.process import CommandFailedError, ToolMissingError
from tests.support.places import REPOSITORY

KINDS = [
    errors.ConfigError,
    errors.UserError,
    errors.MachineError,
    errors.VerificationError,
    errors.BuildError,
    errors.BootError,
]


def test_every_kind_of_error_ends_the_program_with_a_code_of_its_own() -> None:
    assert [kind.exit_code for kind in KINDS] == [1, 2, 3, 4, 5, 6]
    assert set(KINDS) == {*IngotError.__subclasses__(), errors.ConfigError}


@pytest.mark.parametrize("kind", [CommandFailedError, ToolMissingError])
def test_failures_of_programs_are_faults_of_the_machine(kind: type[IngotError]) -> None:
    assert issubclass(kind, errors.MachineError)


def test_every_code_has_a_meaning_and_the_page_has_the_same_table() -> None:
    others = {0, errors.BUG, errors.INTERRUPTED}
    assert others | {kind.exit_code for kind in KINDS} == set(EXIT_CODES)
    page = (REPOSITORY / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


def test_help_has_the_table_and_no_verb_names_another_code() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"- {code}: {meaning}\n" in page
    named = {int(code) for code in re.findall(r"\b[Ee]xits with (\d+)", page)}
    assert named <= set(EXIT_CODES)


def test_an_error_reads_as_what_and_why() -> None:
    error = errors.UserError("no such thing", why="it is not in the list", hint="look again")
    assert str(error) == "no such thing: it is not in the list"
    assert error.hint == "look again"


def test_an_error_without_a_reason_reads_as_what() -> None:
    assert str(errors.UserError("no such thing")) == "no such thing"
