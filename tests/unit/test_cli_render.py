"""What people read: sizes, times, errors in three parts, and progress in logs."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from ingot.cli.shared import progress_display
from ingot.cli.shared.progress_display import LiveProgress, PlainProgress, make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_error
from ingot.errors import UserError
from ingot.units import size_text
from tests.support.clocks import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("ingot.cli.shared.progress_display.time.monotonic", clock)
    return clock


class Screen:
    """A console, and what is on it."""

    def __init__(self, *, terminal: bool = False) -> None:
        self._file = io.StringIO()
        self.console = Terminal(
            file=self._file, force_terminal=terminal, width=80, color_system=None
        )

    @property
    def lines(self) -> list[str]:
        return self._file.getvalue().splitlines()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (552, "9 min 12 s"),
        (3661, "61 min 01 s"),
    ],
)
def test_times_read_as_people_say_them(seconds: float, text: str) -> None:
    assert progress_display.seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (34_603_008, "33.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (5 << 40, "5120.0 GiB"),
    ],
)
def test_sizes_read_in_units_of_1024(size: int, text: str) -> None:
    assert size_text(size) == text


def test_an_error_shows_what_why_and_what_next(screen: Screen) -> None:
    print_error(screen.console, UserError("it broke", why="one\ntwo", hint="mend it"))
    assert screen.lines == ["error: it broke", "  one", "  two", "next: mend it"]


def test_an_error_needs_neither_reason_nor_hint(screen: Screen) -> None:
    print_error(screen.console, UserError("it broke"))
    assert screen.lines == ["error: it broke"]


def test_brackets_in_an_error_are_text_and_long_lines_stay_whole(screen: Screen) -> None:
    text = "[bold]CC [M] x.o[/] " + "x" * 200
    print_error(screen.console, UserError(text, why=text, hint=text))
    assert screen.lines == [f"error: {text}", f"  {text}", f"next: {text}"]


def test_results_are_not_cut_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_console().print("x" * 150)
    assert capsys.readouterr().out == "x" * 150 + "\n"


def test_the_listener_fits_the_console() -> None:
    assert isinstance(make_progress(Screen(terminal=True).console), LiveProgress)
    assert isinstance(make_progress(Screen().console), PlainProgress)


def test_a_log_shows_a_steps_begin_its_end_and_what_came_out(screen: Screen, clock: Clock) -> None:
    progress = PlainProgress(screen.console)
    with progress.step("compile [x]") as step:
        clock.now += 61
        step.result("12 objects")
    progress.note("by the way")
    assert screen.lines == [
        "compile [x] ...",
        "compile [x]  12 objects (1 min 01 s)",
        "by the way",
    ]


def test_a_log_shows_that_a_step_failed(screen: Screen, clock: Clock) -> None:
    with pytest.raises(KeyboardInterrupt), PlainProgress(screen.console).step("compile"):
        clock.now += 3
        raise KeyboardInterrupt
    assert screen.lines[-1] == "compile: failed after 3.0 s"


def test_a_log_shows_a_sign_of_life_now_and_then(screen: Screen, clock: Clock) -> None:
    with PlainProgress(screen.console).step("compile") as step:
        for done in range(1, 61):
            clock.now += 1
            step.advance(done, 100, f"x{done}.o")
    life = screen.lines[1:-1]
    assert len(life) == 4
    assert life[0] == "compile: 15%, about 1 min 25 s left, x15.o"
    assert life[-1] == "compile: 60%, about 40 s left, x60.o"


@pytest.mark.parametrize(
    ("unit", "text"), [("", "12,345"), ("files", "12,345 files"), ("bytes", "12.1 KiB")]
)
def test_work_of_unknown_length_shows_how_much_is_done(
    screen: Screen, clock: Clock, unit: str, text: str
) -> None:
    with PlainProgress(screen.console).step("download") as step:
        clock.now += 20
        step.advance(12_345, unit=unit)
    assert screen.lines[1] == f"download: {text}"


def test_a_share_has_no_unit(screen: Screen, clock: Clock) -> None:
    with PlainProgress(screen.console).step("download") as step:
        clock.now += 20
        step.advance(64, 100, unit="bytes")
    assert screen.lines[1] == "download: 64%, about 11 s left"


@pytest.mark.parametrize("stderr", [False, True])
def test_nothing_is_wrapped_where_there_is_no_terminal(
    stderr: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    console = Terminal(stderr=stderr)
    table = Table(box=None, show_header=False)
    table.add_row("word " * 100, "end")
    console.print(table)
    console.say("word " * 100)
    console.rule("title", align="left")
    printed = capsys.readouterr()
    lines = (printed.err if stderr else printed.out).splitlines()
    assert len(lines) == 3
    assert len(lines[2]) <= 80


@pytest.mark.parametrize("done", [0, 1, 4])
def test_nothing_is_promised_before_enough_is_done(
    screen: Screen, clock: Clock, done: float
) -> None:
    with PlainProgress(screen.console).step("compile") as step:
        clock.now += 20
        step.advance(done, 100)
    assert "left" not in screen.lines[1]


def test_a_terminal_keeps_a_line_for_each_step_that_ended(clock: Clock) -> None:
    screen = Screen(terminal=True)
    progress = LiveProgress(screen.console)
    with pytest.raises(RuntimeError), progress.step("outer"):
        with progress.step("inner [x]") as step:
            step.advance(1, 2, "[half]")
            step.result("well")
        progress.note("[noted]")
        raise RuntimeError
    text = "\n".join(screen.lines)
    assert "✓ inner [x]  well 0.0 s" in text
    assert "[noted]" in text
    assert "✗ outer" in text


def test_a_terminal_can_show_one_step_after_another(clock: Clock) -> None:
    screen = Screen(terminal=True)
    progress = LiveProgress(screen.console)
    for title in ("one", "two"):
        with progress.step(title):
            pass
    text = "\n".join(screen.lines)
    assert "✓ one" in text
    assert "✓ two" in text
