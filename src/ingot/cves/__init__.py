"""CVEs of the Linux kernel: which are open in a version, and which concern a kernel that was built.

`load_records` reads the CNA's records, `judge` gives the answer for one kernel:

    records = load_records(path, workspace.cves)
    answer = judge(records, version, compiled_files)
    len(answer.findings), len(answer.affected), len(answer.undecided)
"""

from ingot.cves.answer import Answer, Finding, judge, require_compiled
from ingot.cves.data import DataIdentity
from ingot.cves.documents import (
    Subject,
    cyclonedx_document,
    openvex_document,
    reason_of,
)
from ingot.cves.record import Record
from ingot.cves.records import Records, Unreadable, load_records, open_by_version
from ingot.cves.triage import FILE_NAME as DECISIONS_FILE
from ingot.cves.triage import Decision, decide, load_decisions
from ingot.cves.update import CNA_REPOSITORY, cloned_records, update_records
from ingot.cves.verdict import Cause, Status, Verdict

__all__ = [
    "CNA_REPOSITORY",
    "DECISIONS_FILE",
    "Answer",
    "Cause",
    "DataIdentity",
    "Decision",
    "Finding",
    "Record",
    "Records",
    "Status",
    "Subject",
    "Unreadable",
    "Verdict",
    "cloned_records",
    "cyclonedx_document",
    "decide",
    "judge",
    "load_decisions",
    "load_records",
    "open_by_version",
    "openvex_document",
    "reason_of",
    "require_compiled",
    "update_records",
]
