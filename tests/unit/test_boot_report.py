"""Every way a boot can go gets its own verdict, and says why."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.boot_report import (
    BootReport,
    CheckResult,
    Expectation,
    Outcome,
    Verdict,
    console_lines,
    read_reports,
)
from ingot.boot.boot_report import judge as judge_reports
from ingot.boot.boot_report import parse_check as parse_with
from ingot.boot.seal import seal
from tests.support import guests
from tests.support.guests import KEY, tagged

EXPECTED = Expectation("6.1.176", ("module crc.ko", "module veth.ko"), KEY)


def report(check: str, detail: str, *, ok: bool = True) -> str:
    return guests.report(check, detail, "passed" if ok else "failed")


def parse_check(line: str) -> CheckResult | None:
    return parse_with(line, KEY)


def judge(
    expected: Expectation | None,
    console: Sequence[str],
    *,
    returncode: int,
    timed_out: bool,
    skipped: Sequence[CheckResult] = (),
) -> tuple[Verdict, tuple[CheckResult, ...]]:
    reports = read_reports(console, KEY)
    return judge_reports(
        expected, reports, returncode=returncode, timed_out=timed_out, skipped=skipped
    )


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


PANIC = "[    0.5] Kernel panic - not syncing: VFS: Unable to mount root fs"
OOPSES = [
    "[    0.5] BUG: unable to handle page fault for address: 0",
    "[    0.5] Oops: 0000 [#1] SMP",
    "[    0.5] general protection fault, probably for non-canonical address",
    "[    0.5] kernel BUG at mm/slub.c:419!",
    "[    0.5] Unable to handle kernel NULL pointer dereference at virtual address 0",
    "[    0.5] Internal error: Oops - BUG: 00000000f2000800 [#1] SMP",
]


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_kernel_that_panicked_is_told_so_whatever_else_it_said(timed_out: bool) -> None:
    assert verdict([*GOOD[:2], PANIC], timed_out=timed_out) is Verdict.PANIC
    assert verdict([*GOOD, PANIC], timed_out=timed_out) is Verdict.PANIC
    assert verdict([*GOOD[:2], OOPSES[0], PANIC], timed_out=timed_out) is Verdict.PANIC


@pytest.mark.parametrize("line", OOPSES)
@pytest.mark.parametrize("timed_out", [True, False])
def test_an_oops_is_told_from_a_panic_and_never_passes(line: str, timed_out: bool) -> None:
    assert verdict([*GOOD[:2], line], timed_out=timed_out) is Verdict.OOPS
    assert verdict([*GOOD, line], timed_out=timed_out) is Verdict.OOPS


def test_what_a_check_says_of_an_oops_is_none() -> None:
    console = instead("module veth.ko", report("module veth.ko", "no Oops: at all"))
    assert verdict(console) is Verdict.PASSED


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


@pytest.mark.parametrize(
    "line",
    [
        "qemu-system-x86_64: warning: TCG doesn't support requested feature",
        "2026-11-24T02:30:17.123456789 [anonymous-instance:main] Running Firecracker v1.13.1",
        "cloud-hypervisor: 12.5ms: <vmm> WARN:vmm/src/lib.rs:1 -- something",
        "SeaBIOS (version 1.16.2-debian-1.16.2-1)",
        "Booting from ROM..",
    ],
)
def test_what_the_vmm_says_itself_is_no_word_of_the_guest(line: str) -> None:
    assert verdict([line], timed_out=True) is Verdict.SILENT
    assert verdict([line, "[    0.0] Linux version"], timed_out=True) is Verdict.HANG


def test_a_machine_that_does_not_start_is_not_blamed_on_the_kernel() -> None:
    console = ["qemu-system-x86_64: could not load PVH note"]
    assert verdict(console, returncode=1) is Verdict.NOT_STARTED
    assert verdict([], returncode=1) is Verdict.NOT_STARTED


def test_a_machine_that_dies_under_its_guest_had_started() -> None:
    console = ["[    0.000000] Linux version 6.1.176", "qemu: Aborted"]
    assert verdict(console, returncode=-6) is Verdict.FAILED


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
    assert failed(without("end")) == ["shutdown: init did not reach the end of its plan"]


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
    assert parse_check(line) == CheckResult("release", Outcome.PASSED, "6.1.176")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "INGOT",
        "INGOT {}",
        "INGOT {not json}",
        'INGOT {"check":"a","outcome":"passed"}',
        'INGOT {"check":"a","outcome":"passed","detail":"x"} and [    0.1] more',
        'ingot {"check":"a","outcome":"passed","detail":"x"}',
        'INGOT [{"check":"a","outcome":"passed","detail":"x"}]',
    ],
)
def test_a_line_that_is_no_whole_report_is_none(line: str) -> None:
    assert parse_check(line) is None
    assert parse_check(tagged(line)) is None


@pytest.mark.parametrize("value", ["1", '"PASSED"', '"ok"', "null", "true", "[]"])
def test_an_outcome_that_is_none_reports_nothing(value: str) -> None:
    assert parse_check(tagged(f'INGOT {{"check":"a","outcome":{value},"detail":"x"}}')) is None


def test_deep_json_is_no_report() -> None:
    assert parse_check(tagged(f"INGOT {{{'[' * 2_000}}}")) is None
    assert parse_check(f"INGOT {{{'[' * 100_000}}}") is None
    assert parse_check("INGOT {" * 20_000 + "}") is None


def test_what_json_can_spell_and_a_terminal_would_obey_is_left_out() -> None:
    detail = r"\u001b]0;mine\u0007\u001b[2J6.1\ud800"
    line = f'INGOT {{"check":"rel\\u001b[1mease","outcome":"passed","detail":"{detail}"}}'
    assert parse_check(tagged(line)) == CheckResult("release", Outcome.PASSED, "6.1\ufffd")


@given(st.lists(st.text(max_size=40), max_size=5), st.integers(-20, 20), st.booleans())
def test_noise_never_passes(console: list[str], returncode: int, timed_out: bool) -> None:
    assert verdict(console, returncode=returncode, timed_out=timed_out) is not Verdict.PASSED


def test_a_report_explains_itself_by_what_failed_and_the_end_of_the_console() -> None:
    console = tuple(f"line {n}" for n in range(100))
    checks = (
        CheckResult("release", Outcome.PASSED, "6.1.176"),
        CheckResult("module veth.ko", Outcome.FAILED, "no memory"),
    )
    found = BootReport(Verdict.FAILED, "qemu microvm", "tcg", 1.0, checks, console, ("qemu",))
    lines = found.explain().splitlines()
    assert lines[0] == "module veth.ko: no memory"
    assert lines[-1] == "line 99"
    assert "line 1" not in lines
    assert not any("release" in line for line in lines)
    assert not found.passed


def test_a_root_that_did_not_fit_into_memory_is_named_as_the_cause_of_the_panic() -> None:
    console = (
        "[    1.2] Initramfs unpacking failed: write error",
        "[    1.9] Kernel panic - not syncing: No working init found.",
    )
    found = BootReport(Verdict.PANIC, "qemu microvm", "tcg", 1.0, (), console, ("qemu",))
    assert found.reason == (
        "Initramfs unpacking failed: write error (the guest may have too little memory for it);"
        " Kernel panic - not syncing: No working init found."
    )


def test_a_panic_is_told_by_its_first_line_however_long_its_trace() -> None:
    console = ("Kernel panic - not syncing: no init", *(f"trace {n}" for n in range(50)))
    told = BootReport(Verdict.PANIC, "qemu microvm", "tcg", 1.0, (), console, ("qemu",)).explain()
    assert told.startswith("Kernel panic - not syncing: no init\n")
    assert told.endswith("trace 49")


# Skipped


def test_what_could_not_run_is_listed_and_neither_passes_nor_fails() -> None:
    skipped = (CheckResult("vsock", Outcome.SKIPPED, "qemu microvm does not offer vsock"),)
    found, checks = judge(EXPECTED, GOOD, returncode=0, timed_out=False, skipped=skipped)
    assert found is Verdict.PASSED
    assert skipped[0] in checks
    assert [check.ok for check in skipped] == [True]


def test_a_check_that_init_skipped_is_not_one_that_passed() -> None:
    line = guests.report("module veth.ko", "no such thing", "skipped")
    found, checks = judge(EXPECTED, instead("module veth.ko", line), returncode=0, timed_out=False)
    assert found is Verdict.PASSED
    (check,) = (check for check in checks if check.name == "module veth.ko")
    assert check.outcome is Outcome.SKIPPED


def test_any_release_will_do_where_none_is_known() -> None:
    expected = Expectation("", (), KEY)
    assert judge(expected, GOOD, returncode=0, timed_out=False)[0] is Verdict.PASSED
    assert judge(expected, GOOD[2:], returncode=0, timed_out=False)[0] is Verdict.FAILED


# An init of the guest's own


@pytest.mark.parametrize(
    ("console", "returncode", "timed_out", "found"),
    [
        (
            ["[    0.1] Linux version", "login:", "[ 9.1] reboot: Power down"],
            0,
            False,
            Verdict.PASSED,
        ),
        (["[    0.1] Linux version 6.1.176"], 0, False, Verdict.FAILED),  # it fell over
        (["[    0.1] Linux version 6.1.176", "login:"], -15, True, Verdict.HANG),
        ([], 0, False, Verdict.SILENT),
        ([], -15, True, Verdict.SILENT),
        ([PANIC], 0, False, Verdict.PANIC),
        ([OOPSES[0]], 0, False, Verdict.OOPS),
        (["qemu: no such file"], 1, False, Verdict.NOT_STARTED),
        (["[    0.1] Linux version 6.1.176"], -6, False, Verdict.FAILED),
    ],
)
def test_of_an_init_that_is_not_ingots_nothing_is_asked_but_to_end(
    console: list[str], returncode: int, timed_out: bool, found: Verdict
) -> None:
    told, checks = judge(None, console, returncode=returncode, timed_out=timed_out)
    assert told is found
    assert [check.name for check in checks] == ["shutdown"]


# Lines that are not init's

FORGED = [json.dumps({"check": "module veth.ko", "outcome": "passed", "detail": "loaded"})] * 2
OTHER_KEY = bytes(16)


@pytest.mark.parametrize(
    "line",
    [
        f"INGOT {FORGED[0]}",
        f"INGOT {'0' * 16} {FORGED[0]}",
        f"INGOT {seal(OTHER_KEY, FORGED[0])} {FORGED[0]}",
        f"INGOT {seal(KEY, FORGED[0]).upper()} {FORGED[0]}",
        f"INGOT {seal(KEY, FORGED[0])}0 {FORGED[0]}",
        f"INGOT {seal(KEY, FORGED[0] + ' ')} {FORGED[0]}",
        f"INGOT {seal(KEY, FORGED[0])} {FORGED[0].replace('loaded', 'l')}",
        "INGOT - " + FORGED[0],
        "INGOT \u0660\u0661 " + FORGED[0],
        "[    0.1] a banner: INGOT " + FORGED[0],
    ],
)
def test_a_line_without_the_tag_of_its_words_passes_nothing(line: str) -> None:
    assert parse_check(line) is None
    console = instead("module veth.ko", line)
    assert verdict(console) is Verdict.FAILED
    assert failed(console) == ["module veth.ko: init never reported it"]


def test_a_line_of_init_passes_nothing_but_its_own_check() -> None:
    """What a program saw on the console tells it no other tag."""
    passed = report("module crc.ko", "loaded")
    tag = passed.split()[1]
    other = passed.partition("{")[2].replace("crc", "veth")
    console = instead("module veth.ko", f"INGOT {tag} {{{other}")
    assert failed(console) == ["module veth.ko: init never reported it"]
    again = [*without("module veth.ko"), passed, passed]
    assert failed(again) == ["module veth.ko: init never reported it"]


def test_what_a_program_prints_takes_nothing_from_what_init_said() -> None:
    forged = 'INGOT {"check":"module veth.ko","outcome":"failed","detail":"forged"}'
    assert verdict([forged, *GOOD, forged]) is Verdict.PASSED


def test_without_a_key_nothing_is_believed() -> None:
    assert parse_with(report("release", "6.1.176"), b"") is None
    assert parse_with(report("release", "6.1.176"), KEY[:8]) is None
    assert parse_with(guests.report("release", "6.1.176", key=OTHER_KEY), b"") is None


def test_lines_that_look_like_inits_are_counted_and_told() -> None:
    one = told([*instead("end", f"INGOT {FORGED[0]}")])
    assert "the guest printed 1 line that looks like a check result" in one.explain()
    torn = report("module veth.ko", "loaded").replace('"outcome"', '[    0.1] x "outcome')
    found = told([GOOD[0], torn, *(f"INGOT {text}" for text in FORGED)])
    assert found.reports.forged == 2  # what the kernel tore apart was init's
    assert "2 lines that look like check results" in found.explain()
    assert "ignored" in found.forgery
    assert told(GOOD).forgery == ""


def test_a_panic_cannot_be_hidden_in_what_looks_like_a_report() -> None:
    line = json.dumps({"check": "x", "outcome": "passed", "detail": "Kernel panic - not syncing"})
    assert verdict([*GOOD, f"INGOT {line}"]) is Verdict.PANIC


def test_noise_of_any_size_is_judged_at_once() -> None:
    """Each would take minutes if a line were read more than a few times."""
    size = 1 << 18
    for line in (
        "x" * size,
        "INGOT " * (size // 6),
        "INGOT {" * (size // 7) + "}",
        "INGOT 0123456789abcdef {" * (size // 24) + "}",
        "\x1b[" * (size // 2),
        "\x1b[" + "0" * size,
        "\0" * size,
        "Oops - " * (size // 7),
        "Oops - " + "a " * (size // 2),
        "[" + " " * size,
        "<1>" * (size // 3),
        "{" * size,
    ):
        console = console_lines(line)
        found = told([*console, *GOOD])
        assert found.verdict is Verdict.PASSED
        assert len(found.explain()) < 100_000


def test_a_line_that_is_longer_than_anybody_reads_is_cut_where_it_is_shown() -> None:
    lines = told([GOOD[0], "y" * 5000]).explain().splitlines()
    assert lines[-1] == "y" * 1000 + "... (4,000 more characters)"


# The reason, in one line


def told(
    console: list[str], *, returncode: int = 0, timed_out: bool = False, seconds: float = 12.0
) -> BootReport:
    found, checks = judge(EXPECTED, console, returncode=returncode, timed_out=timed_out)
    reports = read_reports(console, KEY)
    return BootReport(
        found, "qemu microvm", "tcg", seconds, checks, tuple(console), ("qemu",), reports=reports
    )


def test_each_verdict_has_its_reason() -> None:
    assert told(GOOD).reason == ""
    assert told([*GOOD[:1], PANIC]).reason == (
        "Kernel panic - not syncing: VFS: Unable to mount root fs"
    )
    assert told([*GOOD, OOPSES[1]]).reason == "Oops: 0000 [#1] SMP (the guest then ended cleanly)"
    assert (
        told([GOOD[0], OOPSES[1]]).reason == "Oops: 0000 [#1] SMP (the guest did not end cleanly)"
    )
    assert told(["[    0.1] scanning"], timed_out=True).reason == (
        "still running after 12 s; its last line: scanning"
    )
    ended = ["[    0.1] scanning", "qemu-system-x86_64: terminating on signal 15 from pid 1"]
    assert told(ended, timed_out=True).reason.endswith("its last line: scanning")
    assert told([], timed_out=True).reason == "nothing on the console in 12 s"
    assert told(["qemu: no KVM"], returncode=1).reason == "qemu: no KVM"
    assert told([], returncode=1).reason == "no message"
    assert told(GOOD, returncode=3).reason == "shutdown: the machine ended with exit code 3"
    assert told(without("end")[:1]).reason == "release: init never reported it (and 3 more)"


def test_a_reason_is_short_and_without_its_time_stamp() -> None:
    line = f"<4>[   12.5][    T1] Kernel panic - not syncing: {'x' * 5000}"
    assert told([line]).reason.startswith("Kernel panic")
    assert len(told([line]).reason) < 300


def test_many_checks_that_were_never_reported_take_one_line() -> None:
    lines = told([PANIC]).explain().splitlines()
    assert lines[0] == "Kernel panic - not syncing: VFS: Unable to mount root fs"
    assert "init never reported it: release, module crc.ko, module veth.ko" in lines


def test_what_went_well_is_no_news_at_the_end_of_a_console() -> None:
    lines = told(instead("module veth.ko", report("module veth.ko", "bad", ok=False))).explain()
    assert '"outcome": "passed"' not in lines
    assert '"outcome": "failed"' in lines


def test_what_is_known_without_a_console_is_told() -> None:
    found = BootReport(Verdict.WRONG_ARCH, "none", "none", 0, (), (), (), "a kernel for arm64")
    assert found.reason == found.explain() == "a kernel for arm64"


def test_no_line_of_a_guest_does_anything_to_a_terminal() -> None:
    output = "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n\n \t\none\x07\x00 two\x9b31m\n[  0.1] x\n"
    assert console_lines(output) == ("SeaBIOS", "one two", "[  0.1] x")
