"""Obstacles of an option, step by step, and remedies for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingot.kconfig.fragment import FragmentLine


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One unmet need: `subject` is what is needed, `state` is what is found instead.

    `depth` is 0 for what the option itself needs.
    """

    depth: int
    subject: str
    state: str = ""

    def __str__(self) -> str:
        return "    " * self.depth + self.subject + self.state


@dataclass(frozen=True, slots=True)
class Remedy:
    """Unmet needs, and what would meet them.

    `ask` are the options to request as well, in the order of need; `drop` the lines that request
    the opposite; `given` the values that follow from these, or are already requested and have a
    finding themselves. A remedy that is not `open` does not help; if it is `never`, no fragment
    could meet the needs.
    """

    steps: tuple[Obstacle, ...] = ()
    ask: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[FragmentLine, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    open: bool = True
    never: bool = False

    def __add__(self, other: Remedy) -> Remedy:
        return Remedy(
            (*self.steps, *other.steps),
            {**self.ask, **other.ask},
            tuple(dict.fromkeys((*self.drop, *other.drop))),
            {**self.given, **other.given},
            self.open and other.open,
            self.never or other.never,
        )

    @property
    def cost(self) -> tuple[bool, int, int, bool, int]:
        """The sort key of remedies: one that requests less sorts first."""
        return (not self.open, len(self.drop), len(self.ask), self.never, len(self.steps))

    @property
    def short(self) -> bool:
        """Whether the remedy is so small that a search for a better one can stop."""
        return self.open and not self.drop and len(self.ask) <= 1

    def behind(self, first: Obstacle) -> Remedy:
        """This remedy, with `first` as the step that needs it."""
        deeper = (replace(step, depth=step.depth + 1) for step in self.steps)
        return replace(self, steps=(first, *deeper))

    def beside(self, others: str) -> Remedy:
        """This remedy, with alternatives in its first step."""
        first, *rest = self.steps
        subject = f"{first.subject} (or {others})"
        return replace(self, steps=(replace(first, subject=subject), *rest))


def closed(subject: str = "", state: str = "") -> Remedy:
    """A remedy that does not help, because of one obstacle if it is known."""
    return Remedy((Obstacle(0, subject, state),) if subject else (), open=False)


def never(subject: str = "", state: str = "") -> Remedy:
    """A remedy for what no fragment could change, and why."""
    return replace(closed(subject, state), never=True)
