"""One CVE record of the kernel's CNA, reduced to what decides whether it concerns a kernel.

Source: CVE Record Format 5.1 (`containers.cna.affected`, "product versions"), and the records that
the kernel's CNA publishes. Each has two entries of `affected`. One lists commits; the other lists
releases, with `defaultStatus` "affected" and ranges that are not. The first one can also list
releases, of stable series to which the mistake was backported.

All entries of `affected` count, and "affected" wins wherever two contradict each other, but for one
known contradiction: some records state for each stable series that it is affected from 0 until the
release with its fix. The range of a later series then includes the fixed releases of an earlier
one. There the fix wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ingot.cves.release_ranges import (
    END,
    NotAReleaseError,
    Range,
    all_but,
    end_of,
    joined,
    release_number,
    without,
)
from ingot.printable import one_line

RECORD_BYTES = 4 << 20
"""The largest record that is read: those of 2026 have 60 KiB at most."""

_ID = re.compile(r"CVE-[0-9]{4}-[0-9]{4,12}")
_TITLE = 300
_FILES = 10_000
_PATH = re.compile(r"[^\x00-\x1f\x7f/\\]+(?:/[^\x00-\x1f\x7f/\\]+)*")
_PATH_LENGTH = 4095
_NOT_READ = ("git",)
"""The types of versions that do not say anything about releases."""
_STATUSES = ("affected", "unaffected", "unknown")


class RecordError(ValueError):
    """A record that cannot be used; the message is one line and says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A published CVE.

    `files` are the files that its first fix in mainline changed (`programFiles`), relative to the
    top of the source tree. `open_ranges` are the releases that have it. `score` is its CVSS base
    score, if the record has one.
    """

    cve: str
    title: str
    files: tuple[str, ...]
    open_ranges: tuple[Range, ...]
    score: float | None = None

    def is_open_in(self, release: int) -> bool:
        """Whether a release, given as its number, has it."""
        return any(first <= release < after for first, after in self.open_ranges)


def parse_record(data: bytes) -> Record | None:
    """The record in a JSON file; None if it is rejected, or not about the Linux kernel.

    RecordError if it cannot be used. A record that is only partly understood is not used: what is
    not understood might say that a kernel has the CVE.
    """
    cna, cve = _published(_document(data))
    if cna is None:
        return None
    entries = [each for each in _list(cna, "affected") if _is_kernel(each)]
    if not entries:
        return None
    return Record(
        cve,
        one_line(_text(cna, "title", cve), _TITLE),
        tuple(dict.fromkeys(file for entry in entries for file in _files(entry))),
        tuple(_open_ranges(entries)),
        _score(cna),
    )


def _document(data: bytes) -> dict[str, Any]:
    import orjson  # only here: most verbs read no record

    if len(data) > RECORD_BYTES:
        raise RecordError(f"it has more than {RECORD_BYTES:,} bytes")
    try:
        document = orjson.loads(data)
        # orjson keeps the last of several equal keys; then there are fewer keys than in the file
        if data.count(b'":') != orjson.dumps(document).count(b'":'):
            json.loads(data, object_pairs_hook=_distinct)
    except RecordError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"it is not valid JSON: {one_line(str(error), 120)}") from None
    if not isinstance(document, dict):
        raise RecordError("it is not a JSON object")
    return document


def _distinct(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordError(f"it has the key '{one_line(twice, 40)}' twice in one object")
    return found


def _published(document: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The CNA's part of a record, None if the record is rejected; and the CVE's ID."""
    metadata = _table(document, "cveMetadata")
    cve = _text(metadata, "cveId")
    if not _ID.fullmatch(cve):
        raise RecordError(f"its ID '{one_line(cve, 40)}' is not a CVE's")
    state = _text(metadata, "state")
    if state == "REJECTED":
        return None, cve
    if state != "PUBLISHED":
        raise RecordError(f"its state '{one_line(state, 40)}' is neither PUBLISHED nor REJECTED")
    return _table(_table(document, "containers"), "cna"), cve


def _is_kernel(entry: object) -> bool:
    if not isinstance(entry, dict):
        raise RecordError("an entry of its 'affected' is not an object")
    return entry.get("vendor") == "Linux" and entry.get("product") == "Linux"


def _files(entry: dict[str, Any]) -> list[str]:
    files = _list(entry, "programFiles") if "programFiles" in entry else []
    if len(files) > _FILES:
        raise RecordError(f"it lists {len(files):,} files")
    for file in files:
        if not isinstance(file, str):
            raise RecordError("an entry of its 'programFiles' is not text")
        parts = file.split("/")
        if len(file) > _PATH_LENGTH or not _PATH.fullmatch(file) or {".", ".."} & set(parts):
            raise RecordError(f"'{one_line(file, 80)}' is not a path in a source tree")
    return files


def _open_ranges(entries: Sequence[dict[str, Any]]) -> list[Range]:
    """The releases that have the CVE according to any of the entries."""
    affected: list[Range] = []
    unaffected: list[Range] = []
    found: list[Range] = []
    for entry in entries:
        stated, others = _stated_ranges(entry)
        affected += stated
        unaffected += others
        if _text(entry, "defaultStatus", "unknown") != "unaffected":
            found += all_but(others)
    if not (affected or unaffected or found):
        raise RecordError("it lists no releases, only commits")
    # "from 0 to 6.6.113" is meant for 6.6 alone, if 6.1 was fixed in 6.1.157
    from_begin = [each for each in affected if each[0] == 0]
    later_fixes = [each for each in unaffected if each[0] > 0]
    found += [each for each in affected if each[0] > 0]
    return joined([*found, *without(from_begin, later_fixes)])


def _stated_ranges(entry: dict[str, Any]) -> tuple[list[Range], list[Range]]:
    """The releases that an entry states to be affected, and to be unaffected."""
    affected: list[Range] = []
    unaffected: list[Range] = []
    for version in _list(entry, "versions") if "versions" in entry else []:
        if not isinstance(version, dict):
            raise RecordError("an entry of its 'versions' is not an object")
        if version.get("versionType") in _NOT_READ:
            continue
        status = version.get("status")
        if status not in _STATUSES or "changes" in version:
            raise RecordError("an entry of its 'versions' has a status that is not known")
        (unaffected if status == "unaffected" else affected).append(_range(version))
    return affected, unaffected


def _range(version: dict[str, Any]) -> Range:
    try:
        first = release_number(_text(version, "version"))
        if "lessThan" in version:
            limit = _text(version, "lessThan")
            return first, END if limit == "*" else release_number(limit)
        if "lessThanOrEqual" in version:
            return first, end_of(_text(version, "lessThanOrEqual"))
    except NotAReleaseError as error:
        raise RecordError(one_line(str(error))) from None
    return first, first + 1


def _score(cna: dict[str, Any]) -> float | None:
    """The highest base score of CVSS; None if the record has none, or none that can be read."""
    metrics = cna.get("metrics")
    found = []
    for metric in metrics if isinstance(metrics, list) else []:
        for value in metric.values() if isinstance(metric, dict) else []:
            score = value.get("baseScore") if isinstance(value, dict) else None
            if isinstance(score, int | float) and 0 <= score <= 10:
                found.append(float(score))
    return max(found, default=None)


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name)
    return value if isinstance(value, dict) else _wrong(table, name, "an object")


def _list(table: dict[str, Any], name: str) -> list[Any]:
    value = table.get(name)
    return value if isinstance(value, list) else _wrong(table, name, "a list")


def _text(table: dict[str, Any], name: str, default: str | None = None) -> str:
    value = table.get(name, default)
    return value if isinstance(value, str) else _wrong(table, name, "text")


def _wrong(table: dict[str, Any], name: str, wanted: str) -> NoReturn:
    raise RecordError(f"its '{name}' is not {wanted}" if name in table else f"it has no '{name}'")
