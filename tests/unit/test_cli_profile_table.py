"""The table of a boot profile: readable in 80 columns, whatever the profile holds."""

from __future__ import annotations

import dataclasses
import io

import pytest

from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
from ingot.cli.boot.profile_table import print_profile
from ingot.cli.shared.terminal import Terminal
from tests.support.profiles import PROFILE

TAG = "flintlock-kernel:6.1.176-minimal"


def shown(profile: Profile, width: int = 80) -> list[str]:
    file = io.StringIO()
    print_profile(Terminal(file=file, width=width, color_system=None), TAG, profile)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_figure_comes_first_then_what_it_is_made_of() -> None:
    lines = shown(PROFILE)
    assert lines[0] == f"{TAG}: 103,628,544 instructions to init"
    assert lines[1] == "  0.104 s of virtual time; 0.077 s by the kernel's log"
    assert lines[2].startswith("  108,003,829 more are not counted: ")
    assert lines[3] == "  24.5 MiB of memory in use when init starts"
    assert lines[4] == "  qemu microvm, QEMU 7.2.22: console=ttyS0 quiet"
    memory = next(line for line in lines if line.startswith("memory"))
    assert memory.split()[:3] == ["memory", "100,000,000", "96.5%"]
    assert memory.count("█") == 21


@pytest.mark.parametrize("width", [80, 200])
def test_no_row_is_wider_than_80_columns(width: int) -> None:
    wide = dataclasses.replace(
        PROFILE,
        phases=(Phase("p" * 200, 103_628_544),),
        initcalls=tuple(Initcall(f"{n}{'i' * 190}", 10**8) for n in range(40)),
        instructions=103_628_544,
        command_line="",
    )
    assert max(map(len, shown(wide, width)[4:])) <= 80


def test_the_costliest_initcalls_are_listed_and_the_rest_counted() -> None:
    calls = tuple(Initcall(f"call_{n}", 1000 - n) for n in range(100))
    lines = shown(dataclasses.replace(PROFILE, initcalls=calls))
    listed = [line for line in lines if line.startswith("call_")]
    assert len(listed) == 15
    rest = next(line for line in lines if line.startswith("85 more"))
    assert rest.split()[2] == f"{sum(1000 - n for n in range(15, 100)):,}"


def test_a_profile_without_detail_says_what_is_missing() -> None:
    bare = dataclasses.replace(
        PROFILE,
        phases=(Phase("kernel", 0),),
        initcalls=(),
        instructions=0,
        calibration=0,
        log_clock=0,
    )
    lines = shown(bare)
    assert lines[1] == "  0.000 s of virtual time"
    assert any("CONFIG_KALLSYMS" in line for line in lines)
    assert not any("left out" in line for line in lines)
