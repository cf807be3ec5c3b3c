"""The display of progress: a live line on a terminal, plain lines elsewhere.

All of it goes to standard error: standard output is for results.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table

from ingot.catalog import Kernel
from ingot.cli.shared.terminal import Terminal, Verbosity, verbosity
from ingot.progress import Progress, Silent, Step
from ingot.units import size_text

_PLAIN_EVERY_SECONDS = 15.0
_BAR_WIDTH = 24


def make_progress(console: Terminal) -> Progress:
    """The display that fits the console and the options --quiet and --verbose."""
    if verbosity() == Verbosity.QUIET:
        return Silent()
    if verbosity() == Verbosity.VERBOSE:
        return PlainProgress(console)  # other lines would disturb a live one
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def kernel_label(kernel: Kernel) -> str:
    """A kernel with all that distinguishes it: `6.1.176 x86_64 default`."""
    source = f" from {kernel.own_source}" if kernel.own_source else ""
    patched = " patched" if kernel.patched else ""
    return f"{kernel.version} {kernel.arch.name} {kernel.flavor.name}{source}{patched}"


def seconds_text(seconds: float) -> str:
    """`0.4 s`, `59 s` or `9 min 12 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class _State:
    """The state of a step: the amount done, the total, and the start time."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.began = time.monotonic()
        self.done = 0.0
        self.total: float | None = None
        self.unit = ""
        self.detail = ""
        self.outcome = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def share(self) -> str:
        """The part that is done: `64%`, or, if the total is not known, `512 files`."""
        if self.total:
            return f"{100 * self.done / self.total:3.0f}%"
        if not self.done:
            return ""
        if self.unit == "bytes":
            return size_text(round(self.done))
        return f"{self.done:,.0f} {self.unit}".rstrip()

    def remaining(self) -> str:
        """An estimate of the time left, once enough is done to make one."""
        if not self.total or self.done < self.total / 20 or self.seconds < 5:
            return ""
        return f"about {seconds_text(self.seconds * (self.total / self.done - 1))} left"

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        self.done, self.total, self.detail, self.unit = done, total, detail, unit

    def result(self, text: str) -> None:
        self.outcome = text

    def ended(self) -> str:
        outcome = f"  {self.outcome}" if self.outcome else ""
        return f"{self.title}{outcome}"


class PlainProgress:
    """Lines for logs and pipes: the start of each step, its progress now and then, its end."""

    def __init__(self, console: Terminal) -> None:
        self._console = console

    def note(self, text: str) -> None:
        self._print(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        state = _PlainState(title, self._print)
        self._print(f"{title} ...")
        try:
            yield state
        except BaseException:
            self._print(f"{title}: failed after {seconds_text(state.seconds)}")
            raise
        self._print(f"{state.ended()} ({seconds_text(state.seconds)})")

    def _print(self, text: str) -> None:
        self._console.say(text)


class _PlainState(_State):
    def __init__(self, title: str, emit: Callable[[str], None]) -> None:
        super().__init__(title)
        self._emit = emit
        self._last = self.began

    def advance(
        self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
    ) -> None:
        super().advance(done, total, detail, unit=unit)
        if time.monotonic() - self._last >= _PLAIN_EVERY_SECONDS:
            self._last = time.monotonic()
            parts = [self.share(), self.remaining(), detail]
            self._emit(f"{self.title}: {', '.join(part.strip() for part in parts if part)}")


class LiveProgress:
    """One line per running step, redrawn in place; a permanent line when the step ends."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._states: list[_State] = []
        self._live: Live | None = None
        self._spinner = Spinner("dots" if "utf" in console.encoding.lower() else "line")

    def note(self, text: str) -> None:
        self._console.say(f"  {text}", style="dim")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        state = _State(title)
        self._states.append(state)
        try:
            with self._showing():
                yield state
        except BaseException:
            self._end(state, ("✗", "red"))
            raise
        self._end(state, ("✓", "green"))

    @contextlib.contextmanager
    def _showing(self) -> Iterator[None]:
        """Keep the live lines on the screen while the outermost step lasts."""
        if self._live:
            yield
            return
        with Live(get_renderable=self._draw, console=self._console, transient=True) as self._live:
            try:
                yield
            finally:
                self._live = None

    def _end(self, state: _State, mark: tuple[str, str]) -> None:
        self._states.remove(state)
        spent = (f" {seconds_text(state.seconds)}", "dim")
        self._console.say(mark, f" {state.ended()}", spent)

    def _draw(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        for _ in range(4):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
        for state in self._states:
            bar: ProgressBar | str = ""
            if state.total:
                bar = ProgressBar(total=state.total, completed=state.done, width=_BAR_WIDTH)
            parts = (seconds_text(state.seconds), state.remaining(), state.detail)
            rest = ", ".join(part for part in parts if part)
            spinner = self._spinner.render(time.monotonic())
            table.add_row(spinner, state.title, bar, state.share(), rest)
        return table
