"""Profiles as JSON: what was written reads back, what is not one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.cost.boot_profile import Profile
from ingot.errors import UserError
from tests.support.profiles import PROFILE


def test_an_instruction_is_a_nanosecond() -> None:
    assert PROFILE.seconds == pytest.approx(0.103628544)


def test_what_is_written_reads_back() -> None:
    text = json.dumps(PROFILE.to_json())
    assert Profile.from_json(json.loads(text)) == PROFILE
    assert Profile.from_json(PROFILE.to_json()) == PROFILE


def test_the_form_is_the_one_that_is_documented() -> None:
    assert PROFILE.to_json() == {
        "machine": "qemu microvm",
        "emulator": "QEMU 7.2.22",
        "command_line": "console=ttyS0 quiet",
        "instructions": 103_628_544,
        "calibration": 108_003_829,
        "log_clock": 77_244_604,
        "phases": [
            {"name": "memory", "instructions": 100_000_000},
            {"name": "initramfs", "instructions": 3_628_544},
        ],
        "initcalls": [
            {"name": "populate_rootfs", "instructions": 41_888_134},
            {"name": "acpi_init", "instructions": 1_584_649},
        ],
        "memory_used": 25_681_920,
    }


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert Profile.from_json({**PROFILE.to_json(), "new": [1]}) == PROFILE


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"instructions": -1}, "instructions"),
        ({"instructions": 1.5}, "instructions"),
        ({"instructions": "12"}, "instructions"),
        ({"instructions": True}, "instructions"),
        ({"instructions": 1 << 60}, "instructions"),
        ({"instructions": 5}, "the phases do not sum to the instructions"),
        ({"memory_used": None}, "memory_used"),
        ({"machine": ["qemu"]}, "machine"),
        ({"machine": "qemu\x1b[2J"}, "machine"),
        ({"command_line": "x" * 5000}, "command_line"),
        ({"phases": {}}, "phases"),
        ({"phases": [{"name": "a"}]}, "phases.0.instructions"),
        ({"phases": [{"name": "", "instructions": 1}]}, "phases.0.name"),
        ({"initcalls": [{"name": "a\nb", "instructions": 1}]}, "initcalls.0.name"),
        ({"initcalls": [{"name": "a", "instructions": 1}] * 10_001}, "initcalls"),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match="not a boot profile") as caught:
        Profile.from_json({**PROFILE.to_json(), **changes})
    assert fault in caught.value.why


@pytest.mark.parametrize("document", [None, [], "profile", 5, {}, {"machine": "x"}])
def test_what_is_no_profile_at_all_is_refused(document: object) -> None:
    with pytest.raises(UserError, match="not a boot profile"):
        Profile.from_json(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(st.sampled_from(sorted(PROFILE.to_json())), json_values)
def test_any_value_in_any_place_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = Profile.from_json({**PROFILE.to_json(), name: value})
    except UserError:
        return
    assert sum(phase.instructions for phase in found.phases) == found.instructions
