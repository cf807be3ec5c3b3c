"""The lines that jobs print about their progress, written and read."""

from __future__ import annotations

import pytest

from ingot.fleet.job_lines import JobProgress, StepLine, read_step


def test_a_step_prints_its_beginning_and_its_end() -> None:
    lines: list[str] = []
    with JobProgress(lines.append).step("compile 6.1.176") as step:
        step.advance(1, 2, "fs/ext4/inode.o")  # too soon to be printed
        step.result("2,000 objects")
    assert lines == [
        "[ingot] compile 6.1.176: 0%",
        "compile 6.1.176: 2,000 objects",
        "[ingot] compile 6.1.176: done in 0 s",
    ]


def test_a_step_that_fails_has_no_end() -> None:
    lines: list[str] = []
    with pytest.raises(ValueError), JobProgress(lines.append).step("source"):
        raise ValueError
    assert lines == ["[ingot] source: 0%"]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (
            "[ingot] compile 6.1: 45% fs/ext4/inode.o",
            StepLine("compile 6.1", 45, "fs/ext4/inode.o"),
        ),
        ("[ingot] compile 6.1: 0%", StepLine("compile 6.1", 0)),
        ("[ingot] compile 6.1: done in 231 s", StepLine("compile 6.1")),
        (
            "[ingot] pull a from host:5000/x: 7% b: c",
            StepLine("pull a from host:5000/x", 7, "b: c"),
        ),
        ("  CC      fs/ext4/inode.o", None),
        ("error: [ingot] a: 4%", None),
        ("[ingot] no step", None),
        ("", None),
    ],
)
def test_a_line_is_a_step_or_not(line: str, step: StepLine | None) -> None:
    assert read_step(line) == step
