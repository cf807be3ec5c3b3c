"""An answer as OpenVEX, and as CycloneDX VEX.

Sources: OpenVEX specification 0.2.0; CycloneDX 1.6, "vulnerabilities". The same answer always gives
the same bytes: the serial number is made from what the document is about, and the time is that of
the CVE data, from which all statements follow.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.cves.answer import Answer, Finding
from ingot.cves.verdict import Status
from ingot.errors import UserError

_NAMESPACE = uuid.UUID("5b0d8c1e-2f0a-5d6b-9d53-1c7d1c3b7f0a")
"""For serial numbers: any fixed UUID would do."""
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_RECORD_URL = "https://www.cve.org/CVERecord?id="

_OPENVEX: Mapping[Status, str] = {
    Status.AFFECTED: "affected",
    Status.NOT_AFFECTED: "not_affected",
    Status.UNDECIDED: "under_investigation",
    Status.FIXED: "fixed",
}
_CYCLONEDX: Mapping[Status, str] = {
    Status.AFFECTED: "exploitable",
    Status.NOT_AFFECTED: "not_affected",
    Status.UNDECIDED: "in_triage",
    Status.FIXED: "resolved",
}
_NOT_PRESENT = "vulnerable_code_not_present"
_JUSTIFICATIONS: Mapping[str, str] = {
    "component_not_present": "code_not_present",
    _NOT_PRESENT: "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "protected_at_runtime",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
"""CycloneDX's words for those of OpenVEX."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The kernel that an answer is about: its name for people, and its image if it has one.

    `digest` is of the image's manifest; `repository` is where the image can be pulled.
    """

    name: str
    digest: str = ""
    repository: str = ""

    def purl(self, version: str) -> str:
        """The package URL of the image, else of the kernel."""
        if not self.digest:
            return f"pkg:generic/linux-kernel@{version}"
        name = self.name.rpartition("/")[2].partition(":")[0].lower()
        query = f"?repository_url={self.repository}" if self.repository else ""
        return f"pkg:oci/{name}@{self.digest.replace(':', '%3A')}{query}"


def reason_of(finding: Finding) -> str:
    """Why a CVE has its status, in one sentence for people."""
    verdict = finding.verdict
    if verdict.reason:
        return f"{verdict.cause.value}: {verdict.reason}"
    files = f": {_first(verdict.files)}" if verdict.files else ""
    verb = "is" if len(verdict.options) == 1 else "are"
    options = f"; {_first(verdict.options)} {verb} off" if verdict.options else ""
    return f"{verdict.cause.value}{files}{options}"


def _first(names: Sequence[str]) -> str:
    """The first three names, and a sign if there are more."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def openvex_document(answer: Answer, subject: Subject) -> dict[str, Any]:
    """The answer as an OpenVEX document; it has a statement for each CVE that is open.

    UserError if no CVE is open: the schema of OpenVEX requires a statement.
    """
    if not answer.findings:
        raise UserError(
            f"there is no OpenVEX document for {subject.name}",
            why=f"no CVE is open in {answer.version}, and OpenVEX requires at least one statement",
            hint="use --format cyclonedx or --json, which may be without CVEs",
        )
    version = str(answer.version)
    product: dict[str, Any] = {"@id": subject.purl(version)}
    if subject.digest:
        product["subcomponents"] = [{"@id": f"pkg:generic/linux-kernel@{version}"}]
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"urn:uuid:{_serial(answer, subject)}",
        "author": "Ingot",
        "role": "Document Creator",
        "timestamp": _time(answer),
        "version": 1,
        "tooling": _tooling(answer),
        "statements": [
            _openvex_statement(finding, product, _time(answer)) for finding in answer.findings
        ],
    }


def _openvex_statement(finding: Finding, product: dict[str, Any], time: str) -> dict[str, Any]:
    verdict = finding.verdict
    statement: dict[str, Any] = {
        "vulnerability": {
            "@id": f"{_RECORD_URL}{finding.cve}",
            "name": finding.cve,
            "description": finding.record.title,
        },
        "timestamp": time,
        "products": [product],
        "status": _OPENVEX[verdict.status],
        "status_notes": reason_of(finding),
    }
    if verdict.status is Status.NOT_AFFECTED:
        # the schema allows this or an impact statement, not both
        statement["justification"] = verdict.justification or _NOT_PRESENT
    elif verdict.status is Status.AFFECTED:
        statement["action_statement"] = _action(finding)
    return statement


def cyclonedx_document(answer: Answer, subject: Subject) -> dict[str, Any]:
    """The answer as CycloneDX 1.6: one component, the kernel, and a vulnerability for each CVE."""
    version = str(answer.version)
    reference = subject.purl(version)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(answer, subject)}",
        "version": 1,
        "metadata": {
            "timestamp": _time(answer),
            "tools": {"components": [{"type": "application", "name": "ingot"}]},
            "component": {
                "type": "container" if subject.digest else "operating-system",
                "bom-ref": reference,
                "name": subject.name,
                "version": subject.digest or version,
                "purl": reference,
                "cpe": f"cpe:2.3:o:linux:linux_kernel:{version}:*:*:*:*:*:*:*",
            },
            "properties": [{"name": "ingot:cve-data", "value": _tooling(answer)}],
        },
        "vulnerabilities": [_vulnerability(finding, reference) for finding in answer.findings],
    }


def _vulnerability(finding: Finding, reference: str) -> dict[str, Any]:
    verdict = finding.verdict
    analysis: dict[str, Any] = {
        "state": _CYCLONEDX[verdict.status],
        "detail": reason_of(finding),
    }
    if verdict.status is Status.NOT_AFFECTED:
        analysis["justification"] = _JUSTIFICATIONS[verdict.justification or _NOT_PRESENT]
    if verdict.status is Status.AFFECTED and finding.fixed_in:
        analysis["response"] = ["update"]
    found: dict[str, Any] = {
        "bom-ref": finding.cve,
        "id": finding.cve,
        "source": {"name": "CVE", "url": f"{_RECORD_URL}{finding.cve}"},
        "description": finding.record.title,
        "analysis": analysis,
        "affects": [{"ref": reference}],
    }
    if finding.record.score is not None:
        found["ratings"] = [{"score": finding.record.score, "method": "CVSSv31"}]
    if verdict.status is Status.AFFECTED:
        found["recommendation"] = _action(finding)
    return found


def _action(finding: Finding) -> str:
    if finding.fixed_in:
        return f"Update to Linux {finding.fixed_in} or later."
    return "This series has no release with a fix yet."


def _tooling(answer: Answer) -> str:
    data = answer.data
    what = f"commit {data.commit}" if data.commit else f"{data.digest}"
    return f"Ingot, with the records of the kernel's CNA: {data.name}, {what}"


def _time(answer: Answer) -> str:
    return (answer.data.date or _EPOCH).strftime("%Y-%m-%dT%H:%M:%SZ")


def _serial(answer: Answer, subject: Subject) -> uuid.UUID:
    """A UUID of all that the document follows from, and of the statements themselves."""
    statements: Sequence[str] = [f"{each.cve} {reason_of(each)}" for each in answer.findings]
    about = [subject.purl(str(answer.version)), str(answer.data.digest), *statements]
    return uuid.uuid5(_NAMESPACE, "\n".join(about))
