"""Every way of writing TOML leads to the line where a value stands."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.toml.lines import Lines, Place

TEXT = '''\
# a comment = 1
top = 1

[a]          # [not.this]
x = "# no comment, [no header]"
list = [
    "one",  # "three"
    'two', "three",

    [ "inner",
      4 ],
]
b.c.d = 1
b.c.e = 2
inline = { p = 1, q = { r = 2 } }

["quoted.key".'and "more"'.versions."6.1.1"]
text = """
[no.header]
no = "key"
"""
after = 1

["quoted.key"]
z = 1
[[tables.many]]
v = 1
[[tables.many]]
v = 2
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("top",), 2),
        (("a",), 4),
        (("a", "x"), 5),
        (("a", "list"), 6),
        (("a", "list", 0), 7),
        (("a", "list", 1), 8),
        (("a", "list", 2), 8),
        (("a", "list", 3, 0), 10),
        (("a", "b"), 13),
        (("a", "b", "c", "e"), 14),
        (("a", "inline", "q", "r"), 15),
        (("quoted.key", 'and "more"'), 17),
        (("quoted.key", 'and "more"', "versions", "6.1.1", "text"), 18),
        (("quoted.key", 'and "more"', "versions", "6.1.1", "after"), 22),
        (("quoted.key",), 24),
        (("quoted.key", "z"), 25),
        (("tables", "many", 0, "v"), 27),
        (("tables", "many", 1), 28),
        (("tables", "many", 1, "v"), 29),
    ],
)
def test_a_value_is_found(place: Place, line: int) -> None:
    assert Lines(TEXT).find(place) == line
    assert Lines(TEXT.replace("\n", "\r\n")).find(place) == line


def test_what_is_not_there_is_found_where_it_should_be() -> None:
    assert Lines(TEXT).find(("a", "missing")) == 4
    assert Lines(TEXT).find(("a", "inline", "missing", "too")) == 15
    assert Lines(TEXT).find(("nowhere",)) is None
    assert Lines(TEXT).find(()) is None


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ((), 29),
        (("a",), 15),
        (("quoted.key",), 25),
        (("quoted.key", 'and "more"', "versions"), 22),
        (("nowhere",), 0),
    ],
)
def test_a_table_ends_with_its_last_statement(table: Place, line: int) -> None:
    assert Lines(TEXT).last(table) == line


def test_an_empty_file_has_no_lines() -> None:
    assert Lines("# nothing\n").last(()) == 0


def test_a_character_that_only_looks_like_the_end_of_a_line_ends_none() -> None:
    assert Lines('a = "\u2028\x85"\nb = 1\n').find(("b",)) == 2


_KEYS = st.text(st.sampled_from("ab.# ="), min_size=1, max_size=4)
_VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text('x[]"#\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3),
)


def _literal(value: object, gap: str) -> str:
    if isinstance(value, list):
        return f"[{gap}{f',{gap}'.join(_literal(each, gap) for each in value)}{gap}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(f"\\U{ord(char):08x}" for char in str(value)) + '"'


@settings(deadline=None)
@given(
    st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES)), st.sampled_from([" ", "\n", " # ]\n"])
)
def test_every_key_of_any_file_is_found(tables: dict[str, dict[str, object]], gap: str) -> None:
    rows: list[str] = []
    expected: dict[Place, int] = {}
    for table, values in tables.items():
        rows += ["", f"[{_literal(table, '')}]  # ["]
        expected[table,] = "\n".join(rows).count("\n") + 1
        for key, value in values.items():
            rows.append(f"{_literal(key, '')} = {_literal(value, gap)}")
            expected[table, key] = "\n".join(rows[:-1]).count("\n") + 2
    text = "\n".join(rows)
    assert tomllib.loads(text) == tables
    lines = Lines(text)
    assert {place: lines.find(place) for place in expected} == expected
