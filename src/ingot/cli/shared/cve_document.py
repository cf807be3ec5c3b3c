"""The JSON document about the CVEs of a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingot.cli.documents.parts import cve_counts_part
from ingot.cves import Answer, DataIdentity, Finding, Subject, reason_of
from ingot.kernel_cves import counts_of
from ingot.version import KernelVersion

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import CveDataPart, CvePart, CvesDocument


def cves_document(
    answer: Answer, subject: Subject, versions: Sequence[KernelVersion], stale: Sequence[str]
) -> CvesDocument:
    """The document; `versions` are those of the catalog, `stale` are its stale decisions."""
    counts = cve_counts_part(counts_of(answer))
    assert counts is not None
    return {
        "image": subject.name,
        "digest": subject.digest or None,
        "version": str(answer.version),
        "cve_counts": counts,
        "cve_data": _data(answer.data),
        "cves": [_cve(finding, versions) for finding in answer.findings],
        "unreadable": [
            {"cve": each.cve, "name": each.name, "reason": each.why} for each in answer.unreadable
        ],
        "stale_decisions": list(stale),
    }


def _data(data: DataIdentity) -> CveDataPart:
    return {
        "name": data.name,
        "digest": str(data.digest),
        "commit": data.commit or None,
        "date": f"{data.date:%Y-%m-%d}" if data.date else None,
    }


def _cve(finding: Finding, versions: Sequence[KernelVersion]) -> CvePart:
    record, verdict = finding.record, finding.verdict
    return {
        "cve": record.cve,
        "title": record.title,
        "score": record.score,
        "status": verdict.status.value,
        "cause": verdict.cause.name.lower(),
        "reason": reason_of(finding),
        "program_files": list(record.files),
        "compiled_into": list(verdict.compiled_into),
        "options_off": list(verdict.options),
        "fixed_in": str(finding.fixed_in) if finding.fixed_in else None,
        "fix_in_catalog": finding.has_fix_among(versions),
    }
