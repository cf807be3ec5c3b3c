"""The objects of one kind, as they are now and as they change: a list, then watches.

A watch begins where the list or the last event was, so nothing is missed and nothing is asked for
twice. The server ends each watch after a while; the next one goes on from the last resource
version, which bookmarks keep recent. If the server no longer has that version (410), everything is
listed again. Source: Kubernetes documentation, "API Concepts", "Efficient detection of changes".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingot.fleet.kubernetes.api_calls import GONE, ApiCalls, ApiRefusalError, Kind, Manifest


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of the kind: what is not among them does not exist any more."""

    objects: tuple[Manifest, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object that is new or different, or was deleted."""

    object: Manifest
    is_deleted: bool = False


def changes(calls: ApiCalls, kind: Kind) -> Iterator[Listed | Changed]:
    """First a list, then every change; it does not end. Errors as in `ApiCalls.list`."""
    version = ""
    while True:
        if not version:
            found = calls.list(kind)
            version = str(found["metadata"].get("resourceVersion", ""))
            yield Listed(tuple(found.get("items") or ()))
        try:
            for event in calls.watch(kind, version):
                if event["type"] == "ERROR":
                    version = _after_error(event["object"], version)
                    break
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield Changed(event["object"], event["type"] == "DELETED")
        except ApiRefusalError as refusal:
            if refusal.status != GONE:
                raise
            version = ""
        calls.rest()  # a server that ends every watch at once is not asked all the time


def _after_error(status: Mapping[str, Any], version: str) -> str:
    """Where to go on after an event of type ERROR: from a list if the version is too old."""
    return "" if status.get("code") == GONE else version
