"""CVEs of the Linux kernel: which are open in a version, and which concern a kernel that was built.

`load_records` reads the CNA's records, `judge` gives the answer for one kernel:

    records = load_records(path, workspace.cves)
    answer = judge(records, version, compiled_files)
    len(answer.findings), len(answer.affected), len(answer.undecided)
"""

from ingot.cves.answer import Answer, Finding, judge, require_compiled
from ingot.cves.data import DataIdentity
from ingot.cves.record import Record
from ingot.cves.records import Records, Unreadable, load_records, open_by_version
from ingot.cves.verdict import Cause, Status, Verdict

__all__ = [
    "Answer",
    "Cause",
    "DataIdentity",
    "Finding",
    "Record",
    "Records",
    "Status",
    "Unreadable",
    "Verdict",
    "judge",
    "load_records",
    "open_by_version",
    "require_compiled",
]
