"""Where a boot's instructions went, told by the lines that the kernel said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.cost.boot_profile import Initcall, Phase
from ingot.boot.cost.boot_timeline import Breakdown, ConsoleLine, read_lines
from ingot.boot.cost.boot_timeline import break_down as break_down_with
from tests.support.guests import KEY, report
from tests.support.recordings import said

REPORT = report("clock", "1 1")
KERNEL = (
    (1_000, "[    0.000000] Linux version 6.1.176 (ingot@ingot)"),
    (1_200, "[    0.000000] earlycon: uart8250 at I/O port 0x3f8 (options '')"),
    (5_000, "[    0.014088] setup_percpu: NR_CPUS:64 nr_cpumask_bits:1"),
    (5_200, "[    0.014088] percpu: Embedded 43 pages/cpu s136232"),
    (9_000, "[    0.018911] Memory: 238712K/261752K available (8194K kernel code)"),
    (9_500, "[    0.019601] Calibrating delay loop (skipped), value calculated"),
    (20_000, "[    0.024081] Freeing SMP alternatives memory: 24K"),
    (20_100, "[    0.024081] pid_max: default: 32768 minimum: 301"),
    (30_000, "[    0.024081] smp: Brought up 1 node, 1 CPU"),
    (31_000, "[    0.024081] calling  acpi_init+0x0/0x1b5 @ 1"),
    (34_000, "[    0.024081] initcall acpi_init+0x0/0x1b5 returned 0 after 4000 usecs"),
    (40_000, "[    0.033246] calling  populate_rootfs+0x0/0x3b @ 1"),
    (41_000, "[    0.033246] Unpacking initramfs..."),
    (80_000, "[    0.075067] initcall populate_rootfs+0x0/0x3b returned 0 after 1 usecs"),
    (90_000, "[    0.088000] Freeing unused kernel image (initmem) memory: 996K"),
    (99_000, "[    0.089134] Run /init as init process"),
    (100_000, REPORT),
)


def lines(*parts: tuple[int, str], each: int = 0) -> list[ConsoleLine]:
    return read_lines(*said(parts, each))


def break_down(said: Sequence[ConsoleLine], detailed: int, quiet: int) -> Breakdown:
    return break_down_with(said, detailed, quiet, KEY)


def taken(parts: tuple[Phase, ...] | tuple[Initcall, ...]) -> dict[str, int]:
    return {part.name: part.instructions for part in parts}


def test_each_span_ends_where_the_log_marks_it() -> None:
    found = break_down(lines(*KERNEL), detailed=99_900, quiet=99_900)
    assert found.instructions == 99_900
    assert found.phases == (
        Phase("entry", 1_000),
        Phase("architecture", 4_000),
        Phase("memory", 4_000),
        Phase("scheduler, interrupts, console", 500),
        Phase("CPU features and code patching", 10_500),
        Phase("timers and CPUs", 10_000),
        Phase("initcalls before the initramfs", 10_000),
        Phase("initramfs", 40_000),
        Phase("initcalls after the initramfs", 10_000),
        Phase("freeing memory, starting init", 9_900),
    )
    assert found.initcalls == (Initcall("populate_rootfs", 40_000), Initcall("acpi_init", 3_000))
    assert found.calibration == 0


def test_characters_and_the_making_of_lines_count_for_nothing() -> None:
    plain = taken(break_down(lines(*KERNEL), 99_900, 99_900).phases)
    spent = 0
    loud = []
    for begin, text in KERNEL:
        spent += 300  # to make the line
        loud.append((begin + spent, text))
        spent += 7 * len(f"{text}\r\n") - 7  # from its first character to its last
    dear = break_down(lines(*loud, each=7), 99_900 + loud[-1][0] - 100_000 - 300, 99_900)
    assert dear.instructions == 99_900
    assert taken(dear.phases) == plain
    assert taken(dear.initcalls) == {"populate_rootfs": 40_000, "acpi_init": 3_000}


@pytest.mark.parametrize("word", ["calibrating", "Calibrating"])
def test_the_calibration_of_the_timer_is_left_out(word: str) -> None:
    before, after = KERNEL[:8], KERNEL[8:]
    calibration = (
        (21_000, "[    0.024081] Using local APIC timer interrupts."),
        (21_001, f"[    0.024081] {word} APIC timer ..."),
        (1_021_001, "[    0.024081] ... lapic delta = 6249956"),
        (1_021_100, "[    0.024081] ... verify APIC timer"),
        (3_021_100, "[    0.024081] ... jiffies delta = 25"),
    )
    later = [(begin + 3_000_000, text) for begin, text in after]
    found = break_down(lines(*before, *calibration, *later), 3_099_900, 3_099_900)
    plain = break_down(lines(*KERNEL), 99_900, 99_900)
    assert found == Breakdown(99_900, plain.phases, plain.initcalls, 3_000_000)


def test_a_calibration_that_never_ends_is_none() -> None:
    begun = (21_001, "calibrating APIC timer ...")
    assert break_down(lines(*KERNEL[:8], begun, *KERNEL[8:]), 99_900, 99_900).calibration == 0


def test_what_the_log_does_not_mark_is_told_with_what_follows() -> None:
    few = [part for part in KERNEL if "alternatives" not in part[1] and "pid_max" not in part[1]]
    found = taken(break_down(lines(*few), 99_900, 99_900).phases)
    assert "CPU features and code patching" not in found
    assert found["timers and CPUs"] == 20_500


@pytest.mark.parametrize("silent", [[], [(100_000, REPORT)]])
def test_a_kernel_that_says_nothing_is_one_phase(silent: list[tuple[int, str]]) -> None:
    found = break_down(lines(*silent), 99_900, 99_900)
    assert found == Breakdown(99_900, (Phase("kernel", 99_900),), (), 0)


def test_time_without_work_is_a_phase_of_its_own() -> None:
    found = break_down(lines(*KERNEL), 105_000, 105_000)
    assert found.phases[-1] == Phase("waiting", 5_000)
    assert found.instructions == sum(phase.instructions for phase in found.phases) == 105_000


def test_what_init_says_afterwards_is_no_part_of_the_boot() -> None:
    later = ((150_000, "calling  late+0x0/0x1 @ 1"), (151_000, "initcall late+0x0/0x1 returned 0"))
    assert break_down(lines(*KERNEL, *later), 99_900, 99_900) == break_down(
        lines(*KERNEL), 99_900, 99_900
    )


def test_initcalls_of_one_name_count_as_one() -> None:
    twice = (
        (10, "calling  init_it+0x0/0x10 @ 1"),
        (30, "initcall init_it+0x0/0x10 returned 0 after 0 usecs"),
        (50, "calling  init_it+0x0/0x20 [some_module] @ 1"),
        (90, "initcall init_it+0x0/0x20 [some_module] returned -19 after 0 usecs"),
        (95, "initcall never_called+0x0/0x20 returned 0 after 0 usecs"),
        (96, "calling  never_ends+0x0/0x20 @ 1"),
    )
    assert break_down(lines(*twice), 100, 100).initcalls == (Initcall("init_it", 60),)


def test_equal_initcalls_are_in_the_order_of_their_names() -> None:
    equal = []
    for at, name in enumerate(("b", "c", "a")):
        equal += [
            (10 * at, f"calling  {name}+0x0/0x1 @ 1"),
            (10 * at + 5, f"initcall {name}+0x0/0x1 returned 0"),
        ]
    assert [call.name for call in break_down(lines(*equal), 50, 50).initcalls] == ["a", "b", "c"]


def test_a_console_that_does_not_fit_its_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes on the console, 3 recorded"):
        read_lines(b"abc\n", [1, 2, 3])


def test_lines_have_the_counts_of_their_first_and_last_character() -> None:
    console = b"one\r\n\r\n\xfftwo\n"
    assert read_lines(console, list(range(len(console)))) == [
        ConsoleLine("one", 0, 4),
        ConsoleLine("\ufffdtwo", 7, 11),
    ]


texts = st.one_of(st.sampled_from([text for _, text in KERNEL]), st.text(max_size=20))


@given(
    st.lists(st.tuples(st.integers(0, 10_000), texts), max_size=20),
    st.integers(0, 300_000),
    st.integers(0, 300_000),
)
def test_whatever_is_said_the_phases_sum_to_the_whole(
    steps: list[tuple[int, str]], detailed: int, quiet: int
) -> None:
    at = 0
    parts = []
    for step, text in steps:
        at += step
        parts.append((at, text))
        at += len(f"{text}\r\n".encode())
    found = break_down(lines(*parts, each=1), detailed, quiet)
    assert sum(phase.instructions for phase in found.phases) == found.instructions
    figures = [phase.instructions for phase in found.phases]
    figures += [call.instructions for call in found.initcalls]
    assert min(figures) >= 0
