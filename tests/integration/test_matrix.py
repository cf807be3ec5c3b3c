"""`ingot matrix`, and what it takes to publish one kernel more: a line in the catalog, no other."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ingot import catalog
from ingot.catalog import NewVersion, propose
from ingot.digest import Digest
from ingot.version import KernelVersion
from tests.support.houses import House

CHECKOUT = Path(__file__).parents[2]
ENDED = '\n[series."4.19"]\nend_of_life = 2024-12-05\n[series."4.19".versions."4.19.325"]\n'


def git(directory: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=no"]
    argv = ["git", "-C", str(directory), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(directory: Path) -> None:
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message=x")


def rows(house: House, *words: str) -> list[dict[str, str]]:
    result = house.ingot("matrix", *words)
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    document = json.loads(line)
    assert list(document) == ["include"]
    return list(document["include"])


def names(house: House, *words: str) -> list[str]:
    return [row["kernel"] for row in rows(house, *words)]


@pytest.fixture
def wide(house: House) -> House:
    """The house with two arches, two flavors, two versions, and a series that has ended."""
    house.fragment("base/arm64", "# nothing")
    file = house.kernels / "kernels.toml"
    text = file.read_text().replace(
        'arches = ["x86_64"]', 'arches = ["x86_64", "arm64"]\nflavors = ["default", "small"]'
    )
    text = text.replace("[origins]", '[flavors.small]\nlike = "default"\n[origins]')
    file.write_text(f'{text}[series."6.1".versions."6.1.1"]\n{ENDED}')
    return house


def test_a_row_has_all_that_a_job_wants_to_know(house: House) -> None:
    assert rows(house) == [
        {
            "kernel": "6.1.999",
            "version": "6.1.999",
            "series": "6.1",
            "arch": "x86_64",
            "flavor": "default",
        }
    ]


def test_all_that_is_maintained_is_listed(wide: House) -> None:
    every = [
        f"{version}{kind}"
        for version in ("6.1.1", "6.1.999")
        for kind in ("", "-arm64", "-small", "-small-arm64")
    ]
    assert names(wide) == every
    assert names(wide, "--arch", "arm64", "--flavor", "small") == [
        "6.1.1-small-arm64",
        "6.1.999-small-arm64",
    ]


def test_names_and_options_choose(wide: House) -> None:
    assert names(wide, "6.1-small") == ["6.1.999-small", "6.1.999-small-arm64"]
    assert names(wide, "6.1.1", "--flavor", "default") == ["6.1.1", "6.1.1-arm64"]
    assert names(wide, "6.1.999-small-arm64") == ["6.1.999-small-arm64"]
    assert len(names(wide, "4.19")) == 4
    assert names(wide, "--sample") == ["6.1.999", "6.1.999-arm64"]


def test_what_a_row_names_is_what_is_built(wide: House) -> None:
    setting = wide.setting()
    for row in rows(wide, "6.1", "4.19"):
        (kernel,) = setting.project.catalog.select([row["kernel"]])
        assert (str(kernel.version), str(kernel.version.series)) == (row["version"], row["series"])
        assert (kernel.arch.name, kernel.flavor.name) == (row["arch"], row["flavor"])


def test_only_what_has_changed_is_listed_and_why_on_request(wide: House) -> None:
    commit_all(wide.kernels)
    # the very text that the workflows compare with
    assert wide.ingot("matrix", "--changed-since", "HEAD").stdout == '{"include":[]}\n'
    wide.fragment("base/arm64", "CONFIG_NEW=y")
    result = wide.ingot("matrix", "--changed-since", "HEAD", "--why", "--sample")
    assert [row["kernel"] for row in json.loads(result.stdout)["include"]] == ["6.1.999-arm64"]
    assert result.stderr == "6.1.999-arm64: changed: config\n"


def test_a_comment_builds_nothing(wide: House) -> None:
    commit_all(wide.kernels)
    wide.fragment("base/linux", "# Why.", "CONFIG_MODULES=y  # a word", "", "CONFIG_PARENT=y")
    assert names(wide, "--changed-since", "HEAD") == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--changed-since", "nowhere"], "does not know the commit 'nowhere'"),
        (["--changed-since", ""], "does not know the commit ''"),
        (["9.9"], "has no kernel 9.9"),
        (["--flavor", "huge"], "has no flavor huge"),
    ],
)
def test_mistakes_are_told_in_words(wide: House, words: list[str], says: str) -> None:
    commit_all(wide.kernels)
    result = wide.ingot("matrix", *words)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_catalog_outside_git_is_told_of(wide: House) -> None:
    result = wide.ingot("matrix", "--changed-since", "HEAD")
    assert result.returncode == 2
    assert "is not in a git repository" in result.stderr


def test_more_jobs_than_github_runs_are_told_of(house: House) -> None:
    file = house.kernels / "kernels.toml"
    more = "".join(f'[series."6.1".versions."6.1.{n}"]\n' for n in range(1, 258))
    file.write_text(f"{file.read_text()}\n{more}")
    result = house.ingot("matrix")
    assert len(json.loads(result.stdout)["include"]) == 258
    assert "at most 256" in result.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This repository's own catalog, workflows and documents, in a repository of their own."""
    top = tmp_path / "checkout"
    for name in ("kernels", ".github", "docs", "scripts"):
        shutil.copytree(CHECKOUT / name, top / name)
    for name in ("action.yml", "README.md", "Makefile"):
        shutil.copyfile(CHECKOUT / name, top / name)
    commit_all(top)
    return top


def test_a_version_more_changes_no_workflow_and_the_matrix_holds_it(checkout: Path) -> None:
    """What `ingot add` writes is all that publishing a kernel takes."""
    before = catalog.load(checkout / "kernels")
    newest = before.kernels[-1].version
    version = KernelVersion.parse(f"{newest.series}.{9999}")
    new = NewVersion(version, {"debian": Digest.of(b"a tarball")})
    proposal = propose(before, [new])
    assert proposal.files.keys() <= {
        checkout / name for name in ("kernels/kernels.toml", "README.md")
    } | set((checkout / "docs").glob("*.md"))
    proposal.write()
    changed = git(checkout, "diff", "--name-only").splitlines()
    assert "kernels/kernels.toml" in changed
    assert not any(name.startswith((".github", "scripts", "action.yml")) for name in changed)
    house = House(checkout)
    expected = [kernel.tag for kernel in proposal.catalog.kernels if kernel.version == version]
    assert len(expected) > 1
    assert names(house, "--changed-since", "HEAD") == expected
    assert 1 < len(names(house, "--changed-since", "HEAD", "--sample")) < len(expected)
