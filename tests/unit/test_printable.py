"""What of a text is shown: nothing that a terminal acts on, and nothing that cannot be seen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import printable
from ingot.printable import all_lines, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with [brackets] and ✓", "plain text, with [brackets] and ✓"),
        ("\x1b[31mred\x1b[0m", "#red#"),
        ("\x1b[2J\x1b[H\x1b[3;4Hgone", "###gone"),
        ("\x9b31mred", "#red"),
        ("\x1b]0;title\x07text", "#text"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "#link#"),
        ("\x1b]52;c;ZXZpbA==\x07copied", "#copied"),
        ("\x9d0;title\x9ctext", "#text"),
        ("\x1bP1;1|secret\x1b\\text", "#text"),
        ("\x1b_app\x1b\\text", "#text"),
        ("\x1b]0;without an end", "#0;without an end"),
        ("\x1bctext", "#text"),
        ("ends in \x1b", "ends in #"),
        ("a\x00b\x07c\x08d\x7fe\x85f", "a#b#c#d#e f"),
        ("one\ntwo\r\nthree\rfour", "one two  three four"),
        ("a\tb\x0bc\x0cd", "a b c d"),
        ("a\u2028b\u2029c", "a b c"),
        ("abc\u202egnp.exe", "abc\ufffdgnp.exe"),
        ("\u2066a\u2069\u200fb", "\ufffda\ufffd\ufffdb"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("tags\U000e0041", "tags\ufffd"),
        ("half\ud800\udcff", "half\ufffd\ufffd"),
        ("no\u00a0break", "no break"),
        ("private\ue000", "private\ufffd"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert one_line(text) == shown.replace("#", "\ufffd")


def test_two_names_that_differ_look_different_unless_colors_are_usual() -> None:
    assert one_line("etc/\x1b[31mx") != one_line("etc/x")
    assert one_line("etc/\x1b[31mx", control="") == "etc/x"
    assert one_line("a\x00\x07\u202eb", control="") == "a\ufffdb"


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_whatever_it_is_it_is_one_line_that_can_be_printed(text: str) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert "\n" not in shown
    shown.encode()
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in shown)
    assert one_line(shown) == shown


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_what_can_be_seen_stays(text: str) -> None:
    assert one_line(text) == text


def test_a_long_text_is_cut_and_says_so() -> None:
    assert one_line("x" * 100, 10) == "xxxxxxxxxx... (100 characters)"
    assert one_line("x" * 10, 10) == "x" * 10
    assert len(one_line("x\x00" * 10_000_000)) < printable.LONGEST_LINE + 100


def test_lines_stay_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all_lines("one\r\n\ttwo\n\n\x1b[1mthree\n") == ["one", "        two", "", "\ufffdthree"]
    assert all_lines("") == []
    monkeypatch.setattr(printable, "MOST_LINES", 3)
    assert all_lines("1\n2\n3\n4\n5\n") == ["1", "2", "3", "... (2 more lines)"]
    assert all_lines("1\n2\n3\n") == ["1", "2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        *("\x9d" * 60_000, "\x1b]" * 30_000, "\x1bP" * 30_000, "\x1b[0 " * 15_000),
        *("\x9b" + "0" * 60_000, ("\x9d" + "a" * 100) * 600, "\x1b" * 60_000),
    ],
    ids=["osc", "escaped osc", "dcs", "csi", "long csi", "osc with text", "escapes"],
)
def test_sequences_without_an_end_are_not_looked_for_again_and_again(text: str) -> None:
    """Each took a minute where the search began anew at every one of them."""
    assert one_line(text)


@pytest.mark.parametrize("letter", "\u3164\u115f\u1160\uffa0\u034f\u180b\ufe0f\u2800\U000e0100")
def test_letters_that_nobody_sees_leave_a_mark(letter: str) -> None:
    assert letter.isprintable()
    assert one_line(f"kernel{letter}-bin") == "kernel\ufffd-bin"
