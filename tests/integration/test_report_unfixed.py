"""The weekly issue about CVEs that no release will fix: one, however often it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "report-unfixed"
LINE = "5.10.262: no release will fix 2 CVEs in compiled files: CVE-2026-1, CVE-2026-2"
REPORT = f"5.10: the catalog has 5.10.262\n{LINE}\n6.1.176: 6.1.177 closes 1 of 3 CVEs\n"

_GH = f"""\
#!{sys.executable} -IS
import json, os, sys
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["issue", "list"]:
    print(os.environ["OPEN"])
"""


@dataclass(frozen=True)
class Job:
    """A job with a fake `gh`."""

    directory: Path

    def report(self, text: str, number: str = "") -> list[list[str]]:
        """Run the script; returns the words of each call of gh."""
        record = self.directory / "record"
        record.write_text("")
        environment = {
            **os.environ,
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "RECORD": str(record),
            "OPEN": number,
            "GITHUB_REPOSITORY": "me/kernels",
            "REPORT": text,
        }
        subprocess.run([str(SCRIPT)], env=environment, check=True)
        return [json.loads(line) for line in record.read_text().splitlines()]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "gh").write_text(_GH)
    (tmp_path / "gh").chmod(0o755)
    return Job(tmp_path)


def test_an_issue_is_opened(job: Job) -> None:
    _, create = job.report(REPORT)
    assert create[:2] == ["issue", "create"]
    body = create[create.index("--body") + 1]
    assert f"    {LINE}" in body
    assert "6.1.177" not in body


def test_an_open_issue_is_updated(job: Job) -> None:
    listing, patch = job.report(REPORT, "7")
    assert listing[:2] == ["issue", "list"]
    assert patch[0] == "api"
    assert "repos/me/kernels/issues/7" in patch
    assert any(LINE in word for word in patch)


def test_without_such_cves_nothing_is_done(job: Job) -> None:
    assert job.report("6.1.176: 6.1.177 closes 1 of 3 CVEs\n") == []


def test_a_huge_report_is_cut(job: Job) -> None:
    _, create = job.report(f"{LINE}\n" * 1500)
    assert len(create[create.index("--body") + 1]) < 65_536
