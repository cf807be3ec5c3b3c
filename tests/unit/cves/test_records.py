"""Records read from tarballs, directories and repositories, and the index of them."""

from __future__ import annotations

import gzip
import json
import lzma
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from ingot.cves import Records, load_records, open_by_version
from ingot.cves import records as records_module
from ingot.errors import UserError
from ingot.version import KernelVersion
from tests.support.cve_records import affected, data, mainline, record, write_records
from tests.support.git_repositories import Repository
from tests.support.tarballs import make_tar

V6_1 = KernelVersion.parse("6.1.176")
OLD, NEW = "CVE-2021-47111", "CVE-2024-50112"
DOCUMENTS = (
    record(NEW, versions=mainline("6.4", "6.12", "6.6.59"), title="new"),
    record(OLD, versions=mainline("2.6.12", None), title="old", score=5.5),
    record("CVE-2023-1000", state="REJECTED"),
)


def tar_of(
    path: Path, pack: Callable[[bytes], bytes] = bytes, more: Mapping[str, bytes] | None = None
) -> Path:
    """A tarball of the records, and of more files."""
    names = {
        f"vulns/cve/published/2024/{each['cveMetadata']['cveId']}.json": data(each)
        for each in DOCUMENTS
    }
    tar = make_tar([(name, text, {}) for name, text in {**names, **(more or {})}.items()])
    path.write_bytes(pack(tar))
    return path


def without_end(tar: Path) -> bytes:
    """The bytes of a tar without the blocks of zeros at its end."""
    text = tar.read_bytes().rstrip(b"\0")
    return text + bytes(-len(text) % 512)


def load(path: Path) -> Records:
    return load_records(path, path.parent / "index")


def cves_of(found: Records) -> list[str]:
    return [each.cve for each in found]


# Where records are read from


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, zstandard.compress])
def test_a_tarball_is_read_in_every_compression(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    found = load(tar_of(tmp_path / "data.tar", pack))
    assert cves_of(found) == [OLD, NEW]
    assert (found.skipped, found.unreadable) == (1, ())
    assert found.data.date is not None and found.data.date.year == 2023


def test_a_tarball_of_several_zstd_frames_is_read(tmp_path: Path) -> None:
    def pack(tar: bytes) -> bytes:
        return zstandard.compress(tar[:700]) + zstandard.compress(tar[700:])

    assert len(load(tar_of(tmp_path / "data.tar.zst", pack))) == 2


def test_a_directory_is_read(tmp_path: Path) -> None:
    found = load(write_records(tmp_path / "data", *DOCUMENTS))
    assert cves_of(found) == [OLD, NEW]
    assert found.skipped == 1


def test_a_clone_is_read_at_its_commit_whatever_its_work_tree_has(tmp_path: Path) -> None:
    repository = Repository(write_records(tmp_path / "data", *DOCUMENTS))
    repository.git("init", "-q")
    commit = repository.commit()
    for path in repository.path.rglob("CVE-*.json"):
        path.write_text("{}")
    found = load(repository.path)
    assert cves_of(found) == [OLD, NEW]
    assert found.data.commit == commit
    assert found.data.date is not None
    assert found.unreadable == ()


def test_a_new_commit_is_read_again(tmp_path: Path) -> None:
    repository = Repository(write_records(tmp_path / "data", *DOCUMENTS))
    repository.git("init", "-q")
    repository.commit()
    assert len(load(repository.path)) == 2
    write_records(repository.path, record("CVE-2025-1234"))
    commit = repository.commit()
    found = load(repository.path)
    assert (len(found), found.data.commit) == (3, commit)


def test_records_that_are_not_published_are_not_read(tmp_path: Path) -> None:
    root = write_records(tmp_path / "data", *DOCUMENTS)
    for name in ("reserved", "review", "testing", "returned"):
        path = root / "cve" / name / "CVE-2025-9999.json"
        path.parent.mkdir()
        path.write_bytes(data(record("CVE-2025-9999")))
    (root / "README.json").write_text("{")
    assert cves_of(load(root)) == [OLD, NEW]


def test_links_in_a_directory_are_not_followed(tmp_path: Path) -> None:
    root = write_records(tmp_path / "data", *DOCUMENTS)
    other = write_records(tmp_path / "other", record("CVE-2025-1234"))
    (root / "link").symlink_to(other)
    (root / "CVE-2025-4321.json").symlink_to(other / "cve/published/2025/CVE-2025-1234.json")
    found = load(root)
    assert cves_of(found) == [OLD, NEW]
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "CVE records are read there"),
        (lambda path: path.write_bytes(b"<html>"), "its first bytes"),
        (lambda path: path.mkdir(), "a record is a file such as"),
        (lambda path: path.write_bytes(without_end(tar_of(path))), "it ends too early"),
        (lambda path: path.write_bytes(tar_of(path).read_bytes()[:2000]), "it ends within"),
        (
            lambda path: path.write_bytes(tar_of(path, gzip.compress).read_bytes()[:-40]),
            "it ends too early",
        ),
        (lambda path: (path / ".git").mkdir(parents=True), "not a git repository"),
    ],
)
def test_a_place_without_readable_data_is_refused(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "data"
    make(path)
    with pytest.raises(UserError) as caught:
        load(path)
    assert why in f"{caught.value.what} {caught.value.why}"
    assert caught.value.hint
    assert not list(tmp_path.glob("index/*.json"))


# Records that cannot be used


def test_a_record_that_cannot_be_used_is_one_line_and_the_rest_is_read(tmp_path: Path) -> None:
    root = write_records(tmp_path / "data", *DOCUMENTS)
    bad = {
        "CVE-2025-0001": b"{",
        "CVE-2025-0002": b"[" * 5_000,
        "CVE-2025-0003": b" " * (5 << 20),
        "CVE-2025-0004": data(record("CVE-2025-9999")),
        "CVE-2025-0005": data(record("CVE-2025-0005", versions=[affected("6.x")])),
        "CVE-2025-0006": data(record("CVE-2025-0006", files=["../x"])),
    }
    for cve, text in bad.items():
        (root / f"{cve}.json").write_bytes(text)
    found = load(root)
    assert cves_of(found) == [OLD, NEW]
    assert [each.cve for each in found.unreadable] == list(bad)
    assert all("\n" not in str(each) and len(str(each)) < 300 for each in found.unreadable)
    assert "it is the record of CVE-2025-9999" in str(found.unreadable[3])


def test_two_records_of_one_cve_that_differ_are_not_used(tmp_path: Path) -> None:
    root = write_records(tmp_path / "data", *DOCUMENTS)
    (root / f"{NEW}.json").write_bytes(data(record(NEW, versions=mainline("7.0", None))))
    (root / f"{OLD}.json").write_bytes(data(DOCUMENTS[1]))  # a copy
    found = load(root)
    assert cves_of(found) == [OLD]
    assert [each.cve for each in found.unreadable] == [NEW]


# The index


def test_the_second_time_the_index_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar_of(tmp_path / "data.tar", more={"CVE-2025-0001.json": b"{"})
    first = load(path)

    def fail(file: object) -> None:
        raise AssertionError("a record was read again")

    monkeypatch.setattr(records_module, "_parse", fail)
    second = load(path)
    assert list(second) == list(first)
    assert (second.data, second.skipped, second.unreadable) == (
        first.data,
        first.skipped,
        first.unreadable,
    )
    assert len(second.unreadable) == 1


def test_a_changed_file_of_a_directory_is_read_again(tmp_path: Path) -> None:
    root = write_records(tmp_path / "data", *DOCUMENTS)
    assert len(load(root)) == 2
    path = root / "cve/published/2024" / f"{NEW}.json"
    path.write_bytes(data(record(NEW, title="changed")))
    os.utime(path, ns=(1, 1))
    assert [each.title for each in load(root)] == ["old", "changed"]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"rows": 7}', b'{"date": "x"}'])
def test_a_damaged_index_is_made_again(tmp_path: Path, text: bytes) -> None:
    path = tar_of(tmp_path / "data.tar")
    load(path)
    (index,) = (tmp_path / "index").glob("*.json")
    whole = index.read_bytes()
    index.write_bytes(text)
    assert len(load(path)) == 2
    assert index.read_bytes() == whole
    assert json.loads(whole)["format"] == 1


# Open by version


def test_what_is_open_in_a_version(tmp_path: Path) -> None:
    found = load(tar_of(tmp_path / "data.tar"))

    def opened(version: str) -> list[str]:
        return [each.cve for each in open_by_version(found, KernelVersion.parse(version))]

    assert opened("6.1.176") == [OLD]
    assert opened("6.6.58") == [OLD, NEW]
    assert opened("6.6.59") == [OLD]
    assert opened("6.12") == [OLD]


def test_a_candidate_has_what_its_release_and_the_release_before_have(tmp_path: Path) -> None:
    root = write_records(
        tmp_path / "data",
        record("CVE-2025-0001", versions=mainline("6.12", None)),
        record("CVE-2025-0002", versions=mainline("6.4", "6.12")),
        record("CVE-2025-0003", versions=mainline("6.13", None)),
        record("CVE-2025-0004", versions=mainline("6.4", "6.11")),
    )
    found = open_by_version(load(root), KernelVersion.parse("6.12-rc3"))
    assert [each.cve for each in found] == ["CVE-2025-0001", "CVE-2025-0002"]
