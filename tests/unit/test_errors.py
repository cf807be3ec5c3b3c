"""Errors say what, why and what next, and each kind has an exit code of its own."""

from __future__ import annotations

import pytest

from ingot import errors
from ingot.errors import IngotError
from ingot.process import CommandFailedError, ToolMissingError


def test_every_kind_of_error_ends_the_program_with_a_code_of_its_own() -> None:
    kinds = [
        errors.IngotError,
        errors.UserError,
        errors.MachineError,
        errors.VerificationError,
        errors.BuildError,
        errors.BootError,
    ]
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("kind", [CommandFailedError, ToolMissingError])
def test_failures_of_programs_are_faults_of_the_machine(kind: type[IngotError]) -> None:
    assert issubclass(kind, errors.MachineError)


def test_an_error_reads_as_what_and_why() -> None:
    error = errors.UserError("no such thing", why="it is not in the list", hint="look again")
    assert str(error) == "no such thing: it is not in the list"
    assert error.hint == "look again"


def test_an_error_without_a_reason_reads_as_what() -> None:
    assert str(errors.UserError("no such thing")) == "no such thing"
