"""A web server on loopback that fails as a test asks it to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Request:
    path: str
    range: str
    status: int
    sent: int = 0


@dataclass
class Web:
    """Files served under their paths, and how badly."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    validators: bool = True
    break_after: list[int] = field(default_factory=list)
    """One number for each of the next GETs of something large: cut after so many bytes."""
    stall_after: list[int] = field(default_factory=list)
    """The same, but silent after so many bytes, and not closed before the test ends."""
    ended: threading.Event = field(default_factory=threading.Event)
    answers: dict[str, list[int]] = field(default_factory=dict)
    """Statuses that the next GETs of a path are answered with, before it is served."""
    redirects: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    """What Content-Length says of a path, if not the truth."""
    chunk: int = 0
    """If it is not 0, bodies come in pieces of so many bytes, with a pause between them."""
    log: list[Request] = field(default_factory=list)

    def of(self, part: str) -> list[Request]:
        return [request for request in self.log if part in request.path]
