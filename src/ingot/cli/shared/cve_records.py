"""The CVE records on this machine, for verbs that show CVEs beside other data."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.progress import Progress
from ingot.setting import Project

if TYPE_CHECKING:
    from ingot.kernel_cves import KernelCves


def known_cves(project: Project, progress: Progress) -> KernelCves | None:
    """The records that INGOT_CVE_DATA names, else those of `ingot cves --update`; None without."""
    named = os.environ.get("INGOT_CVE_DATA")
    clone = project.workspace.cve_clone
    if not named and not clone.exists():
        return None
    from ingot.kernel_cves import KernelCves  # late: the verbs need it only if there are records

    project.workspace.prepare()
    return KernelCves(Path(named) if named else clone, project, datetime.date.today(), progress)
