"""`source.json`: the record of a cached source, next to its tree.

    {"version": "6.1.176", "origin": ..., "url": ..., "evidence": ..., "commit": "",
     "epoch": 1781869053, "size": 1506803712, "trusted": ["kernel.org sha256:..."],
     "references":
         {"git+https://example.org/linux#v6.1.176": {"id": ..., "commit": ..., "tag": ...}}}

The digest is the name of the directory, which holds the tree: the cache can be moved. `epoch` is in
seconds, `size` in bytes on disk. `trusted` lists what has verified the source so far (see
`origin.trust_in`): another catalog may trust other keys. `references` maps names in repositories to
the objects they referred to when they were last resolved: the object's ID, the commit, and the text
of a tag object in base64, so that its signature can be checked again.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.files import write_atomic
from ingot.source.origin import Source
from ingot.version import KernelVersion
from ingot.web import without_secrets

_FILE = "source.json"


@dataclass(frozen=True, slots=True)
class Reference:
    """The object that a name in a git repository referred to when it was last resolved.

    `id` is the ID of the object, a commit or a tag; `tag` holds the bytes of the tag object, and is
    empty if the name refers to the commit itself.
    """

    id: str
    commit: str
    tag: bytes = b""

    def to_json(self) -> dict[str, str]:
        return {
            "id": self.id,
            "commit": self.commit,
            "tag": base64.b64encode(self.tag).decode(),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        return cls(str(fields["id"]), str(fields["commit"]), base64.b64decode(fields["tag"]))


@dataclass(frozen=True, slots=True)
class CachedSource:
    """A source in the cache, its size on disk, the git names for it, and what has verified it."""

    source: Source
    size: int
    references: Mapping[str, Reference] = field(default_factory=dict, hash=False)
    trusted: frozenset[str] = frozenset()


def digest_named(name: str) -> Digest | None:
    """The digest that a directory is named by, or None for any other name."""
    return Digest(name) if re.fullmatch(r"[0-9a-f]{64}", name) else None


def read_entry(directory: Path) -> CachedSource | None:
    """The source in a directory of the cache; None if it is incomplete or unreadable."""
    digest = digest_named(directory.name)
    if digest is None:
        return None
    try:
        fields = json.loads((directory / _FILE).read_bytes())
        source = Source(
            version=KernelVersion.parse(fields["version"]),
            origin=str(fields["origin"]),
            digest=digest,
            tree=directory / "tree",
            epoch=int(fields["epoch"]),
            url=without_secrets(str(fields["url"])),
            evidence=str(fields["evidence"]),
            commit=str(fields.get("commit", "")),
        )
        references = {
            name: Reference.from_json(row) for name, row in fields.get("references", {}).items()
        }
        trusted = frozenset(map(str, fields.get("trusted", ())))
        entry = CachedSource(source, int(fields["size"]), references, trusted)
        return entry if source.tree.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IngotError):
        # Such a directory counts as absent: it is replaced when the source is needed.
        return None


def write_entry(directory: Path, entry: CachedSource) -> None:
    """Write `source.json` into a directory."""
    source = entry.source
    fields = {
        "version": str(source.version),
        "origin": source.origin,
        "url": source.url,
        "evidence": source.evidence,
        "commit": source.commit,
        "epoch": source.epoch,
        "size": entry.size,
        "trusted": sorted(entry.trusted),
        "references": {name: found.to_json() for name, found in entry.references.items()},
    }
    write_atomic(directory / _FILE, json.dumps(fields, indent=1).encode() + b"\n")
