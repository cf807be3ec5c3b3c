"""CVEs of the kernels of a store beside other data: counts, changes, and what a release closes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot.cli import diff, list_kernels, update
from ingot.cli.shared.common_options import default_cache
from ingot.cli.shared.terminal import make_console
from ingot.compiled_artifact import write_compiled_files
from ingot.cves import cloned_records
from ingot.fixed_cves import CveReader, KernelFixes, closes_any
from ingot.images import BASE, read_facts
from ingot.kernel_cves import CveChanges, CveCounts, KernelCves, changes_between
from ingot.new_versions import SeriesStatus
from ingot.oci import read_image
from ingot.progress import Silent
from ingot.report import kernels_of_store, render_page, with_cves_of_store
from ingot.report.charts import cve_rows
from ingot.report.gather import gather
from ingot.version import KernelVersion
from tests.support.cve_records import compiled_files, mainline, record, write_records
from tests.support.progress import Recorder
from tests.support.shops import Shop, open_shop

TODAY = datetime.date(2026, 8, 21)
IN_DEV = record("CVE-2026-1001", ["net/core/dev.c"], mainline("5.4", "7.0", "6.1.10"))
IN_DEV_UNFIXED = record("CVE-2026-1002", ["net/core/dev.c"], mainline("5.4", "7.0"))
IN_TUN = record("CVE-2026-1003", ["drivers/net/tun.c"], mainline("5.4", "7.0", "6.1.10"))
ELSEWHERE = record("CVE-2026-1004", ["drivers/net/other.c"], mainline("5.4", "7.0"))
MISSING = record("CVE-2026-1005", ["drivers/net/gone.c"], mainline("5.4", "7.0"))
TREE = ("drivers/net/tun.c", "drivers/net/other.c", "net/core/dev.c")


@dataclass(frozen=True)
class Judged:
    """A store with kernels whose compiled files are known, and CVE records."""

    shop: Shop
    data: Path

    def cves(self, recorder: Recorder | None = None) -> KernelCves:
        self.shop.setting.project.workspace.prepare()
        return KernelCves(self.data, self.shop.setting.project, TODAY, recorder)

    def put(self, name: str, files: Sequence[str] = ("net/core/dev.c",)) -> None:
        """Build a kernel from these files."""
        layout = self.shop.layout
        with layout.in_use():
            base = read_image(layout, self.shop.put(name, files[0])[BASE])
            compiled = compiled_files(files, {}, TREE)
            layout.tag(write_compiled_files(layout, compiled, base))

    def counts(self, name: str, recorder: Recorder | None = None) -> CveCounts | None:
        layout = self.shop.layout
        facts = read_facts(read_image(layout, layout.tags()[f"{BASE}:{name}"]))
        assert facts is not None
        return self.cves(recorder).counts_in_store(facts, name)


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    records = (IN_DEV, IN_DEV_UNFIXED, IN_TUN, ELSEWHERE, MISSING)
    return Judged(open_shop(tmp_path), write_records(tmp_path / "data", *records))


def test_cves_are_counted_by_compiled_files(judged: Judged) -> None:
    judged.put("6.1.9")
    assert judged.counts("6.1.9") == CveCounts(open=5, affected=2, undecided=1)


def test_a_kernel_without_compiled_files_has_no_counts(judged: Judged) -> None:
    judged.shop.put("6.1.9")
    assert judged.counts("6.1.9") is None


def test_counts_are_kept(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    judged.put("6.1.9")
    first = judged.counts("6.1.9")
    monkeypatch.setattr("ingot.kernel_cves.load_records", None)
    monkeypatch.setattr("ingot.kernel_cves.compiled_files_in", None)
    assert judged.counts("6.1.9") == first


def test_kept_counts_are_those_of_these_records_files_and_decisions(judged: Judged) -> None:
    judged.put("6.1.9")
    judged.counts("6.1.9")
    judged.put("6.1.9", TREE[:2])
    assert judged.counts("6.1.9") == CveCounts(open=5, affected=2, undecided=1)
    assert judged.counts("6.1.9") == CveCounts(open=5, affected=2, undecided=1)
    (judged.shop.root / "kernels/cves.toml").write_text(
        '[[decisions]]\ncve = "CVE-2026-1005"\nstatus = "affected"\nreason = "it is"\n'
    )
    assert judged.counts("6.1.9") == CveCounts(open=5, affected=3, undecided=0)


@pytest.mark.parametrize("content", ["", "{}", '{"open": 1, "affected": 5, "undecided": 0}', "[]"])
def test_damaged_kept_counts_are_made_again(judged: Judged, content: str) -> None:
    judged.put("6.1.9")
    first = judged.counts("6.1.9")
    (kept,) = (judged.shop.setting.project.workspace.cves / "counts").iterdir()
    kept.write_text(content)
    assert judged.counts("6.1.9") == first


def test_a_failure_is_a_note_and_not_a_count(judged: Judged, recorder: Recorder) -> None:
    judged.put("6.1.9")
    layout = judged.shop.layout
    (tag,) = (tag for tag in layout.tags() if tag.endswith("-files"))
    manifest = json.loads(layout.read_blob(layout.tags()[tag]))
    path = layout.blobs.directory / manifest["layers"][0]["digest"].removeprefix("sha256:")
    path.write_bytes(path.read_bytes()[::-1])
    assert judged.counts("6.1.9", recorder) is None
    assert any("the CVEs of 6.1.9 are not known" in note for note in recorder.notes)


def test_the_list_shows_counts_only_with_records(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged.put("6.1.9")
    monkeypatch.setattr(list_kernels, "make_setting", lambda *_: judged.shop.setting)
    monkeypatch.delenv("INGOT_CVE_DATA", raising=False)
    list_kernels.list_kernels(as_json=True)
    assert {each["cve_counts"] for each in json.loads(capsys.readouterr().out)["kernels"]} == {None}
    monkeypatch.setenv("INGOT_CVE_DATA", str(judged.data))
    list_kernels.list_kernels(as_json=True)
    printed = capsys.readouterr()
    rows = {each["kernel"]: each["cve_counts"] for each in json.loads(printed.out)["kernels"]}
    assert "read the CVE records of data" in printed.err  # there was no index of them
    assert rows.pop("6.1.9") == {"open": 5, "affected": 2, "not_affected": 2, "undecided": 1}
    assert set(rows.values()) == {None}
    list_kernels.list_kernels()
    printed = capsys.readouterr()
    assert ", 2 CVEs, 1 undecided)" in " ".join(printed.out.split())
    assert printed.err == ""


def test_verbs_without_an_option_for_the_cache_use_the_same_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INGOT_CACHE", "/caches/own")
    assert default_cache() == Path("/caches/own")
    monkeypatch.setenv("INGOT_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_cache() == Path("/caches/ingot")


def test_the_place_of_the_clone_is_the_same_for_all(judged: Judged) -> None:
    workspace = judged.shop.setting.project.workspace
    workspace.prepare()
    workspace.cve_clone.mkdir()
    assert cloned_records(workspace.cves) == workspace.cve_clone


def test_cves_that_only_one_kernel_has(judged: Judged) -> None:
    cves, files = judged.cves(), compiled_files(["net/core/dev.c"], {}, TREE)
    more = compiled_files(["net/core/dev.c", "drivers/net/other.c"], {}, TREE)
    before = cves.judge(KernelVersion.parse("6.1.9"), "6.1.9", files)
    after = cves.judge(KernelVersion.parse("6.1.10"), "6.1.10", more)
    changes = changes_between(before, after)
    assert changes == CveChanges(closed=("CVE-2026-1001",), opened=("CVE-2026-1004",))


def test_a_comparison_shows_them(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged.put("6.1.9")
    judged.put("6.1.10")
    monkeypatch.setattr(diff, "make_setting", lambda *_: judged.shop.setting)
    monkeypatch.setenv("INGOT_CVE_DATA", str(judged.data))
    diff.diff("6.1.9", "6.1.10", as_json=True)
    assert json.loads(capsys.readouterr().out)["cve_changes"] == {
        "closed": ["CVE-2026-1001"],
        "opened": [],
    }
    diff.diff("6.1.9", "6.1.10")
    shown = capsys.readouterr().out
    assert "CVEs in compiled files: 1 closed, 0 opened" in shown
    assert "- CVE-2026-1001" in " ".join(shown.split())
    monkeypatch.delenv("INGOT_CVE_DATA")
    diff.diff("6.1.9", "6.1.10", as_json=True)
    assert json.loads(capsys.readouterr().out)["cve_changes"] is None


def test_the_report_has_a_chart_of_them(judged: Judged) -> None:
    judged.put("6.1.9")
    judged.shop.put("6.1.10")
    found, omissions = kernels_of_store(judged.shop.layout)
    assert omissions == []
    images = with_cves_of_store(judged.cves(), found)
    report = gather(judged.shop.setting.project.catalog, "", images, [])
    (row,) = cve_rows(report.entries)
    assert [(part.name, part.amount) for part in row.parts] == [
        ("in compiled files", 2),
        ("undecided", 1),
    ]
    page = render_page(report)
    assert "CVEs side by side" in page
    assert "2 of 5" in page
    assert "CVEs" not in render_page(gather(judged.shop.setting.project.catalog, "", found, []))


# New releases


def fixes(judged: Judged, newer: str | None, *, ended: bool = False) -> list[KernelFixes]:
    reader = CveReader(judged.cves(), judged.shop.setting.project, None, Silent())
    version = KernelVersion.parse(newer) if newer else None
    return reader.fixes(KernelVersion.parse("6.1.9"), version, ended=ended)


def test_a_release_closes_what_it_or_an_earlier_one_fixes(judged: Judged) -> None:
    judged.put("6.1.9")
    judged.put("6.1.9-minimal", ["drivers/net/other.c"])
    default, minimal = fixes(judged, "6.1.11")
    assert (default.kernel.tag, default.affected) == ("6.1.9", 2)
    assert (default.closed, default.unfixed) == (("CVE-2026-1001",), ())
    assert (minimal.kernel.tag, minimal.affected, minimal.closed) == ("6.1.9-minimal", 1, ())
    assert closes_any([default, minimal])
    assert not closes_any([minimal])


def test_nothing_known_may_be_anything(judged: Judged) -> None:
    judged.shop.put("6.1.9")
    assert fixes(judged, "6.1.10") == []
    assert closes_any([])


def test_what_the_last_release_does_not_fix_stays_open(judged: Judged) -> None:
    judged.put("6.1.9")
    (found,) = fixes(judged, None, ended=True)
    assert (found.closed, found.unfixed) == ((), ("CVE-2026-1002", "CVE-2026-1001"))
    (found,) = fixes(judged, "6.1.10", ended=True)
    assert (found.closed, found.unfixed) == (("CVE-2026-1001",), ("CVE-2026-1002",))


def test_the_lines_of_an_update(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    judged.put("6.1.9")
    version = KernelVersion.parse("6.1.9")
    status = SeriesStatus(version.series, version, (), None, ended=True)
    many = tuple(f"CVE-2026-{number}" for number in range(1000, 1030))
    kernel = judged.shop.kernel("6.1.9")
    update.print_fixes(make_console(), status, [KernelFixes(kernel, 40, (), many)])
    shown = " ".join(capsys.readouterr().out.split())
    assert "6.1.9: no release will fix 30 CVEs in compiled files: CVE-2026-1000, " in shown
    assert shown.endswith("CVE-2026-1019 and 10 more")
