"""The answer for one kernel: each CVE that is open by version, and whether it concerns the kernel.

A set of compiled files that cannot be right is refused: without any file, or with names that are
not those of the source tree, no CVE would ever be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingot.compiled_files import CompiledFiles
from ingot.cves.data import DataIdentity
from ingot.cves.record import Record
from ingot.cves.records import Records, Unreadable, open_by_version, order_of
from ingot.cves.release_ranges import END, number_of, version_of
from ingot.cves.verdict import CompiledIndex, Status, Verdict, guess, judge_files
from ingot.errors import UserError
from ingot.version import KernelVersion

_FIRST_FILE = "init/main.c"
"""The file with start_kernel(), which is in every kernel that was ever compiled."""
_SHARE_IN_TREE = 0.9


@dataclass(frozen=True, slots=True)
class Finding:
    """A CVE that is open by version, and the verdict on it.

    `fixed_in` is the first release of the kernel's series that has the fix; None if there is none
    yet.
    """

    record: Record
    verdict: Verdict
    fixed_in: KernelVersion | None = None

    @property
    def cve(self) -> str:
        return self.record.cve

    @property
    def order(self) -> tuple[int, int]:
        """The year and the number of the CVE."""
        return order_of(self.cve)

    @property
    def status(self) -> Status:
        return self.verdict.status

    def has_fix_among(self, versions: Iterable[KernelVersion]) -> bool:
        """Whether one of the versions is a release of the same series with the fix."""
        return self.fixed_in is not None and any(
            version.series == self.fixed_in.series and version >= self.fixed_in
            for version in versions
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The CVEs of one kernel, in order of their IDs.

    `unreadable` are records that cannot be used, of which no one knows whether the kernel has their
    CVE. `data` says which records were read.
    """

    version: KernelVersion
    data: DataIdentity
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...] = ()

    def with_status(self, status: Status) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status is status)

    @property
    def affected(self) -> tuple[Finding, ...]:
        return self.with_status(Status.AFFECTED)

    @property
    def not_affected(self) -> tuple[Finding, ...]:
        return self.with_status(Status.NOT_AFFECTED)

    @property
    def undecided(self) -> tuple[Finding, ...]:
        return self.with_status(Status.UNDECIDED)


def judge(
    records: Records,
    version: KernelVersion,
    compiled: CompiledFiles | None,
    switched_off: Mapping[str, str] | None = None,
) -> Answer:
    """The answer for a kernel of this version that was compiled from these files.

    Without compiled files, every CVE that is open by version is undecided; `switched_off` are files
    that a config switches off, each with an option: a reason that does not prove it. UserError for
    compiled files that cannot be those of a kernel.
    """
    found = open_by_version(records, version)
    if compiled is None:
        off = switched_off or {}
        verdicts: Iterable[Verdict] = (guess(record.files, off) for record in found)
    else:
        require_compiled(compiled)
        index = CompiledIndex(compiled)
        verdicts = (judge_files(record.files, index) for record in found)
    findings = tuple(
        Finding(record, verdict, _fixed_in(record, version))
        for record, verdict in zip(found, verdicts, strict=True)
    )
    return Answer(version, records.data, findings, records.unreadable)


def require_compiled(compiled: CompiledFiles) -> None:
    """UserError for compiled files that cannot be those of a kernel."""
    files = compiled.built_in.union(*compiled.modules.values())
    why = ""
    if not files:
        why = "it lists no files"
    elif not compiled.tree:
        why = "it does not say which files the source tree has"
    elif len(files & compiled.tree) < _SHARE_IN_TREE * len(files):
        example = min(files - compiled.tree)
        why = (
            f"of {len(files):,} files, {len(files & compiled.tree):,} are in the source tree;"
            f" {example} is not"
        )
    elif _FIRST_FILE not in compiled.built_in:
        why = f"{_FIRST_FILE}, which every kernel is compiled from, is not listed"
    elif not any(file.endswith(".h") for file in files):
        why = "it lists no header files"
    if why:
        raise UserError(
            "the list of compiled files is not that of a kernel",
            why=f"{why}; with such a list, no CVE would be found",
            hint="build the kernel again",
        )


def _fixed_in(record: Record, version: KernelVersion) -> KernelVersion | None:
    """The first release of the version's series, after it, that does not have the CVE."""
    number = number_of(version)
    for first, after in record.open_ranges:
        if first <= number < after < END:
            return version_of(after, version.series)
    return None
