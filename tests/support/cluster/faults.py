"""What goes wrong in a cluster, decided by a seed."""

from __future__ import annotations

import random
import threading
from enum import Enum


class Fault(Enum):
    """What the server does to one request."""

    CUT_BEFORE = "the connection is closed, and nothing was done"
    CUT_AFTER = "the connection is closed, and everything was done"
    TOO_MANY = "429 with Retry-After"
    ERROR = "500"
    UNAVAILABLE = "503"
    EXPIRED = "401: the token has run out, and there is a new one"
    FORBIDDEN = "403: somebody took the right away, for a moment"
    RACE = "another client creates the same Job just before"


class Faults:
    """Faults with the share `rate` of requests, and `evictions` of pods; none by default.

    Of the faults, 403 has a share of its own (`forbidden`): it ends a client.
    """

    def __init__(
        self,
        seed: int = 0,
        rate: float = 0.0,
        evictions: float = 0.0,
        forbidden: float = 0.0,
        cuts: float = 0.0,
    ) -> None:
        self._random = random.Random(seed)
        self._rate, self._evictions, self._forbidden = rate, evictions, forbidden
        self._cuts = cuts
        self._lock = threading.Lock()
        self.count: dict[str, int] = {}

    def of_request(self, method: str) -> Fault | None:
        """The fault of the next request."""
        with self._lock:
            if self._random.random() < self._forbidden:
                return self._counted(Fault.FORBIDDEN)
            if self._random.random() >= self._rate:
                return None
            some = [fault for fault in Fault if fault != Fault.FORBIDDEN]
            if method != "POST":
                some.remove(Fault.RACE)
            return self._counted(self._random.choice(some))

    def eviction(self) -> float | None:
        """After how many seconds the next pod is evicted; None if it is not."""
        with self._lock:
            if self._random.random() >= self._evictions:
                return None
            self.count["eviction"] = self.count.get("eviction", 0) + 1
            return self._random.random() * 0.1

    def cut_of_watch(self) -> str:
        """How a watch ends before the next event: `cut`, `410`, or not at all (empty)."""
        with self._lock:
            if self._random.random() >= self._cuts:
                return ""
            how = self._random.choice(["cut", "410"])
            self.count[f"watch {how}"] = self.count.get(f"watch {how}", 0) + 1
            return how

    def _counted(self, fault: Fault) -> Fault:
        self.count[fault.name] = self.count.get(fault.name, 0) + 1
        return fault
