"""How a run ends: each error with its own code, and what the system refused without a traceback."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.cli import main
from ingot.errors import UserError, VerificationError
from ingot.registry import Registry
from ingot.setting import RunOptions


def end_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def app(prog_name: str) -> None:
        raise error

    monkeypatch.setattr(main, "app", app)
    return main.run_command_line()


def test_an_error_ends_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_with(VerificationError("bad", why="because", hint="go"), monkeypatch) == 4
    assert capsys.readouterr().err.split("\n") == ["error: bad", "  because", "next: go", ""]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO), "/a/file"), ("/a/file", "Input/output error")),
        (OSError(errno.EXDEV, "Cross", "/a", None, "/b"), ("/a and /b", "Cross")),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ("No space left", "ingot prune")),
        (OSError("only words"), ("only words",)),
        (TimeoutError(), ("TimeoutError",)),
    ],
)
def test_what_the_system_refused_is_told_to_a_person(
    error: OSError,
    says: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert end_with(error, monkeypatch) == 3
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "\nnext: " in told
    assert all(words in told for words in says)


@pytest.mark.parametrize("seconds", ["1e7", "inf", "nan", "0", "-1"])
@pytest.mark.parametrize("verb", [("boot",), ("build",), ("profile",), ("bisect", "6.1")])
def test_a_limit_for_boots_that_no_wait_can_have_is_refused(
    verb: tuple[str, ...], seconds: str
) -> None:
    done = CliRunner().invoke(main.app, [*verb, "6.1", "--boot-timeout", seconds])
    assert done.exit_code == UserError.exit_code
    assert "--boot-timeout" in done.output


def test_a_limit_for_boots_is_checked_for_other_programs_too() -> None:
    for seconds in (0.0, -1.0, math.inf, math.nan, 1e7):
        with pytest.raises(UserError, match="cannot be the limit for a boot"):
            RunOptions(boot_seconds=seconds)


def test_a_registry_as_a_cache_contradicts_offline() -> None:
    with pytest.raises(UserError, match="offline") as refused:
        RunOptions(cache=Registry("localhost:5000"), offline=True)
    assert "--cache-from" in refused.value.why


def test_a_reader_that_has_seen_enough_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokenPipeError):
        end_with(BrokenPipeError(), monkeypatch)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        end_with(KeyError("a bug"), monkeypatch)


@pytest.mark.parametrize("cache", ["/proc/x", "/dev/null/x", "/dev/null"])
def test_a_cache_that_cannot_be_is_told(
    cache: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = Path(__file__).parents[2] / "kernels"
    words = ["ingot", "prune", "--dry-run", "--catalog", str(catalog), "--cache", cache]
    monkeypatch.setattr("sys.argv", words)
    assert main.run_command_line() == 3
    assert cache in capsys.readouterr().err
