"""What stands in an option's way, step by step, and what would clear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingot.kconfig.fragment import Place


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that is not as it has to be: `subject` says what has to be, `told` what is.

    `depth` counts from what is needed first hand.
    """

    depth: int
    subject: str
    told: str = ""

    def __str__(self) -> str:
        return "    " * self.depth + self.subject + self.told


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is not met, and what would meet it.

    `ask` is what to ask for as well, in the order of need; `drop` the lines that ask for the
    contrary; `given` what follows from these, or is asked for already and has a finding of
    its own. One that is not `open` leads nowhere; if it is `never`, nothing that a fragment can
    say would do.
    """

    steps: tuple[Obstacle, ...] = ()
    ask: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[Place, ...] = ()
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
        """What makes another way the better one: this sorts first if it asks for less."""
        return (not self.open, len(self.drop), len(self.ask), self.never, len(self.steps))

    @property
    def short(self) -> bool:
        """Whether looking for a better one is not worth it."""
        return self.open and not self.drop and len(self.ask) <= 1

    def behind(self, first: Obstacle) -> Remedy:
        """This way as what a first step needs in turn."""
        deeper = (replace(step, depth=step.depth + 1) for step in self.steps)
        return replace(self, steps=(first, *deeper))

    def beside(self, others: str) -> Remedy:
        """This way, saying that its first step could be another."""
        first, *rest = self.steps
        subject = f"{first.subject} (or {others})"
        return replace(self, steps=(replace(first, subject=subject), *rest))


def closed(subject: str = "", told: str = "") -> Remedy:
    """A way that leads nowhere, because of one thing if that can be named."""
    return Remedy((Obstacle(0, subject, told),) if subject else (), open=False)


def never(subject: str = "", told: str = "") -> Remedy:
    """A way that leads nowhere whatever fragments say, and why."""
    return replace(closed(subject, told), never=True)
