"""Boot reports as JUnit XML, in the form that Jenkins and GitLab read.

    <testsuites><testsuite name= tests= failures= errors= skipped= time=>
      <testcase classname= name= time=> <failure message=>text</failure> | <skipped message=/>
      <system-out>the console</system-out>

Source: the schema of Jenkins' xunit plugin (junit-10.xsd).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ingot.boot.boot_report import BootReport, CheckResult, Outcome
from ingot.cli.shared.output_file import is_standard_output, require_output_file, write_output
from ingot.errors import UserError
from ingot.printable import all_lines

# XML 1.0, "Characters": a document cannot contain any of these, not even escaped
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JunitSuite:
    """One boot and its name; `skipped` or `error` says why there is no report."""

    name: str
    report: BootReport | None
    skipped: str = ""
    error: str = ""


def require_junit(path: Path | None, *, as_json: bool) -> None:
    """UserError or MachineError if `write_junit` could not write to the path of --junit.

    Called before the boots, which take long.
    """
    if path is None:
        return
    if as_json and is_standard_output(path):
        raise UserError(
            f"--json and --junit {path} would mix two documents on standard output",
            hint="write one of them to a file: --junit FILE",
        )
    require_output_file(path)


def write_junit(path: Path, suites: Sequence[JunitSuite]) -> None:
    """Write the document to a file, or to standard output."""
    write_output(path, _document(suites))


def _document(suites: Sequence[JunitSuite]) -> bytes:
    root = Element("testsuites", name="ingot boot")
    for suite in suites:
        _add(root, suite)
    for count in ("tests", "failures", "errors", "skipped"):
        total = sum(int(each.get(count, "0")) for each in root)
        root.set(count, str(total))
    indent(root)
    text: bytes = tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text + b"\n"


def _add(root: Element, suite: JunitSuite) -> None:
    report = suite.report
    element = SubElement(root, "testsuite", name=_safe(suite.name))
    boot = SubElement(element, "testcase", classname=_safe(suite.name), name="boot")
    boot.set("time", f"{report.seconds if report else 0:.3f}")
    if suite.skipped:
        SubElement(boot, "skipped", message=_safe(suite.skipped))
    elif report is None:
        SubElement(boot, "error", message=_safe(suite.error))
    elif not report.passed:
        message = _safe(f"{report.verdict.value}: {report.reason}")
        SubElement(boot, "failure", message=message).text = _safe(report.explain())
    for check in report.checks if report else ():
        _add_check(element, suite.name, check)
    for note in report.notes if report else ():
        case = SubElement(element, "testcase", classname=_safe(suite.name), name="note", time="0")
        SubElement(case, "skipped", message=_safe(note))
    if report and report.console:
        SubElement(element, "system-out").text = _safe("\n".join(report.console))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(count, str(len(element.findall(f"testcase/{tag}"))))
    element.set("tests", str(len(element.findall("testcase"))))
    element.set("time", boot.get("time", "0"))


def _add_check(suite: Element, name: str, check: CheckResult) -> None:
    case = SubElement(suite, "testcase", classname=_safe(name), name=_safe(check.name), time="0")
    if check.outcome is Outcome.FAILED:
        SubElement(case, "failure", message=_safe(check.detail))
    elif check.outcome is Outcome.SKIPPED:
        SubElement(case, "skipped", message=_safe(check.detail))


def _safe(text: str) -> str:
    """The text without control characters, and without characters that XML cannot contain."""
    return _FORBIDDEN.sub("�", "\n".join(all_lines(text)))
