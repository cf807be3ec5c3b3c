"""Options that are given before the verb or after it: --catalog, --quiet and --verbose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner, Result

from ingot.cli.main import app
from ingot.cli.shared.global_options import begin, forget
from ingot.cli.shared.progress_display import LiveProgress, PlainProgress, make_progress
from ingot.cli.shared.terminal import Terminal, Verbosity, verbosity
from ingot.errors import UserError
from ingot.process import run
from ingot.progress import Silent
from tests.support.command_line import command_of, options_of
from tests.support.shops import open_shop


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory without a catalog."""
    monkeypatch.delenv("INGOT_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ingot(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, words, env=environment)


def versions(result: Result) -> set[str]:
    assert result.exit_code == 0, result.exception
    return {row["version"] for row in json.loads(result.stdout)["kernels"]}


def leaves(group: Any, path: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found += leaves(command, f"{path}{name} ") if inner else [f"{path}{name}"]
    return found


VERBS = leaves(typer.main.get_command(app))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_quiet_and_verbose(verb: str) -> None:
    command, rest = command_of(verb.split())
    assert not rest
    assert {"--quiet", "-q", "--verbose", "-v"} <= options_of(command)


def test_the_catalog_is_named_before_the_verb_after_it_or_in_the_environment(nowhere: Path) -> None:
    (nowhere / "one").mkdir()
    (nowhere / "other").mkdir()
    one, other = (str(open_shop(nowhere / name).root / "kernels") for name in ("one", "other"))
    path = Path(other, "kernels.toml")
    path.write_text(path.read_text().replace('"7.2"', '"7.3"'))
    list_json = ("list", "--json")
    assert "7.2" in versions(ingot("--catalog", one, *list_json))
    assert "7.3" in versions(ingot(*list_json, "--catalog", other))
    assert "7.3" in versions(ingot(*list_json, INGOT_CATALOG=other))
    assert "7.3" in versions(ingot("--catalog", one, *list_json, "--catalog", other))
    assert "7.2" in versions(ingot("--catalog", one, *list_json, INGOT_CATALOG=other))
    assert isinstance(ingot(*list_json).exception, UserError)  # nothing is left of earlier calls


@pytest.mark.parametrize(
    "words", [["-q", "-v", "list"], ["-q", "list", "-v"], ["list", "--quiet", "--verbose"]]
)
def test_quiet_and_verbose_contradict_each_other(words: list[str]) -> None:
    error = ingot(*words).exception
    assert isinstance(error, UserError)
    assert "contradict" in error.what


def test_the_display_of_progress_follows_the_options() -> None:
    terminal = Terminal(force_terminal=True, stderr=True)
    displays = {(): LiveProgress, ("quiet",): Silent, ("verbose",): PlainProgress}
    for options, display in displays.items():
        begin(None, quiet="quiet" in options, verbose="verbose" in options)
        assert type(make_progress(terminal)) is display
        forget()
    assert verbosity() == Verbosity.NORMAL


def test_commands_of_programs_are_printed_on_request(capfd: pytest.CaptureFixture[str]) -> None:
    for verbose in (True, False):
        begin(None, quiet=False, verbose=verbose)
        run(["true", "a word"])
        forget()
        assert ("run: true 'a word'" in capfd.readouterr().err) is verbose
