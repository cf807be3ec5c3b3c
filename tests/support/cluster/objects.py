"""Jobs and pods with resource versions, and the events that watches get."""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]
KINDS = ("jobs", "pods")


@dataclass(frozen=True, slots=True)
class Event:
    version: int
    kind: str
    type: str
    object: Object


@dataclass
class Objects:
    """All objects of one namespace. The caller holds `lock` for everything but waiting.

    `skew` is how far the server's clock is off. `window` is how many events it remembers: a watch
    from before them gets 410.
    """

    skew: timedelta = timedelta()
    window: int = 1000
    kinds: dict[str, dict[str, Object]] = field(default_factory=lambda: {k: {} for k in KINDS})
    events: deque[Event] = field(default_factory=deque)
    version: int = 1
    lock: threading.Condition = field(default_factory=threading.Condition)

    def now(self) -> str:
        return (datetime.now(UTC) + self.skew).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def add(self, kind: str, manifest: Object) -> Object:
        name = manifest["metadata"]["name"]
        assert name not in self.kinds[kind]
        added = copy.deepcopy(manifest)
        added["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": self.now()}
        added.setdefault("status", {})
        self.kinds[kind][name] = added
        self._record(kind, "ADDED", added)
        return added

    def change(self, kind: str, name: str, act: Callable[[Object], object]) -> None:
        """Apply `act` to an object, if it is there still."""
        found = self.kinds[kind].get(name)
        if found is not None:
            act(found)
            self._record(kind, "MODIFIED", found)

    def remove(self, kind: str, name: str) -> None:
        found = self.kinds[kind].pop(name, None)
        if found is not None:
            self._record(kind, "DELETED", found)

    def listed(self, kind: str, label: str, value: str) -> Object:
        """All objects of a kind with this label, in a list of the API."""
        found = self.kinds[kind].values()
        fitting = [each for each in found if each["metadata"]["labels"].get(label) == value]
        return {
            "kind": "List",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": str(self.version)},
            "items": copy.deepcopy(fitting),
        }

    def since(self, kind: str, version: int) -> list[Event] | None:
        """The events of a kind after a version; None if the server has forgotten some of them."""
        oldest = self.events[0].version if self.events else self.version + 1
        if version + 1 < oldest and version < self.version:
            return None
        return [event for event in self.events if event.version > version and event.kind == kind]

    def wait_for_change(self, version: int, seconds: float) -> None:
        """Wait for the next event, a while at most; the caller holds the lock."""
        deadline = time.monotonic() + seconds
        while self.version == version and (left := deadline - time.monotonic()) > 0:
            self.lock.wait(left)

    def _record(self, kind: str, type_: str, changed: Object) -> None:
        self.version += 1
        changed["metadata"]["resourceVersion"] = str(self.version)
        self.events.append(Event(self.version, kind, type_, copy.deepcopy(changed)))
        while len(self.events) > self.window:
            self.events.popleft()
        self.lock.notify_all()
