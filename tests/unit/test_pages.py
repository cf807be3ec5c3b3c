"""Which commands of the pages are run, and that the command line would take all others too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import command_of, options_of, parse
from tests.support.pages import GENERATED, PAGES, Block, blocks, blocks_of, fits

ALL = list(blocks())
_INLINE = re.compile(r"`(ingot [^`]+)`")


def ingot_commands(command: str) -> list[list[str]]:
    """The words of each `ingot` in a line of shell."""
    parts = re.split(r"&&|\|\||[|;]", command.partition(" #")[0])
    words = [shlex.split(part) for part in parts if part.strip().startswith("ingot ")]
    return [each[1:] for each in words]


@pytest.mark.parametrize("block", ALL, ids=str)
def test_the_command_line_takes_every_command(block: Block) -> None:
    for line in block.commands:
        for words in ingot_commands(line):
            parse(words)


@pytest.mark.parametrize("block", [block for block in ALL if block.marks], ids=str)
def test_every_mark_is_about_a_command_and_has_a_reason(block: Block) -> None:
    for mark in block.marks:
        assert any(fits(mark, command) for command in block.commands), mark
        assert mark.code or mark.why, mark


def test_most_blocks_are_run() -> None:
    assert len([block for block in ALL if block.script()]) > len(ALL) / 2


@pytest.mark.parametrize(
    "path", [p for p in PAGES if p.name not in GENERATED], ids=lambda p: p.name
)
def test_the_verbs_and_options_named_in_a_page_exist(path: Path) -> None:
    for text in _INLINE.findall(path.read_text("utf-8")):
        for words in ingot_commands(" ".join(text.split())):
            if words[0].startswith("-"):
                continue  # an option of ingot itself
            command, rest = command_of(words)
            options = [word.partition("=")[0] for word in rest if word.startswith("-")]
            assert set(options) <= options_of(command), text


def test_a_block_is_read_with_its_marks() -> None:
    text = (
        "<!-- not run, `b`: it needs a terminal -->\n<!-- exits with 1, `c` -->\n"
        "```sh\na one\nb two\nc three\n```\n"
        "```toml\nkey = 1\n```\n"
        "<!-- not run: it needs Docker -->\n```console\n$ d\noutput\n```\n"
    )
    first, second = blocks_of("page", text)
    assert first.script() == "a one\n{ c three\n} || [ $? = 1 ]\n"
    assert (first.line, second.line) == (3, 12)
    assert second.commands == ("d",)
    assert second.script() == ""
