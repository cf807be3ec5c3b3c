"""The CVEs of kernels at hand, for the verbs that show them beside other data.

They are shown only if there are records on this machine, and only for kernels whose compiled files
are known. To judge a kernel takes a fraction of a second, so its counts are kept in the cache,
named by the digest of all that decides them:

    cves/counts/<digest>.json     {"open": 1908, "affected": 61, "undecided": 88}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.compiled_artifact import (
    compiled_files_in,
    digest_in,
    digest_in_registry,
    fetch_compiled_files,
)
from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.files import write_atomic
from ingot.progress import Progress, Silent
from ingot.version import KernelVersion

if TYPE_CHECKING:
    from ingot.compiled_files import CompiledFiles
    from ingot.cves import Answer, Records
    from ingot.images import KernelLabels
    from ingot.oci import Layout
    from ingot.workspace import Workspace

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CveCounts:
    """How many CVEs are open in a kernel's version; of those, how many are in files that it was
    compiled from (`affected`), and for how many that is not known (`undecided`)."""

    open: int
    affected: int
    undecided: int

    @property
    def not_affected(self) -> int:
        return self.open - self.affected - self.undecided


@dataclass(frozen=True, slots=True)
class CveChanges:
    """The CVEs in compiled files that one kernel has and another does not, by ID.

    `closed` are those that only the first kernel has, `opened` those that only the second has.
    """

    closed: tuple[str, ...]
    opened: tuple[str, ...]


class KernelCves:
    """The records at `data`: a git repository, a directory or a tarball (see `ingot.cves`).

    They are read when the first kernel is judged. Methods raise a UserError if they cannot be read.
    """

    def __init__(self, data: Path, workspace: Workspace, progress: Progress | None = None) -> None:
        self._data = data
        self._directory = workspace.cves
        self._progress = progress or Silent()

    @cached_property
    def _identity(self) -> Digest:
        from ingot.cves.data import open_data

        return open_data(self._data).identity().digest

    @cached_property
    def _records(self) -> Records:
        from ingot.cves import load_records

        return load_records(self._data, self._directory, self._progress)

    def judge(self, version: KernelVersion, compiled: CompiledFiles) -> Answer:
        """The CVEs of a kernel of this version that was compiled from these files."""
        from ingot.cves import judge

        return judge(self._records, version, compiled)

    def counts(
        self, version: KernelVersion, files: Digest, read: Callable[[], CompiledFiles | None]
    ) -> CveCounts | None:
        """The counts of a kernel; `files` is the digest of its compiled files, which are only read
        if its counts are not kept yet. None if they cannot be read or judged."""
        decided_by = f"{_FORMAT} {self._identity} {version} {files}"
        kept = self._directory / "counts" / f"{Digest.of(decided_by.encode()).hex}.json"
        if (found := _read_counts(kept)) is not None:
            return found
        try:
            compiled = read()
            if compiled is None:
                return None
            found = counts_of(self.judge(version, compiled))
        except IngotError as error:
            self._progress.note(f"the CVEs of {version} are not known: {error}")
            return None
        write_atomic(kept, json.dumps(asdict(found)).encode())
        return found

    def counts_in_store(self, layout: Layout, facts: KernelLabels) -> CveCounts | None:
        """The counts of a kernel of the store; None if its compiled files are not known."""
        files, version = digest_in(layout, facts), KernelVersion.parse(facts.version)
        if files is None:
            return None
        return self.counts(version, files, lambda: compiled_files_in(layout, facts))

    def counts_in_registry(
        self, repository: str, facts: KernelLabels, *, insecure: bool = False
    ) -> CveCounts | None:
        """The same in a registry, where `repository` is the name of any image of the kernel."""
        files = digest_in_registry(repository, facts, insecure=insecure)
        if files is None:
            return None
        return self.counts(
            KernelVersion.parse(facts.version),
            files,
            lambda: fetch_compiled_files(repository, facts, insecure=insecure),
        )


def open_cves(
    data: Path | None, workspace: Workspace, progress: Progress | None = None
) -> KernelCves | None:
    """The records at `data`, else the kept clone of the CNA's repository; None without both."""
    if data is None and not workspace.cve_clone.exists():
        return None
    return KernelCves(data or workspace.cve_clone, workspace, progress)


def counts_of(answer: Answer) -> CveCounts:
    return CveCounts(len(answer.findings), len(answer.affected), len(answer.undecided))


def changes_between(before: Answer, after: Answer) -> CveChanges:
    """The CVEs in compiled files that only one of two kernels has."""
    one = [finding.cve for finding in before.affected]
    two = [finding.cve for finding in after.affected]
    return CveChanges(
        tuple(cve for cve in one if cve not in set(two)),
        tuple(cve for cve in two if cve not in set(one)),
    )


def _read_counts(path: Path) -> CveCounts | None:
    """The kept counts; None if there are none that can be read."""
    try:
        found = CveCounts(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    numbers = (found.open, found.affected, found.undecided, found.not_affected)
    return found if all(type(number) is int and number >= 0 for number in numbers) else None
