"""Releases by kernel.org's list, releases merged from several lists, and what to try for a name."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import IngotError, MachineError, UserError, VerificationError
from ingot.files import disk_errors
from ingot.progress import Progress
from ingot.source.candidates import candidates
from ingot.source.kernel_org.releases_json import Newest, parse
from ingot.source.origin import Archive
from ingot.source.releases import Release, available, merge, newer, of_series
from ingot.version import KernelVersion, Series
from tests.support.progress import Recorder

NOWHERE = Path("/nonexistent")


@dataclass(frozen=True)
class Place:
    """An Origin that is only looked at."""

    name: str
    trust: str = ""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        raise AssertionError("lists are for choosing, not for fetching")


KERNEL_ORG, DEBIAN = Place("kernel.org"), Place("debian")


@dataclass
class FakeIndex:
    """Lists what it was given, or raises, and counts how often it was asked."""

    name: str
    answer: Sequence[Release] | IngotError
    tells_ends: bool = False
    asked: list[Path] = field(default_factory=list)

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        self.asked.append(downloads)
        if isinstance(self.answer, IngotError):
            raise self.answer
        return tuple(self.answer)


def version(text: str) -> KernelVersion:
    return KernelVersion.parse(text)


def upstream(text: str, *, ended: bool = False) -> Release:
    day = datetime.date(2026, 8, 1)
    return Release(version(text), (KERNEL_ORG,), ended, day, "longterm")


def debian(*texts: str) -> list[Release]:
    return [Release(version(text), (DEBIAN,)) for text in texts]


def versions(releases: Sequence[Release]) -> list[str]:
    return [str(release.version) for release in releases]


# kernel.org's list


def row(text: str, moniker: str = "stable", *, ended: bool = False) -> dict[str, object]:
    """A row as kernel.org writes them, keys that nobody needs included."""
    return {
        "iseol": ended,
        "version": text,
        "moniker": moniker,
        "source": f"https://example.org/linux-{text}.tar.xz",
        "pgp": None,
        "released": {"timestamp": 1785542400, "isodate": "2026-08-01"},
        "gitweb": "https://example.org/",
        "changelog": None,
        "patch": {"full": None, "incremental": None},
        "diffview": None,
    }


def listing(*rows: dict[str, object]) -> bytes:
    return json.dumps({"latest_stable": {"version": "7.2.9"}, "releases": rows}).encode()


def test_the_newest_of_each_series() -> None:
    data = listing(
        row("7.3-rc6", "mainline"),
        row("7.2", "mainline"),
        row("7.2.9"),
        row("6.9.12", ended=True),
        row("6.12.117", "longterm"),
        row("next-20260801", "linux-next"),
    )
    day = datetime.date(2026, 8, 1)
    assert parse(data, "here") == (
        Newest(version("7.2.9"), "stable", False, day),
        Newest(version("6.12.117"), "longterm", False, day),
        Newest(version("6.9.12"), "stable", True, day),
    )


def test_a_mainline_release_without_a_stable_one() -> None:
    (only,) = parse(listing(row("7.3", "mainline")), "here")
    assert (str(only.version), only.moniker) == ("7.3", "mainline")


def test_a_release_without_a_date() -> None:
    bare: dict[str, object] = {"version": "6.12.117", "moniker": "longterm", "iseol": False}
    (only,) = parse(listing(bare), "here")
    assert only.released is None


@pytest.mark.parametrize(
    "data, word",
    [
        (b"<html>captive portal</html>", "JSON"),
        (b'{"releases": [', "JSON"),
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b"{}", "releases: Field required"),
        (b'{"releases": {}}', "releases: "),
        (listing({"version": "6.1.1", "moniker": "stable"}), "releases.0.iseol: Field required"),
        (listing(row("6.1.1") | {"released": {"isodate": "soon"}}), "releases.0.released.isodate"),
        (listing(row("6.1.1") | {"version": 6.1}), "releases.0.version"),
    ],
)
def test_what_is_not_such_a_list(data: bytes, word: str) -> None:
    with pytest.raises(MachineError, match="the list of releases cannot be read") as caught:
        parse(data, "http://example.org/releases.json")
    assert caught.value.why.startswith("http://example.org/releases.json: ")
    assert word in caught.value.why
    assert "\n" not in caught.value.why
    assert caught.value.hint


# Merged


def test_merged_releases_are_newest_first_with_all_that_is_known() -> None:
    merged = merge([upstream("6.12.117"), *debian("6.12.107", "6.1.99", "6.12.117", "6.12.100")])
    assert versions(merged) == ["6.12.117", "6.12.107", "6.12.100", "6.1.99"]
    assert merged[0].origins == (KERNEL_ORG, DEBIAN)
    assert merged[1].origins == (DEBIAN,)
    assert merged[0].released and not merged[1].released
    # what is said of a series holds for what another list has of it
    assert (merged[1].end_of_life, merged[1].moniker) == (False, "longterm")


def test_the_order_of_the_lists_is_the_order_of_the_origins() -> None:
    (merged,) = merge([*debian("6.12.117"), upstream("6.12.117")])
    assert merged.origins == (DEBIAN, KERNEL_ORG)
    assert merged.released == datetime.date(2026, 8, 1)


def test_an_older_series_that_kernel_org_no_longer_lists_has_ended() -> None:
    merged = merge([upstream("6.12.117"), upstream("6.9.1", ended=True), *debian("6.5.10", "7.3")])
    ends = {str(release.version.series): release.end_of_life for release in merged}
    assert ends == {"7.3": None, "6.12": False, "6.9": True, "6.5": True}


def test_without_kernel_org_nobody_knows_of_ends() -> None:
    assert [release.end_of_life for release in merge(debian("6.12.117", "4.19.1"))] == [None, None]


def test_one_series() -> None:
    known = merge(debian("6.12.117", "6.12.107", "6.1.99", "6.12.95"))
    assert versions(of_series(known, Series(6, 12))) == ["6.12.117", "6.12.107", "6.12.95"]
    assert versions(newer(known, version("6.12.100"))) == ["6.12.117", "6.12.107"]
    assert newer(known, version("6.12.117")) == ()
    assert newer(known, version("5.10.1")) == ()


# Asked


def test_one_list_that_cannot_be_asked_is_one_note(recorder: Recorder) -> None:
    indexes = [
        FakeIndex("kernel.org", MachineError("cannot resolve host", why="an\naddress")),
        FakeIndex("debian", debian("6.1.99", "6.12.117")),
    ]
    assert versions(available(indexes, NOWHERE, recorder)) == ["6.12.117", "6.1.99"]
    assert recorder.notes == ["releases: kernel.org: cannot resolve host: an; address"]
    assert recorder.steps == [f"list releases of {name}" for name in ("kernel.org", "debian")]
    assert recorder.results == ["2 listed"]
    assert indexes[0].asked == [NOWHERE]


def test_an_empty_list_is_an_answer(recorder: Recorder) -> None:
    indexes = [FakeIndex("a", MachineError("no")), FakeIndex("b", [])]
    assert available(indexes, NOWHERE, recorder) == ()


@pytest.mark.parametrize(
    "errors, kind",
    [
        ([MachineError("x"), MachineError("y")], MachineError),
        ([MachineError("x"), VerificationError("y")], VerificationError),
        ([VerificationError("x")], VerificationError),
        ([], MachineError),
    ],
)
def test_when_none_can_be_asked(
    recorder: Recorder, errors: list[IngotError], kind: type[IngotError]
) -> None:
    indexes = [FakeIndex(f"o{number}", error) for number, error in enumerate(errors)]
    with pytest.raises(kind) as caught:
        available(indexes, NOWHERE, recorder)
    assert len(recorder.notes) == len(errors)
    if len(errors) > 1:
        assert caught.value.why == "o0: x\no1: y"
        assert "6.1.176" in caught.value.hint


def full_disk() -> MachineError:
    try:
        with disk_errors(NOWHERE):
            raise OSError(28, "No space left on device")
    except MachineError as error:
        return error


@pytest.mark.parametrize("name", ["6.12", "6.12.1"])
def test_a_full_disk_is_not_blamed_on_a_list(recorder: Recorder, name: str) -> None:
    indexes = [FakeIndex("a", full_disk(), tells_ends=True), FakeIndex("b", [])]
    with pytest.raises(MachineError, match="no space left"):
        candidates(name, [DEBIAN], indexes, NOWHERE, recorder)
    assert indexes[1].asked == []


# What to try


@pytest.fixture
def lists() -> list[FakeIndex]:
    listed = debian("6.12.117", "6.12.107", "7.2.9", "7.2")
    return [
        FakeIndex("kernel.org", [upstream("6.12.118"), upstream("7.2.9")], tells_ends=True),
        FakeIndex("debian", listed),
    ]


def test_a_series_is_all_that_is_listed_of_it(recorder: Recorder, lists: list[FakeIndex]) -> None:
    found = candidates("6.12", [KERNEL_ORG, DEBIAN], lists, NOWHERE, recorder)
    assert versions(found) == ["6.12.118", "6.12.117", "6.12.107"]
    assert [release.origins for release in found] == [(KERNEL_ORG,), (DEBIAN,), (DEBIAN,)]


def test_what_may_be_both_is_the_series(recorder: Recorder, lists: list[FakeIndex]) -> None:
    found = candidates("7.2", [KERNEL_ORG, DEBIAN], lists, NOWHERE, recorder)
    assert versions(found) == ["7.2.9", "7.2"]


@pytest.mark.parametrize(
    "name, ended, released",
    [
        ("6.12.118", False, True),
        ("6.12.107", False, False),
        ("6.12.1", False, False),
        ("5.3.1", True, False),
        ("8.0.1", None, False),
    ],
)
def test_a_version_is_itself_from_anywhere(
    recorder: Recorder, lists: list[FakeIndex], name: str, ended: bool | None, released: bool
) -> None:
    (only,) = candidates(name, [DEBIAN, KERNEL_ORG], lists, NOWHERE, recorder)
    assert (str(only.version), only.origins) == (name, (DEBIAN, KERNEL_ORG))
    assert (only.end_of_life, only.released is not None) == (ended, released)
    assert lists[1].asked == []  # megabytes that would say nothing more


def test_a_version_needs_no_list(recorder: Recorder) -> None:
    index = FakeIndex("kernel.org", MachineError("no network"), tells_ends=True)
    assert candidates("5.10.259", [KERNEL_ORG], [index], NOWHERE, recorder) == (
        Release(version("5.10.259"), (KERNEL_ORG,)),
    )
    assert recorder.notes == ["releases: kernel.org: no network"]
    assert versions(candidates("5.10.259", [DEBIAN], [], NOWHERE, recorder)) == ["5.10.259"]


def test_a_series_that_nobody_lists(recorder: Recorder, lists: list[FakeIndex]) -> None:
    with pytest.raises(UserError, match=r"no origin lists a release of 4\.19") as caught:
        candidates("4.19", [KERNEL_ORG], lists, NOWHERE, recorder)
    assert caught.value.why == "listed are 6.12, 7.2"
    assert "a full version" in caught.value.hint


@pytest.mark.parametrize("name", ["v6.12", "6.12.117-rc", "6", "newest", ""])
def test_a_name_that_is_neither(recorder: Recorder, lists: list[FakeIndex], name: str) -> None:
    with pytest.raises(UserError, match="not a kernel version"):
        candidates(name, [KERNEL_ORG], lists, NOWHERE, recorder)
    assert lists[0].asked == []


def test_requests_and_debian_are_loaded_late() -> None:
    script = (
        "import sys, ingot.source.candidates, ingot.source.kernel_org.releases_json\n"
        "sys.exit(bool({'requests', 'urllib3', 'debian'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
