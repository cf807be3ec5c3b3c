"""Boot reports as JUnit XML: well-formed whatever a guest prints."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.cli.boot.junit import JunitSuite, write_junit

CHECKS = (
    CheckResult("release", Outcome.PASSED, "6.1.176"),
    CheckResult("vsock", Outcome.SKIPPED, "qemu microvm does not offer vsock"),
    CheckResult("veth", Outcome.FAILED, "no packet"),
)


def boot(verdict: Verdict, console: tuple[str, ...] = ("a line",)) -> BootReport:
    checks = CHECKS if verdict is Verdict.FAILED else CHECKS[:2]
    return BootReport(verdict, "qemu microvm", "tcg", 1.5, checks, console, ("qemu",))


def written(path: Path, *suites: JunitSuite) -> ElementTree.Element:
    write_junit(path, suites)
    return ElementTree.parse(path).getroot()


def test_each_boot_is_a_suite_and_each_check_a_case(tmp_path: Path) -> None:
    root = written(
        tmp_path / "x.xml",
        JunitSuite("good", boot(Verdict.PASSED)),
        JunitSuite("bad", boot(Verdict.FAILED)),
        JunitSuite("absent", None, skipped="no firecracker"),
        JunitSuite("broken", None, error="no builder"),
    )
    assert root.tag == "testsuites"
    counts = {
        suite.get("name"): tuple(
            suite.get(name) for name in ("tests", "failures", "errors", "skipped")
        )
        for suite in root
    }
    assert counts == {
        "good": ("3", "0", "0", "1"),
        "bad": ("4", "2", "0", "1"),
        "absent": ("1", "0", "0", "1"),
        "broken": ("1", "0", "1", "0"),
    }
    assert (root.get("tests"), root.get("failures")) == ("9", "2")
    case = root.find("testsuite[@name='bad']/testcase[@name='veth']")
    assert case is not None
    assert case.get("classname") == "bad"
    assert [part.get("message") for part in case] == ["no packet"]
    assert root[0].findtext("system-out") == "a line"
    assert root[0].get("time") == "1.500"


@pytest.mark.parametrize("line", ["\x1b[31mred\x1b[0m", "nul \x00", "]]> & <a>", "\ufffe \ud800"])
def test_what_xml_cannot_hold_is_replaced(line: str, tmp_path: Path) -> None:
    console = (line.encode("utf-8", "replace").decode(), line)
    root = written(tmp_path / "x.xml", JunitSuite("x", boot(Verdict.PASSED, console)))
    text = root[0].findtext("system-out")
    assert text is not None
    assert "\x1b" not in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.text(), max_size=4), st.text(), st.text())
def test_any_text_gives_a_document(
    tmp_path: Path, console: list[str], name: str, detail: str
) -> None:
    checks = (CheckResult(name, Outcome.FAILED, detail),)
    found = BootReport(Verdict.FAILED, name, "tcg", 0.1, checks, tuple(console), ("qemu",))
    root = written(tmp_path / "x.xml", JunitSuite(name, found))
    assert root.get("failures") == "2"
