"""A kernel that costs more than its budget is not tagged, whichever way it came."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import BootError
from ingot.images import BASE
from ingot.lab import boot_target, kept_profile
from ingot.oci import Image, Layout, extract, read_image
from tests.support.houses import House

KERNEL = 'series = "6.1"\narch = "x86_64"\n'


def allow(house: House, text: str) -> None:
    """Give the kernel a budget, instead of the one it has."""
    file = house.kernels / "kernels.toml"
    head = file.read_text().partition("[[budgets]]")[0].rstrip()
    file.write_text(f"{head}\n\n[[budgets]]\n{KERNEL}{text}\n")


def test_a_kernel_that_keeps_to_its_budget_is_counted_while_it_is_built(house: House) -> None:
    allow(house, "instructions = 1_000\nsize = 100_000_000")
    house.build()
    base = read_image(house.layout, house.layout.tags()[f"{BASE}:6.1.999"])
    profile = kept_profile(house.layout, base)
    assert profile is not None
    assert profile.instructions == 1000


def test_without_a_budget_for_it_nothing_is_counted(house: House) -> None:
    allow(house, "size = 100_000_000")
    house.build()
    base = read_image(house.layout, house.layout.tags()[f"{BASE}:6.1.999"])
    assert kept_profile(house.layout, base) is None


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        ("instructions = 999", r"1,000 instructions to init, of 999 allowed \(\+0\.1%\)"),
        ("memory = 1_000_000", r"bytes of memory in use at init, of 1,000,000 allowed"),
        ("size = 1", r"bytes of the kernel file, of 1 allowed"),
    ],
)
def test_a_kernel_that_costs_more_is_not_tagged(house: House, bound: str, says: str) -> None:
    allow(house, bound)
    with pytest.raises(BootError, match=says) as caught:
        house.build()
    assert "6.1.999 costs more than its budget" in str(caught.value)
    assert "raise the budget in kernels.toml" in caught.value.hint
    assert not any(tag.startswith(f"{BASE}:") for tag in house.layout.tags())


def test_what_the_store_has_is_held_to_a_budget_that_was_lowered(house: House) -> None:
    allow(house, "instructions = 1_000")
    house.build()
    allow(house, "instructions = 900")
    result = house.ingot("build", "6.1")
    assert result.returncode == BootError.exit_code
    assert "1,000 instructions to init, of 900 allowed" in result.stderr
    assert house.compiles() == 1


def test_figures_of_another_emulator_fail_nothing_and_are_told(house: House) -> None:
    allow(house, 'instructions = 999\nemulator = "QEMU 7.2"')
    result = house.ingot("build", "6.1")
    assert result.returncode == 0, result.stderr
    assert "1,000 instructions to init, of 999 allowed (+0.1%)" in result.stderr
    assert "that budget is for QEMU 7.2" in result.stderr


def test_a_profile_that_is_asked_for_is_held_to_the_budget(house: House) -> None:
    house.build()
    allow(house, "instructions = 999")
    result = house.ingot("profile", "6.1")
    assert result.returncode == BootError.exit_code
    assert "1,000 instructions to init" in result.stdout
    assert "of 999 allowed" in result.stderr


def test_the_image_is_unpacked_once_to_be_booted_and_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[str] = []

    def spy(layout: Layout, image: Image, to: Path, *, limit: int) -> None:
        unpacked.append(image.labels["dev.ingot.version"])
        extract(layout, image, to, limit=limit)

    monkeypatch.setattr(boot_target, "extract", spy)
    allow(house, "instructions = 1_000")
    house.build()
    assert unpacked == ["6.1.999"]
