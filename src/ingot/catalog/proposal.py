"""A proposal to add versions: the changed catalog, and the files that would change.

Nothing is written until the caller calls `Proposal.write`: configs can be resolved and a diff
shown for a catalog that is only proposed.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingot.catalog import catalog_edit, catalog_tables
from ingot.catalog.catalog_directory import Catalog
from ingot.catalog.catalog_load import parse
from ingot.digest import Digest
from ingot.files import write_atomic
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to add to the catalog, and its source's digest by origin.

    `end_of_life` is that of its series, and only used if the catalog does not have the series.
    """

    version: KernelVersion
    pins: Mapping[str, Digest] = field(default_factory=dict, hash=False)
    end_of_life: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A changed catalog, and the new text of each file that changes."""

    catalog: Catalog
    files: Mapping[Path, str] = field(hash=False)

    def diff(self) -> str:
        """The changes in the format of `diff -u`; empty if nothing changes."""
        home = self.catalog.root.parent
        return "".join(
            line
            for path, text in self.files.items()
            for line in _diff(path, text, str(path.relative_to(home)))
        )

    def write(self) -> None:
        """Write the files, each atomically, the catalog's own first."""
        for path, text in self.files.items():
            write_atomic(path, text.encode())


def _diff(path: Path, text: str, name: str) -> Iterator[str]:
    """The lines of `diff -u` between a file, which need not exist, and its new text."""
    old, label = "", "/dev/null"
    if path.is_file():
        old, label = path.read_text(encoding="utf-8"), f"a/{name}"
    return difflib.unified_diff(
        old.splitlines(keepends=True), text.splitlines(keepends=True), label, f"b/{name}"
    )


def propose(catalog: Catalog, versions: Iterable[NewVersion]) -> Proposal:
    """The catalog with more versions, its file, and the tables in the documents next to it.

    Raises UserError if lines cannot be added to the file (see `catalog_edit.add_version`).
    """
    before = catalog.file.read_text(encoding="utf-8")
    text = before
    for new in versions:
        text = catalog_edit.add_version(text, new.version, new.pins, new.end_of_life)
    changed = parse(text, catalog.root)
    files = {catalog.file: text} if text != before else {}
    return Proposal(changed, files | catalog_tables.renewals(changed))
