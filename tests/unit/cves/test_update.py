"""The clone of the CNA's repository in the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.cves import cloned_records, load_records, update_records
from ingot.errors import MachineError, UserError
from ingot.progress import Silent
from tests.support.cve_records import record, write_records
from tests.support.git_repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(write_records(tmp_path / "vulns", record("CVE-2025-0001")))
    found.git("init", "-q")
    found.commit()
    return found


def test_the_repository_is_cloned_and_then_fetched(tmp_path: Path, repository: Repository) -> None:
    cves = tmp_path / "cves"
    address = f"file://{repository.path}"
    clone = update_records(cves, address, Silent())
    assert clone == cloned_records(cves)
    assert len(load_records(clone, cves)) == 1
    write_records(repository.path, record("CVE-2025-0002"))
    commit = repository.commit()
    assert update_records(cves, address, Silent()) == clone
    found = load_records(clone, cves)
    assert (len(found), found.data.commit) == (2, commit)
    assert not list(cves.glob(".staging-*"))


def test_a_repository_whose_history_was_rewritten_is_followed(
    tmp_path: Path, repository: Repository
) -> None:
    address = f"file://{repository.path}"
    update_records(tmp_path / "cves", address, Silent())
    repository.git("commit", "-q", "--amend", "-m", "other")
    clone = update_records(tmp_path / "cves", address, Silent())
    found = load_records(clone, tmp_path / "cves")
    assert found.data.commit == repository.git("rev-parse", "HEAD")


def test_a_repository_that_cannot_be_read_leaves_the_clone_as_it_was(
    tmp_path: Path, repository: Repository
) -> None:
    cves = tmp_path / "cves"
    clone = update_records(cves, f"file://{repository.path}", Silent())
    with pytest.raises(MachineError, match="cannot read") as caught:
        update_records(cves, f"file://{tmp_path}/gone", Silent())
    assert "--data" in caught.value.hint
    assert len(load_records(clone, cves)) == 1


def test_a_failed_first_fetch_leaves_no_clone(tmp_path: Path) -> None:
    with pytest.raises(MachineError):
        update_records(tmp_path / "cves", f"file://{tmp_path}/gone", Silent())
    with pytest.raises(UserError, match="no CVE records yet") as caught:
        cloned_records(tmp_path / "cves")
    assert "ingot cves --update" in caught.value.hint


@pytest.mark.parametrize("address", ["ext::sh -c true", "http://x/y", "/path", "--upload-pack=x"])
def test_other_addresses_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match="is not the address of a git repository"):
        update_records(tmp_path / "cves", address, Silent())


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        update_records(tmp_path / "cves", "http://user:secret@host/x", Silent())
    assert "secret" not in f"{caught.value.what}{caught.value.why}{caught.value.hint}"
