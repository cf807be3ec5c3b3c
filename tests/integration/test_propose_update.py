"""The weekly pull request: a branch with the change, and one request however often it is run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "propose-update"

_GH = f"""\
#!{sys.executable} -IS
import json, os, sys
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["pr", "list"] and os.environ["OPEN"]:
    print(os.environ["OPEN"])
"""


@dataclass
class Project:
    """A clone of a repository, and the program `gh` as a fake."""

    directory: Path

    def git(self, *words: str, where: str = "clone") -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        argv = ["git", "-C", str(self.directory / where), *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def propose(self, patch: str, report: str = "added", number: str = "") -> None:
        """Run the script as a job does, in a fresh clone."""
        subprocess.run(["rm", "-rf", str(self.directory / "clone")], check=True)
        self.git("clone", "--quiet", str(self.directory / "origin"), "clone", where=".")
        environment = {
            **os.environ,
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "RECORD": str(self.directory / "record"),
            "OPEN": number,
            "GITHUB_REPOSITORY": "me/kernels",
            "PATCH": base64.b64encode(patch.encode()).decode(),
            "REPORT": report,
            "BASE": "main",
        }
        subprocess.run([str(SCRIPT)], cwd=self.directory / "clone", env=environment, check=True)

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.directory / "record").read_text().splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    (tmp_path / "gh").write_text(_GH)
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "clone").mkdir()
    project.git("init", "--quiet", "--initial-branch=main")
    (tmp_path / "clone" / "kernels.toml").write_text("old\n")
    (tmp_path / "clone" / "pyproject.toml").write_text("old\n")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=x")
    project.git("clone", "--quiet", "--bare", "clone", "origin", where=".")
    return project


def patch_to(text: str) -> str:
    return (
        "diff --git a/kernels.toml b/kernels.toml\n--- a/kernels.toml\n+++ b/kernels.toml\n"
        f"@@ -1 +1 @@\n-old\n+{text}\n"
    )


def test_a_change_becomes_a_branch_and_a_request(project: Project) -> None:
    project.propose(patch_to("new"), report='added `linux`\n$(touch here) "quoted"')
    assert project.git("show", "ingot-update:kernels.toml", where="origin") == "new"
    assert project.git("rev-list", "--count", "main..ingot-update", where="origin") == "1"
    create = project.calls()[-1]
    assert create[:6] == ["pr", "create", "--base", "main", "--head", "ingot-update"]
    body = create[create.index("--body") + 1]
    assert '\n    added `linux`\n    $(touch here) "quoted"' in body
    assert "close and open" in body
    assert not (project.directory / "clone" / "here").exists()


def test_a_request_that_is_open_is_renewed(project: Project) -> None:
    project.propose(patch_to("new"))
    project.propose(patch_to("newer"), report="more", number="7")
    assert project.git("show", "ingot-update:kernels.toml", where="origin") == "newer"
    assert project.git("rev-list", "--count", "main..ingot-update", where="origin") == "1"
    renew = project.calls()[-1]
    assert renew[:5] == ["api", "--silent", "--method", "PATCH", "repos/me/kernels/pulls/7"]
    assert "more" in renew[-1]
    assert sum(call[:2] == ["pr", "create"] for call in project.calls()) == 1


def test_a_long_report_is_cut_to_what_github_takes(project: Project) -> None:
    project.propose(patch_to("new"), report="word " * 20_000)
    create = project.calls()[-1]
    assert 50_000 < len(create[create.index("--body") + 1]) < 65_536


def test_a_change_that_does_not_apply_is_no_request(project: Project) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        project.propose(patch_to("new").replace("-old", "-other"))
    assert not (project.directory / "record").exists()
    assert project.git("branch", "--list", where="origin") == "* main"


def new_file(name: str, mode: str = "100644", text: str = "hostile") -> str:
    return (
        f"diff --git a/{name} b/{name}\nnew file mode {mode}\n--- /dev/null\n+++ b/{name}\n"
        f"@@ -0,0 +1 @@\n+{text}\n"
    )


@pytest.mark.parametrize(
    "hostile",
    [
        new_file(".github/workflows/evil.yml"),
        new_file("scripts/action"),
        "diff --git a/pyproject.toml b/pyproject.toml\n--- a/pyproject.toml\n"
        "+++ b/pyproject.toml\n@@ -1 +1 @@\n-old\n+hostile\n",
        new_file("kernels/other.toml"),
        new_file("link.toml", "120000", "/etc/passwd"),
        new_file("run.md", "100755"),
        "diff --git a/kernels.toml b/kernels.toml\nold mode 100644\nnew mode 100755\n",
        "diff --git a/kernels.toml b/kernels.toml\ndeleted file mode 100644\n"
        "--- a/kernels.toml\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n",
        "diff --git a/kernels.toml b/README.md\nsimilarity index 100%\nrename from kernels.toml\n"
        "rename to README.md\n",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_patch_that_changes_more_than_lines_of_catalogs_is_no_request(
    project: Project, hostile: str, first: bool
) -> None:
    """The job that made it ran what it downloaded; this one has a token that may write."""
    honest = patch_to("new") if "kernels.toml" not in hostile else ""
    with pytest.raises(subprocess.CalledProcessError):
        project.propose(hostile + honest if first else honest + hostile)
    assert not (project.directory / "record").exists()
    assert project.git("branch", "--list", where="origin") == "* main"


def test_a_report_stays_a_quotation(project: Project) -> None:
    project.propose(
        patch_to("new"), report="~~~~~~~~\n```\r\r# Title\r\n@everyone <b>look</b>\n\n# Title"
    )
    body = project.calls()[-1][-1]
    quoted = body.partition("(docs/ci.md).\n\n")[2]
    assert all(not line.strip() or line.startswith("    ") for line in quoted.splitlines())
