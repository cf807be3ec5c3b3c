"""Reading QEMU's recording: the instructions before each character, or a plain refusal."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.cost.console_replay import read_characters
from ingot.errors import MachineError
from tests.support.recordings import END, HEADER, character, executed, recording

MOST = 1000


def test_instructions_add_up_to_each_character() -> None:
    log = HEADER + executed(100) + character() + executed(5) + character() + character() + END
    assert read_characters(log, MOST) == [100, 105, 105]


def test_what_else_came_from_outside_is_passed_over() -> None:
    others = b"".join(
        (
            b"\x1c" + bytes(8),  # the host's clock
            b"\x25\x26",  # checkpoints
            b"\x01\x02",  # an interrupt, an exception
            struct.pack(">BII", 27, 0, 3) + b"\x00\x16\x27",  # random numbers
            struct.pack(">BI", 23, 2) + b"\x16\x16",  # input
            b"\x03" + bytes(8),  # a bottom half
            b"\x0e",  # a shutdown
        )
    )
    log = HEADER + others + executed(7) + others + character() + others + END
    assert read_characters(log, MOST) == [7]


def test_a_guest_that_wrote_nothing_has_no_characters() -> None:
    assert read_characters(HEADER + executed(9) + END, MOST) == []


@given(st.lists(st.integers(0, 1 << 30), max_size=50))
def test_any_run_reads_back(steps: list[int]) -> None:
    counts = sorted(steps)
    assert read_characters(recording(counts), MOST) == counts


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (b"", "version"),
        (HEADER[:-1], "version"),
        (struct.pack(">IQ", 0xE0200B, 0) + END, "version"),
        (HEADER, "no END event"),
        (HEADER + executed(1) + character(), "no END event"),
        (HEADER + character()[:-1], "within an event"),
        (HEADER + struct.pack(">BII", 27, 0, 0xFFFFFFFF) + END, "within an event"),
        (HEADER + b"\x17\x00", "within an event"),
        (HEADER + b"\x05" + END, "kind 5"),
        (HEADER + b"\xff" + END, "kind 255"),
    ],
)
def test_another_form_is_refused(log: bytes, why: str) -> None:
    with pytest.raises(MachineError) as caught:
        read_characters(log, MOST)
    assert why in caught.value.why
    assert caught.value.hint


def test_more_characters_than_the_console_has_are_refused() -> None:
    log = recording([1, 2, 3])
    assert read_characters(log, 3) == [1, 2, 3]
    with pytest.raises(MachineError) as caught:
        read_characters(log, 2)
    assert "more than the 2 characters" in caught.value.why


@given(st.binary(max_size=200))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    for log in (noise, HEADER + noise):
        with contextlib.suppress(MachineError):
            assert all(count >= 0 for count in read_characters(log, MOST))
