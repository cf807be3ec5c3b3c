"""All records of one place, read once and then from an index.

An index is a file of the cache, named by the identity of the data and the format:

    cves/<digest>.json      {"format": 1, "rows": [[cve, title, files, ranges, score], ...], ...}

It is only a copy of what the data says: an index that cannot be read is made again.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.cves.data import CveData, DataIdentity, RecordFile, open_data
from ingot.cves.record import Record, RecordError, parse_record
from ingot.cves.release_ranges import number_of
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.printable import one_line
from ingot.progress import Progress, Silent
from ingot.version import KernelVersion

_FORMAT = 1
_NAME = 200


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be used: no one knows whether a kernel has its CVE."""

    cve: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one place. `skipped` are those rejected, or not about the Linux kernel."""

    data: DataIdentity
    unreadable: tuple[Unreadable, ...]
    skipped: int
    rows: Sequence[Sequence[Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Record]:
        return map(_record_of, self.rows)


def load_records(path: Path, indexes: Path, progress: Progress | None = None) -> Records:
    """The records at a path: a tarball, a directory or a git repository.

    `indexes` is the directory of the cache for indexes. UserError if there are no records, or the
    data as a whole cannot be read. A single record that cannot be used is in `unreadable`.
    """
    data = open_data(path)
    identity = data.identity()
    index = indexes / f"{Digest.of(f'{_FORMAT} {identity.digest}'.encode()).hex}.json"
    found = _read_index(index, identity)
    if found is None:
        with (progress or Silent()).step(f"read the CVE records of {path.name}") as step:
            found = _read_all(data, identity, indexes)
            step.result(f"{len(found):,} records")
        if not (found.rows or found.unreadable):
            raise UserError(
                f"{path} contains no CVE records of the Linux kernel",
                why="a record is a file such as published/2026/CVE-2026-64257.json",
                hint="check the path",
            )
        _write_index(index, found)
    return found


def open_by_version(records: Records, version: KernelVersion) -> tuple[Record, ...]:
    """The CVEs that this version has, by the ranges of releases in their records.

    A release candidate has all that the release before it has, and all that its own release has:
    no record says in which candidate something came or went.
    """
    numbers = [number_of(version)]
    if version.candidate:
        numbers.append(numbers[0] - 1)
    return tuple(
        _record_of(row)
        for row in records.rows
        if any(first <= number < after for first, after in row[3] for number in numbers)
    )


def _read_all(data: CveData, identity: DataIdentity, work: Path) -> Records:
    found: dict[str, Record | None] = {}
    unreadable: dict[str, Unreadable] = {}
    newest: datetime.datetime | None = None
    for file, time in data.files(work):
        newest = max(filter(None, (newest, time)), default=None)
        try:
            record = _parse(file)
            if file.cve in found and found[file.cve] != record:
                raise RecordError("there are two records of it, which differ")
            found[file.cve] = record
        except RecordError as error:
            name = one_line(file.name, _NAME)
            unreadable.setdefault(file.cve, Unreadable(file.cve, name, str(error)))
    records = [found[cve] for cve in sorted(found, key=order_of) if cve not in unreadable]
    rows = [_row_of(record) for record in records if record]
    return Records(
        DataIdentity(identity.name, identity.digest, identity.commit, identity.date or newest),
        tuple(unreadable[cve] for cve in sorted(unreadable, key=order_of)),
        len(records) - len(rows),
        rows,
    )


def _parse(file: RecordFile) -> Record | None:
    record = parse_record(file.data)
    if record and record.cve != file.cve:
        raise RecordError(f"it is the record of {record.cve}")
    return record


def order_of(cve: str) -> tuple[int, int]:
    """The order of CVEs: by year and number."""
    _, year, number = cve.split("-")
    return int(year), int(number)


def _row_of(record: Record) -> list[Any]:
    ranges = [list(each) for each in record.open_ranges]
    return [record.cve, record.title, list(record.files), ranges, record.score]


def _record_of(row: Sequence[Any]) -> Record:
    cve, title, files, ranges, score = row
    return Record(cve, title, tuple(files), tuple((a, b) for a, b in ranges), score)


def _write_index(path: Path, records: Records) -> None:
    import orjson

    date = records.data.date
    document = {
        "format": _FORMAT,
        "date": date.timestamp() if date else None,
        "skipped": records.skipped,
        "unreadable": [[each.cve, each.name, each.why] for each in records.unreadable],
        "rows": records.rows,
    }
    # text that is not UTF-8, such as a name with a lone surrogate, only costs the index
    with contextlib.suppress(TypeError):
        write_atomic(path, orjson.dumps(document))


def _read_index(path: Path, identity: DataIdentity) -> Records | None:
    """The records of an index; None if there is none that can be read."""
    import orjson

    try:
        document: Mapping[str, Any] = orjson.loads(path.read_bytes())
        date = document["date"]
        return Records(
            DataIdentity(
                identity.name,
                identity.digest,
                identity.commit,
                None if date is None else datetime.datetime.fromtimestamp(date, datetime.UTC),
            ),
            tuple(Unreadable(*each) for each in document["unreadable"]),
            document["skipped"],
            document["rows"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
