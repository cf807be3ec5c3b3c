"""How the words of checks are written down: what a usage allows, what is said of other words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.catalog.verb_usage import UsageError, parse

FILE = "PATH [has WORD... | begins HEX]"
VOLUME = "TYPE MEBIBYTES PATH [acl|xattr...] [-o OPTIONS]"


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ("", ""),
        ("NAME", "anything"),
        ("4|6 NAME...", "6 a b c"),
        (FILE, "/x"),
        (FILE, "/x has a b"),
        (FILE, "/x begins 00ff"),
        (VOLUME, "xfs 64 /x"),
        (VOLUME, "xfs 64 /x acl xattr acl"),
        (VOLUME, "xfs 64 /x -o ro"),
        (VOLUME, "xfs 64 /x acl -o ro"),
        ("A [B [C]]", "1"),
        ("A [B [C]]", "1 2"),
        ("A [B [C]]", "1 2 3"),
        ("NAME KEY_HEX", "aes 00"),
    ],
)
def test_words_that_are_as_the_usage_says(usage: str, words: str) -> None:
    assert parse(usage).mistake(words.split()) == ""


@pytest.mark.parametrize(
    ("usage", "words", "says"),
    [
        ("", "one", "'one' is one argument too many"),
        ("NAME", "", "an argument is missing at the end: NAME"),
        ("NAME", "a b", "'b' is one argument too many"),
        ("4|6 NAME...", "5 a", "'5' is wrong here (expected: '4' or '6')"),
        ("4|6 NAME...", "4", "an argument is missing at the end: NAME"),
        (FILE, "x", "'x' is wrong here (expected: PATH (a path that begins with /))"),
        (FILE, "/x hs a", "'hs' is wrong here (did you mean 'has'?)"),
        (FILE, "/x xyz a", "'xyz' is wrong here (expected: 'begins' or 'has')"),
        (FILE, "/x has", "an argument is missing at the end: WORD"),
        (
            FILE,
            "/x begins",
            "an argument is missing at the end: HEX (bytes, each of two hexadecimal",
        ),
        (FILE, "/x begins 0", "'0' is wrong here (expected: HEX (bytes, each of two hexadecimal"),
        (FILE, "/x begins 00 11", "'11' is one argument too many"),
        (VOLUME, "xfs 0 /x", "'0' is wrong here (expected: MEBIBYTES (a number of MiB))"),
        (VOLUME, "xfs 64 /x acl -o", "an argument is missing at the end: OPTIONS"),
        (VOLUME, "xfs 64 /x -o ro acl", "'acl' is one argument too many"),
        ("NAME KEY_HEX", "aes 0x", "expected: KEY_HEX (bytes, each of two hexadecimal digits)"),
        ("a|b|c|d|e", "x", "expected: one of 5 words"),
    ],
)
def test_the_first_word_that_is_wrong_is_named_with_what_was_expected(
    usage: str, words: str, says: str
) -> None:
    assert says in parse(usage).mistake(words.split())


@pytest.mark.parametrize(
    ("usage", "least", "most"),
    [
        ("", 0, 0),
        ("NAME", 1, 1),
        ("NAME [A [B]]", 1, 3),
        ("4|6 NAME...", 2, None),
        (FILE, 1, None),
        ("NAME [a | b C]", 1, 3),
    ],
)
def test_how_many_words_there_are_follows_from_the_usage(
    usage: str, least: int, most: int | None
) -> None:
    parsed = parse(usage)
    assert (parsed.least, parsed.most) == (least, most)


@pytest.mark.parametrize(
    "usage",
    ["[", "]", "[A", "A]", "[]", "[A | ]", "A | B", "Path", "a|B", "...", "A |B", "A ", "has||b"],
)
def test_what_is_not_in_the_notation_is_refused(usage: str) -> None:
    with pytest.raises(UsageError):
        parse(usage)


@given(st.text("[]|. AbHEX", max_size=20))
def test_any_text_is_a_usage_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except UsageError:
        return
    assert parsed.text == text
    assert parsed.least >= 0
