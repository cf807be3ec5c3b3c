"""Every way a boot can go gets its own verdict, and says why."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.report import (
    BootReport,
    Check,
    Expectation,
    Verdict,
    judge,
    parse_check,
)

EXPECTED = Expectation("6.1.176", ("crc.ko", "veth.ko"))


def report(check: str, detail: str, *, ok: bool = True) -> str:
    return "INGOT " + json.dumps({"check": check, "ok": ok, "detail": detail})


GOOD = [
    "[    0.000000] Linux version 6.1.176 (ingot@ingot)",
    report("release", "6.1.176"),
    report("module crc.ko", "loaded"),
    "[    0.081263] veth: loading out-of-tree module taints kernel.",
    report("module veth.ko", "was there"),
    report("end", "rebooting"),
    "[    0.093] reboot: Restarting system",
]


def verdict(console: list[str], *, returncode: int = 0, timed_out: bool = False) -> Verdict:
    return judge(EXPECTED, console, returncode=returncode, timed_out=timed_out)[0]


def failed(console: list[str], *, returncode: int = 0, timed_out: bool = False) -> list[str]:
    _, checks = judge(EXPECTED, console, returncode=returncode, timed_out=timed_out)
    return [f"{check.name}: {check.detail}" for check in checks if not check.ok]


def without(check: str) -> list[str]:
    return [line for line in GOOD if f'"{check}"' not in line]


def instead(check: str, line: str) -> list[str]:
    return [line if f'"{check}"' in old else old for old in GOOD]


def test_a_boot_with_all_checks_and_a_clean_end_passes() -> None:
    found, checks = judge(EXPECTED, GOOD, returncode=0, timed_out=False)
    assert found is Verdict.PASSED
    assert [check.name for check in checks] == [
        "release",
        "module crc.ko",
        "module veth.ko",
        "shutdown",
    ]
    assert all(check.ok for check in checks)


def test_a_kernel_without_modules_passes_without_any() -> None:
    console = [report("release", "6.1.176"), report("end", "rebooting")]
    found, _ = judge(Expectation("6.1.176", ()), console, returncode=0, timed_out=False)
    assert found is Verdict.PASSED


@pytest.mark.parametrize(
    "line",
    [
        "[    0.5] Kernel panic - not syncing: VFS: Unable to mount root fs",
        "[    0.5] BUG: unable to handle page fault for address: 0",
        "[    0.5] Oops: 0000 [#1] SMP",
        "[    0.5] general protection fault, probably for non-canonical address",
    ],
)
@pytest.mark.parametrize("timed_out", [True, False])
def test_a_kernel_that_panicked_is_told_so_whatever_else_it_said(
    line: str, timed_out: bool
) -> None:
    assert verdict([*GOOD[:2], line], timed_out=timed_out) is Verdict.PANIC
    assert verdict([*GOOD, line], timed_out=timed_out) is Verdict.PANIC


def test_a_debug_message_is_no_bug() -> None:
    assert verdict([*GOOD, "[    0.2] ACPI DEBUG: table loaded"]) is Verdict.PASSED


def test_a_guest_that_stops_half_way_hangs() -> None:
    assert verdict(GOOD[:1], returncode=-15, timed_out=True) is Verdict.HANG
    assert verdict(GOOD[:3], returncode=-15, timed_out=True) is Verdict.HANG


def test_a_guest_that_never_ends_after_all_checks_hangs_and_says_where() -> None:
    assert verdict(GOOD, returncode=-15, timed_out=True) is Verdict.HANG
    assert failed(GOOD, timed_out=True) == ["shutdown: the guest did not end after init was done"]


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_guest_that_said_nothing_is_silent(timed_out: bool) -> None:
    assert verdict([], timed_out=timed_out) is Verdict.SILENT
    assert failed([])[0] == "release: init never reported it"


def test_a_machine_that_does_not_start_is_not_blamed_on_the_kernel() -> None:
    console = ["qemu-system-x86_64: could not load PVH note"]
    assert verdict(console, returncode=1) is Verdict.NOT_STARTED
    assert verdict([], returncode=1) is Verdict.NOT_STARTED


def test_another_release_fails() -> None:
    console = instead("release", report("release", "6.1.175"))
    assert verdict(console) is Verdict.FAILED
    assert failed(console) == ["release: is 6.1.175, not 6.1.176"]


def test_a_module_that_does_not_load_fails_with_its_reason() -> None:
    line = report("module veth.ko", "Exec format error", ok=False)
    console = instead("module veth.ko", line)
    assert verdict(console) is Verdict.FAILED
    assert failed(console) == ["module veth.ko: Exec format error"]


@pytest.mark.parametrize("check", ["release", "module crc.ko", "module veth.ko"])
def test_a_check_that_was_planned_and_not_reported_fails(check: str) -> None:
    assert verdict(without(check)) is Verdict.FAILED
    assert failed(without(check)) == [f"{check}: init never reported it"]


def test_an_init_that_died_before_its_end_fails() -> None:
    assert verdict(without("end")) is Verdict.FAILED
    assert failed(without("end")) == ["shutdown: init did not get that far"]


def test_a_machine_that_ends_with_an_error_did_not_shut_down_cleanly() -> None:
    assert verdict(GOOD, returncode=-11) is Verdict.FAILED
    assert failed(GOOD, returncode=-11) == ["shutdown: the machine ended with exit code -11"]


def test_a_release_that_could_not_be_read_fails() -> None:
    console = instead("release", report("release", "Bad address", ok=False))
    assert verdict(console) is Verdict.FAILED


def test_a_failure_that_nobody_expected_fails_too() -> None:
    console = [*GOOD, report("plan", "has a line that init does not know", ok=False)]
    assert verdict(console) is not Verdict.PASSED


def test_a_check_that_failed_once_has_failed() -> None:
    line = report("module veth.ko", "Exec format error", ok=False)
    assert verdict([line, *GOOD]) is Verdict.FAILED


# Lines


@pytest.mark.parametrize("before", ["", "[    0.1] random: crng init done ", "\r"])
@pytest.mark.parametrize("after", ["", "\r", "  "])
def test_a_report_is_read_out_of_what_the_kernel_put_around_it(before: str, after: str) -> None:
    line = f"{before}{report('release', '6.1.176')}{after}"
    assert parse_check(line) == Check("release", True, "6.1.176")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "INGOT",
        "INGOT {}",
        "INGOT {not json}",
        'INGOT {"check":"a","ok":true}',
        'INGOT {"check":"a","ok":true,"detail":"x"} and [    0.1] more',
        'ingot {"check":"a","ok":true,"detail":"x"}',
        'INGOT [{"check":"a","ok":true,"detail":"x"}]',
    ],
)
def test_a_line_that_is_no_whole_report_is_none(line: str) -> None:
    assert parse_check(line) is None


@pytest.mark.parametrize("value", ["1", '"true"', "null", "false", "[true]"])
def test_only_true_is_well(value: str) -> None:
    check = parse_check(f'INGOT {{"check":"a","ok":{value},"detail":"x"}}')
    assert check is not None
    assert not check.ok


@given(st.lists(st.text(max_size=40), max_size=5), st.integers(-20, 20), st.booleans())
def test_noise_never_passes(console: list[str], returncode: int, timed_out: bool) -> None:
    assert verdict(console, returncode=returncode, timed_out=timed_out) is not Verdict.PASSED


def test_a_report_explains_itself_by_what_failed_and_the_end_of_the_console() -> None:
    console = tuple(f"line {n}" for n in range(100))
    checks = (Check("release", True, "6.1.176"), Check("module veth.ko", False, "no memory"))
    found = BootReport(Verdict.FAILED, "qemu microvm", "tcg", 1.0, checks, console, ("qemu",))
    lines = found.explain().splitlines()
    assert lines[0] == "module veth.ko: no memory"
    assert lines[-1] == "line 99"
    assert "line 1" not in lines
    assert not any("release" in line for line in lines)
    assert not found.passed


def test_a_panic_is_told_by_its_first_line_however_long_its_trace() -> None:
    console = ("Kernel panic - not syncing: no init", *(f"trace {n}" for n in range(50)))
    told = BootReport(Verdict.PANIC, "qemu microvm", "tcg", 1.0, (), console, ("qemu",)).explain()
    assert told.startswith("Kernel panic - not syncing: no init\n")
    assert told.endswith("trace 49")
