"""`ingot profile` on a fake machine: what is printed, what is kept, what goes wrong."""

from __future__ import annotations

import json

from ingot.boot.cost.boot_profile import Initcall, Phase
from ingot.images import BASE
from ingot.lab import kept_profile
from ingot.oci import read_image
from tests.support.houses import House


def test_a_profile_is_printed_and_kept_with_the_image(house: House) -> None:
    built = house.build()
    result = house.ingot("profile", "6.1", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["image"] == f"{BASE}:6.1.999"
    assert document["instructions"] == 1000
    assert document["seconds"] == 1e-6
    assert document["emulator"] == "QEMU 0.0.1"

    base = read_image(house.layout, house.layout.tags()[f"{BASE}:6.1.999"])
    profile = kept_profile(house.layout, base)
    assert profile is not None
    assert profile.phases == (Phase("entry", 100), Phase("freeing memory, starting init", 900))
    assert profile.initcalls == (Initcall("fake_init", 300),)
    assert profile.log_clock == 900
    assert profile.memory_used == (256 << 20) - (200_000 << 10)

    tag = f"{BASE}:6.1.999-{built.recipe_key.short}-boot"
    assert json.loads(house.ingot("prune", "--json").stdout)["removed"] == []
    assert tag in house.layout.tags()
    assert house.ingot("boot", "6.1").returncode == 0
    wrong = house.ingot("inspect", tag)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert f"has no image '{tag}'" in wrong.stderr
    assert "-boot," not in wrong.stderr.partition("it has")[2]


def test_the_table_fits_a_terminal_of_80_columns(house: House) -> None:
    house.build()
    result = house.ingot("profile", "6.1")
    head, *rest = result.stdout.splitlines()
    assert head == f"{BASE}:6.1.999: 1,000 instructions to init"
    tables = [line for line in rest if not line.startswith("  ")]
    assert max(map(len, tables)) <= 80
    assert any(line.split()[:2] == ["fake_init", "300"] for line in tables)
    assert any(line.split()[:3] == ["total", "1,000", "100.0%"] for line in tables)


def test_a_newer_image_of_the_same_version_has_no_profile_yet(house: House) -> None:
    house.build()
    assert house.ingot("profile", "6.1").returncode == 0
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    house.build()
    base = read_image(house.layout, house.layout.tags()[f"{BASE}:6.1.999"])
    assert kept_profile(house.layout, base) is None
    removed = json.loads(house.ingot("prune", "--json").stdout)["removed"]
    assert [item["text"].split()[0] for item in removed].count("profile") == 1
    assert not any(tag.endswith("-boot") for tag in house.layout.tags())


def test_what_cannot_be_measured_is_told(house: House) -> None:
    house.build()
    only_bin = house.ingot("profile", "kernel-bin:6.1")
    assert only_bin.returncode == 2
    assert f"ingot profile {BASE}:6.1.999" in only_bin.stderr
