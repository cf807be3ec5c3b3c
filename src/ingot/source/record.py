"""`source.json`: what the cache keeps about a source, beside its tree.

    {"version": "6.1.176", "origin": ..., "url": ..., "evidence": ..., "epoch": 1781869053,
     "size": 1506803712}

The digest is the name of the folder, and the tree is in it: the cache can be moved.
`epoch` is in seconds, `size` in bytes on disk.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.files import write_atomic
from ingot.source.model import Source
from ingot.version import KernelVersion

_FILE = "source.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A source in the cache, and the bytes that it takes on disk."""

    source: Source
    size: int


def digest_named(name: str) -> Digest | None:
    """The digest that a folder is named by, or None for any other name."""
    return Digest(name) if re.fullmatch(r"[0-9a-f]{64}", name) else None


def read_entry(folder: Path) -> Entry | None:
    """The source in a folder of the cache; None if there is no complete, readable one."""
    digest = digest_named(folder.name)
    if digest is None:
        return None
    try:
        fields = json.loads((folder / _FILE).read_bytes())
        source = Source(
            version=KernelVersion.parse(fields["version"]),
            origin=str(fields["origin"]),
            digest=digest,
            tree=folder / "tree",
            epoch=int(fields["epoch"]),
            url=str(fields["url"]),
            evidence=str(fields["evidence"]),
        )
        return Entry(source, int(fields["size"])) if source.tree.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError, IngotError):
        # Such a folder counts as absent: it is made anew when it is wanted.
        return None


def write_entry(folder: Path, entry: Entry) -> None:
    """Write `source.json` into a folder."""
    source = entry.source
    fields = {
        "version": str(source.version),
        "origin": source.origin,
        "url": source.url,
        "evidence": source.evidence,
        "epoch": source.epoch,
        "size": entry.size,
    }
    write_atomic(folder / _FILE, json.dumps(fields, indent=1).encode() + b"\n")
