"""Which kernels have a budget, what holds for them, and what is wrong with a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import Budget
from ingot.version import Series
from tests.support.catalogs import SMALL, load, mistakes


def table(*lines: str) -> str:
    return "\n".join(["", "[[budgets]]", *lines, ""])


BOUND = ('series = "6.1"', 'arch = "x86_64"', "size = 12_000_000")


def test_a_budget_is_for_one_flavor_of_a_series_on_one_arch(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL + table(*BOUND, "instructions = 9", 'emulator = "QEMU 7.2"'))
    names = ("4.19", "5.10", "6.1", "6.1-minimal", "6.1-arm64", "6.1-with-bpf", "6.1-patched")
    kernels = dict(zip(names, found.select(names), strict=True))
    assert {name for name, kernel in kernels.items() if found.budget(kernel)} == {
        "6.1",
        "6.1-patched",
    }
    budget = Budget(Series(6, 1), "default", "x86_64", 9, None, 12_000_000, "QEMU 7.2")
    assert found.budget(kernels["6.1"]) == budget


def test_a_flavor_can_be_named(tmp_path: Path) -> None:
    found = load(tmp_path, SMALL + table(*BOUND, 'flavor = "minimal"'))
    assert found.budget(found.select(["6.1"])[0]) is None
    assert found.budget(found.select(["6.1-minimal"])[0]) is not None


@pytest.mark.parametrize(
    ("emulator", "counted_by", "counts"),
    [
        ("", "QEMU", True),
        ("QEMU 7.2", "QEMU 7.2.22", True),
        ("QEMU 7.2", "QEMU 7.2", True),
        ("QEMU 7.2", "QEMU 7.20.1", False),
        ("QEMU 7.2", "QEMU 8.2.0", False),
        ("QEMU 7", "QEMU 7.2.22", True),
    ],
)
def test_a_budget_is_for_what_counted_it(emulator: str, counted_by: str, *, counts: bool) -> None:
    assert (
        Budget(Series(6, 1), "default", "x86_64", 1, emulator=emulator).accepts(counted_by)
        is counts
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (BOUND[:2], "it has no limit: set instructions, memory or size"),
        (('series = "6.7"', *BOUND[1:]), "budgets.0.series: there is no series '6.7'"),
        ((*BOUND, 'flavor = "tiny"'), "budgets.0.flavor: there is no flavor 'tiny'"),
        ((BOUND[0], 'arch = "m68k"', BOUND[2]), "budgets.0.arch: 'm68k' is not an arch"),
        ((*BOUND[:2], "size = 0"), "budgets.0.size"),
        ((*BOUND[:2], 'memory = "28 MiB"'), "budgets.0.memory"),
        ((*BOUND, "instruction = 1"), "budgets.0.instruction: there is no such key (did you mean"),
        ((*BOUND, "", "[[budgets]]", *BOUND), "this kernel already has a budget"),
    ],
)
def test_mistakes_in_a_table(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    found = mistakes(tmp_path, SMALL + table(*lines))
    assert [line for line in found if says in line and line.startswith("kernels.toml:")]
