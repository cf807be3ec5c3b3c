"""What limits the meaning of a passed boot is said: in the text, in JSON and in JUnit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from ingot import lab
from ingot.arch import arch
from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.boot.vmm.choice import default_machine
from ingot.catalog import GuestCheck
from ingot.cli.boot import boot_operand
from ingot.cli.boot.boot_operand import BootOperand, boot_with_checks
from ingot.cli.boot.boot_result import boot_part, print_report
from ingot.cli.boot.junit import JunitSuite, write_junit
from ingot.cli.shared.terminal import Terminal, Verbosity, set_verbosity
from ingot.kconfig import Config
from ingot.lab import BootRequest, NamedConfig
from ingot.progress import Silent
from ingot.version import KernelVersion

SERIES = KernelVersion.parse("6.1.999").series
STARTED = BootReport(Verdict.PASSED, "qemu microvm", "tcg", 1.0, (), (), ("qemu",))
REFUSED = BootReport(Verdict.NOT_STARTED, "none", "none", 0.0, (), (), (), "not a kernel")
CONFIG = NamedConfig("vmlinux", Config("CONFIG_A=y\n"), SERIES, arch("x86_64"))


def check(name: str) -> GuestCheck:
    return GuestCheck(name, about="a test", feature="feature/x", run=("clock",))


def boot(
    monkeypatch: pytest.MonkeyPatch,
    report: BootReport,
    config: NamedConfig | None,
    *chosen: GuestCheck,
    names: Sequence[str] = (),
) -> BootReport:
    """The report on a kernel file that has this config, where the boot itself gives `report`."""

    def boot_file(*given: Any) -> BootReport:
        return replace(report, verdict=given[3].verdict_on(report))

    monkeypatch.setattr(boot_operand, "_config_of", lambda *_: config)
    monkeypatch.setattr(boot_operand, "_select_checks", lambda *_: chosen)
    monkeypatch.setattr(boot_operand, "any_builder", lambda *_: None)
    monkeypatch.setattr(lab, "refusal_of_file", lambda *_: None)
    monkeypatch.setattr(lab, "boot_file", boot_file)
    subject = BootOperand("vmlinux", file=Path("vmlinux"))
    return boot_with_checks(cast(Any, None), subject, BootRequest(), names, Silent())


def test_a_kernel_without_a_config_has_booted_but_passed_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = boot(monkeypatch, STARTED, None)
    assert (report.verdict, report.passed) == (Verdict.BOOTED, True)
    (note,) = report.notes
    assert note.startswith("only the release and a clean shutdown were checked")
    assert "config of this kernel is not known" in note

    text = io.StringIO()
    print_report(Terminal(file=text, width=200), report, show_console=False)
    assert f"note: {note}" in text.getvalue()
    assert "booted (qemu microvm" in text.getvalue()
    assert "passed" not in text.getvalue()
    document = boot_part(BootOperand("vmlinux", file=Path("vmlinux")), report)
    assert (document["notes"], document["verdict"]) == ([note], "booted")

    path = tmp_path / "boot.xml"
    write_junit(path, [JunitSuite("vmlinux", report)])
    (suite,) = ElementTree.parse(path).getroot()
    skipped = suite.find("testcase[@name='note']/skipped")
    assert skipped is not None
    assert skipped.get("message") == note
    assert suite.get("skipped") == "1"


def test_a_check_that_ran_makes_a_boot_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = CheckResult("veth", Outcome.PASSED, "sent")
    report = boot(monkeypatch, replace(STARTED, checks=(ran,)), CONFIG, check("veth"))
    assert (report.verdict, report.notes) == (Verdict.PASSED, ())


def test_checks_that_were_all_skipped_make_no_boot_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skipped = CheckResult("veth", Outcome.SKIPPED, "no network")
    report = boot(monkeypatch, replace(STARTED, checks=(skipped,)), CONFIG, check("veth"))
    assert report.verdict is Verdict.BOOTED
    assert "this machine can run none of its 1 checks" in report.notes[0]


def test_a_config_that_no_check_fits_passes_nothing_either(monkeypatch: pytest.MonkeyPatch) -> None:
    report = boot(monkeypatch, STARTED, CONFIG)
    assert report.verdict is Verdict.BOOTED
    assert "no check of the catalog fits the config" in report.notes[0]


def test_a_boot_without_checks_that_was_asked_for_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    report = boot(monkeypatch, STARTED, None, names=["none"])
    assert (report.verdict, report.notes) == (Verdict.PASSED, ())


def test_a_kernel_that_never_started_needs_no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    report = boot(monkeypatch, REFUSED, None)
    assert (report.verdict, report.notes) == (Verdict.NOT_STARTED, ())


def test_a_config_that_does_not_name_its_kernel_chooses_no_checks_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = NamedConfig("vmlinux", CONFIG.config, None, None)
    assert boot(monkeypatch, STARTED, bare).notes


def print_checks(report: BootReport) -> list[str]:
    text = io.StringIO()
    print_report(Terminal(file=text, width=200), report, show_console=False)
    return text.getvalue().splitlines()


def test_a_passed_boot_prints_counts_and_verbose_output_every_check() -> None:
    passed = [CheckResult(f"c{n}", Outcome.PASSED, "fine") for n in range(100)]
    skipped = [CheckResult(f"s{n}", Outcome.SKIPPED, "no disk") for n in range(4)]
    failed = CheckResult("f", Outcome.FAILED, "no route")
    report = replace(STARTED, checks=(*passed, *skipped, failed))
    assert print_checks(report)[:-1] == [
        "✗ f: no route",
        "- 4 checks: skipped, no disk",
        "105 checks: 100 passed, 1 failed, 4 skipped",
    ]
    set_verbosity(Verbosity.VERBOSE)
    try:
        lines = print_checks(report)
    finally:
        set_verbosity(Verbosity.NORMAL)
    assert len(lines) == 107
    assert "✓ c99: fine" in lines and "- s0: skipped, no disk" in lines


def test_a_machine_that_stands_in_for_no_vmm_of_the_kernel_is_noted() -> None:
    machine = default_machine(arch("x86_64"), ["another"])
    assert BootRequest(vmms=("firecracker",)).notes_on(machine) == ()
    assert BootRequest().notes_on(machine) == ()
    (note,) = BootRequest(vmms=("another", "third")).notes_on(machine)
    assert note == "qemu microvm does not represent a VMM of this kernel (another, third)"
