"""What limits the meaning of a passed boot is said: in the text, in JSON and in JUnit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from ingot import lab
from ingot.arch import arch
from ingot.boot.boot_report import BootReport, Verdict
from ingot.boot.vmm.choice import default_machine
from ingot.cli.boot import boot_operand
from ingot.cli.boot.boot_operand import BootOperand, boot_with_checks
from ingot.cli.boot.boot_result import boot_part, print_report
from ingot.cli.boot.junit import JunitSuite, write_junit
from ingot.cli.shared.terminal import Terminal
from ingot.kconfig import Config
from ingot.lab import BootRequest, NamedConfig
from ingot.progress import Silent
from ingot.version import KernelVersion

SERIES = KernelVersion.parse("6.1.999").series
STARTED = BootReport(Verdict.PASSED, "qemu microvm", "tcg", 1.0, (), (), ("qemu",))
REFUSED = BootReport(Verdict.NOT_STARTED, "none", "none", 0.0, (), (), (), "not a kernel")
CONFIG = NamedConfig("vmlinux", Config("CONFIG_A=y\n"), SERIES, arch("x86_64"))


def boot(
    monkeypatch: pytest.MonkeyPatch, report: BootReport, config: NamedConfig | None
) -> BootReport:
    """The report on a kernel file that has this config, where the boot itself gives `report`."""
    monkeypatch.setattr(boot_operand, "_config_of", lambda *_: config)
    monkeypatch.setattr(boot_operand, "_select_checks", lambda *_: ())
    monkeypatch.setattr(boot_operand, "any_builder", lambda *_: None)
    monkeypatch.setattr(lab, "boot_file", lambda *_: report)
    subject = BootOperand("vmlinux", file=Path("vmlinux"))
    return boot_with_checks(cast(Any, None), subject, BootRequest(), [], Silent())


def test_a_kernel_without_a_config_passes_no_checks_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = boot(monkeypatch, STARTED, None)
    (note,) = report.notes
    assert note.startswith("only the release and a clean shutdown were checked")
    assert "config of this kernel is not known" in note

    text = io.StringIO()
    print_report(Terminal(file=text), report, show_console=False)
    assert f"note: {note}" in text.getvalue()
    assert boot_part(BootOperand("vmlinux", file=Path("vmlinux")), report)["notes"] == [note]

    path = tmp_path / "boot.xml"
    write_junit(path, [JunitSuite("vmlinux", report)])
    (suite,) = ElementTree.parse(path).getroot()
    skipped = suite.find("testcase[@name='note']/skipped")
    assert skipped is not None
    assert skipped.get("message") == note
    assert suite.get("skipped") == "1"


def test_a_known_config_and_a_kernel_that_never_started_need_no_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert boot(monkeypatch, STARTED, CONFIG).notes == ()
    assert boot(monkeypatch, REFUSED, None).notes == ()


def test_a_config_that_does_not_name_its_kernel_chooses_no_checks_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = NamedConfig("vmlinux", CONFIG.config, None, None)
    assert boot(monkeypatch, STARTED, bare).notes


def test_a_machine_that_stands_in_for_no_vmm_of_the_kernel_is_noted() -> None:
    machine = default_machine(arch("x86_64"), ["another"])
    assert BootRequest(vmms=("firecracker",)).notes_on(machine) == ()
    assert BootRequest().notes_on(machine) == ()
    (note,) = BootRequest(vmms=("another", "third")).notes_on(machine)
    assert note == "qemu microvm does not represent a VMM of this kernel (another, third)"
