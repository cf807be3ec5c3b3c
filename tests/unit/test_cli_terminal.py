"""The way out: whatever is printed, by whatever verb, a terminal acts on nothing of it."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.cli.boot.boot_result import print_report
from ingot.cli.shared.progress_display import LiveProgress, PlainProgress
from ingot.cli.shared.terminal import Terminal, print_document, print_error, print_line, styled
from ingot.errors import UserError
from tests.support.places import REPOSITORY

CLI = REPOSITORY / "src" / "ingot" / "cli"
EVIL = "a[/x][bold]b\x1b[2J\x1b]0;t\x07\x9b1m\u202e\u200bc\ud800\nforged line\rover :smile:"
SHOWN = "a[/x][bold]b\ufffd\ufffd\ufffd\ufffd\ufffdc\ufffd forged line over :smile:"


def on(terminal: bool, width: int = 300) -> tuple[Terminal, io.StringIO]:
    file = io.StringIO()
    return Terminal(file=file, force_terminal=terminal, width=width, color_system=None), file


def harmless(text: str) -> bool:
    """Whether there is nothing but text and the ends of lines in it."""
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_is_one_line(terminal: bool) -> None:
    console, file = on(terminal)
    console.say(EVIL, (EVIL, "bold red"), Text(EVIL))
    console.say(EVIL, style="dim")
    lines = file.getvalue().splitlines()
    assert lines[0].startswith(SHOWN * 2)
    assert lines[-1] == SHOWN
    assert harmless(file.getvalue())


def test_several_lines_are_lines_and_no_more() -> None:
    console, file = on(False)
    console.say_lines("one\n[red]two\x1b[2J\u2028three", indent="  ")
    console.print("four\n[/]five")
    assert file.getvalue() == "  one\n  [red]two\ufffd three\nfour\n[/]five\n"


def test_tables_hold_text_and_columns_fit() -> None:
    console, file = on(True)
    table = Table("head[/]\x1b[1m", title=EVIL, caption=EVIL, box=None)
    table.add_column(EVIL)
    table.add_row(EVIL, styled(EVIL, "red"))
    table.add_row(Text(EVIL), Text.assemble((EVIL, "bold")))
    console.print(table)
    assert harmless(file.getvalue())
    assert SHOWN in file.getvalue()


def test_rules_and_what_is_redrawn_are_clean() -> None:
    console, file = on(False)
    console.rule(styled(EVIL))
    with Live(Text(EVIL), console=console, auto_refresh=False) as live:
        live.update(EVIL)
    console.log(EVIL)
    console.out(EVIL)
    assert "\x1b[2J" not in file.getvalue()
    assert "\u202e" not in file.getvalue()


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_nothing_gets_through_by_any_way(text: str) -> None:
    console, file = on(False)
    table = Table()
    table.add_column(text)
    table.add_row(text)
    console.say(text)
    console.say_lines(text)
    console.print(text)
    console.print(Text(text))
    console.print(table)
    assert harmless(file.getvalue())
    file.getvalue().encode()


@pytest.mark.parametrize("kind", [LiveProgress, PlainProgress])
def test_progress_is_clean(kind: type[LiveProgress | PlainProgress]) -> None:
    console, file = on(kind is LiveProgress)
    progress = kind(console)
    progress.note(EVIL)
    with progress.step(EVIL) as step:
        step.advance(1, 2, EVIL)
        console.print(progress._draw()) if isinstance(progress, LiveProgress) else None
        step.result(EVIL)
    text = file.getvalue()
    assert SHOWN in text
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
    assert not {"\u202e", "\u200b", "\ud800", "\x9b"} & set(text)
    assert not any(line.startswith("forged") for line in text.splitlines())


def test_errors_are_clean_in_every_part() -> None:
    console, file = on(False)
    print_error(console, UserError(EVIL, why=f"{EVIL}\n[/y]", hint=EVIL))
    assert harmless(file.getvalue())
    lines = file.getvalue().splitlines()
    assert lines[0] == f"error: {SHOWN}"
    assert lines[-1] == f"next: {SHOWN}"
    assert all(line.startswith(("error: ", "  ", "next: ")) for line in lines)


def test_a_boot_report_is_clean() -> None:
    console, file = on(False)
    checks = (CheckResult(EVIL, Outcome.FAILED, EVIL),)
    report = BootReport(Verdict.PANIC, EVIL, EVIL, 1.0, checks, (EVIL,), ("qemu",))
    print_report(console, report, show_console=True)
    assert harmless(file.getvalue())


# Standard output, for scripts


def test_a_result_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(EVIL)
    assert capsys.readouterr().out == f"{SHOWN}\n"


def test_a_document_is_exact_for_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'CONFIG_X="\x1b[2J\t\u202e"\n'
    print_document(text)
    print_document("no end")
    print_document("")
    assert capsys.readouterr().out == f"{text}no end\n"


def test_a_document_is_clean_for_a_person(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_document("one\x1b[2J\ntwo\u202e\n")
    assert capsys.readouterr().out == "one\ufffd\ntwo\ufffd\n"


# Other ways, other languages


def python(code: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    ours = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code = code.encode("ascii", "backslashreplace").decode()
    return subprocess.run(
        [sys.executable, "-c", f"from ingot.cli.shared.terminal import *\nprepare()\n{code}"],
        env={**ours, **environment},
        capture_output=True,
        check=False,
    )


PLACES = (
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1", "COLUMNS": "40"},
    {"PYTHONIOENCODING": "ascii", "TERM": "dumb"},
)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_terminal_that_lacks_letters_is_no_traceback(place: dict[str, str]) -> None:
    done = python(
        "print_line('✓ \\ud800 é 漢')\n"
        "print_document('✓ \\ud800 é 漢')\n"
        "make_console().say(('✗', 'red'), ' \\ud800 漢')\n"
        "Terminal(stderr=True, force_terminal=True).say('✓ \\udcff')\n",
        **place,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_a_live_line_in_plain_letters() -> None:
    done = python(
        "from ingot.cli.shared.progress_display import LiveProgress\n"
        "with LiveProgress(Terminal(stderr=True, force_terminal=True)).step('x') as s:\n"
        "    s.advance(1, 2, '漢')\n",
        PYTHONIOENCODING="ascii",
        TERM="xterm",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import logging; logging.getLogger('urllib3').warning('%s', EVIL)",
        "import warnings; warnings.warn(EVIL)",
        "raise ValueError(EVIL)",
    ],
)
def test_what_libraries_and_mistakes_say_is_clean(code: str) -> None:
    done = python(
        f"EVIL = {EVIL.encode('unicode_escape').decode()!r}.encode().decode('unicode_escape')\n"
        f"{code}"
    )
    assert b"forged line" in done.stderr
    assert b"\x1b[2J" not in done.stderr
    assert b"\x1b]0" not in done.stderr
    assert "\u202e".encode() not in done.stderr


def test_the_tests_own_warnings_are_not_taken() -> None:
    """`prepare` is for the program: who imports Ingot keeps what they have."""
    script = (
        "import logging, warnings; before = warnings.showwarning; import ingot.cli.main;"
        " assert not logging.getLogger().handlers; assert warnings.showwarning is before"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# No verb goes another way

WAYS_PAST = {
    *("print", "rich.print", "typer.echo", "typer.secho", "click.echo", "click.secho"),
    *("sys.stdout.write", "sys.stderr.write", "warnings.warn"),
}
RICH = {"rich.table.Table", "rich.text.Text"}
"""What verbs may have of rich: tables, whose cells are cleaned, and the name of a type."""
DRAWING = {"rich.live.Live", "rich.progress_bar.ProgressBar", "rich.spinner.Spinner"}


def names_in(tree: ast.Module) -> list[tuple[int, str]]:
    """Every name that is called, in full where it is an attribute."""
    return [
        (node.lineno, ast.unparse(node.func))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def past(path: Path) -> list[str]:
    """What in a file prints, or makes text, by another way than `terminal`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"{path.name}:{line} {name}" for line, name in names_in(tree) if name in WAYS_PAST]
    allowed = RICH | (DRAWING if path.name == "progress_display.py" else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found += [f"{path.name}:{node.lineno} {name}" for name in sorted(names - allowed)]
        if isinstance(node, ast.Import):
            found += [f"{path.name}:{node.lineno} {a.name}" for a in node.names if "rich" in a.name]
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] == "Text":
            found.append(f"{path.name}:{node.lineno} Text")
        if isinstance(node, ast.Call) and any(
            k.arg in ("markup", "highlight") for k in node.keywords
        ):
            found.append(f"{path.name}:{node.lineno} markup")
    return found


@pytest.mark.parametrize(
    "path", sorted(CLI.rglob("*.py")), ids=lambda path: str(path.relative_to(CLI))
)
def test_every_verb_prints_by_the_one_way(path: Path) -> None:
    if path.name == "terminal.py":
        pytest.skip("the way itself")
    assert past(path) == []


@pytest.mark.parametrize(
    "text",
    [
        "print('x')",
        "import typer\ntyper.echo('x')",
        "import sys\nsys.stdout.write('x')",
        "from rich.console import Console",
        "from rich import print",
        "import rich.markup",
        "from rich.text import Text\nText(label)",
        "from rich.text import Text\nText.from_markup(label)",
        "console.print(label, markup=True)",
    ],
)
def test_another_way_is_seen(text: str, tmp_path: Path) -> None:
    path = tmp_path / "verb.py"
    path.write_text(text)
    assert past(path) != []


def test_nothing_below_the_command_line_prints() -> None:
    source = REPOSITORY / "src" / "ingot"
    found = [
        f"{path.relative_to(source)}:{line} {name}"
        for path in sorted(source.rglob("*.py"))
        if not path.is_relative_to(CLI) and path.name not in ("__main__.py", "survey.py")
        for line, name in names_in(ast.parse(path.read_text(encoding="utf-8")))
        if name in WAYS_PAST
    ]
    assert found == []
