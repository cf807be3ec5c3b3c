"""The CVEs of kernels at hand, for the verbs that show them beside other data.

They are shown only if there are records on this machine, and only for kernels whose compiled files
are known. To judge a kernel takes a fraction of a second, so its counts are kept in the cache,
named by the digest of all that decides them:

    cves/counts/<digest>.json     {"open": 1908, "affected": 61, "undecided": 88}
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from ingot.compiled_artifact import (
    compiled_files_in,
    digest_in,
    digest_in_registry,
    fetch_compiled_files,
)
from ingot.compiled_files import CompiledFiles
from ingot.cves import (
    DECISIONS_FILE,
    Answer,
    Decision,
    Records,
    decide,
    judge,
    load_decisions,
    load_records,
)
from ingot.cves.data import open_data
from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.files import read_text, write_atomic
from ingot.images import KernelLabels
from ingot.progress import Progress, Silent
from ingot.setting import Project
from ingot.version import KernelVersion

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
    """The kernels of a project, judged by the records at `data`: a git repository, a directory or a
    tarball (see `ingot.cves`), and by the decisions of the catalog's cves.toml.

    Records are read when the first kernel is judged. A UserError if they cannot be read.
    """

    def __init__(
        self, data: Path, project: Project, today: datetime.date, progress: Progress | None = None
    ) -> None:
        self._data = data
        self._project = project
        self._today = today
        self._progress = progress or Silent()

    @cached_property
    def _identity(self) -> str:
        """What decides the counts, apart from the kernel: with decisions, they can end any day."""
        identity = f"{_FORMAT} {open_data(self._data).identity().digest}"
        decisions = read_text(self._project.catalog.root / DECISIONS_FILE)
        if decisions is None:
            return identity
        return f"{identity} {Digest.of(decisions.encode())} {self._today}"

    @cached_property
    def _records(self) -> Records:
        return load_records(self._data, self._project.workspace.cves, self._progress)

    @cached_property
    def _decisions(self) -> tuple[Decision, ...]:
        catalog = self._project.catalog
        return load_decisions(
            catalog.root / DECISIONS_FILE,
            lambda name: [kernel.tag for kernel in catalog.select([name])],
        )

    def judge(self, version: KernelVersion, tag: str, compiled: CompiledFiles) -> Answer:
        """The CVEs of the kernel with this tag (6.1.176-minimal), compiled from these files."""
        answer = judge(self._records, version, compiled)
        return decide(answer, self._decisions, tag, self._today)[0]

    def answer_in_store(self, facts: KernelLabels, tag: str) -> Answer | None:
        """The CVEs of a kernel of the store; None if its compiled files are not known."""
        compiled = compiled_files_in(self._project.layout, facts)
        return self.judge(_version(facts), tag, compiled) if compiled else None

    def answer_in_registry(
        self, repository: str, facts: KernelLabels, tag: str, *, insecure: bool = False
    ) -> Answer | None:
        """The same in a registry, where `repository` is the name of any image of the kernel."""
        compiled = fetch_compiled_files(repository, facts, insecure=insecure)
        return self.judge(_version(facts), tag, compiled) if compiled else None

    def counts_in_store(self, facts: KernelLabels, tag: str) -> CveCounts | None:
        """The counts of a kernel of the store; None if its compiled files are not known."""
        files = digest_in(self._project.layout, facts)
        return self._counts(facts, tag, files, lambda: self.answer_in_store(facts, tag))

    def counts_in_registry(
        self, repository: str, facts: KernelLabels, tag: str, *, insecure: bool = False
    ) -> CveCounts | None:
        """The same in a registry; arguments are those of `answer_in_registry`."""
        files = digest_in_registry(repository, facts, insecure=insecure)
        return self._counts(
            facts,
            tag,
            files,
            lambda: self.answer_in_registry(repository, facts, tag, insecure=insecure),
        )

    def _counts(
        self, facts: KernelLabels, tag: str, files: Digest | None, read: Callable[[], Answer | None]
    ) -> CveCounts | None:
        """The kept counts of the kernel whose compiled files have this digest, else new ones.

        None, with a note, if the kernel cannot be judged.
        """
        if files is None:
            return None
        decided_by = f"{self._identity} {facts.version} {tag} {files}"
        name = f"{Digest.of(decided_by.encode()).hex}.json"
        kept = self._project.workspace.cves / "counts" / name
        if (found := _read_counts(kept)) is not None:
            return found
        try:
            answer = read()
        except IngotError as error:
            self._progress.note(f"the CVEs of {tag} are not known: {error}")
            return None
        if answer is None:
            return None
        found = counts_of(answer)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, json.dumps(asdict(found)).encode())
        return found


def _version(facts: KernelLabels) -> KernelVersion:
    return KernelVersion.parse(facts.version)


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
