"""Kconfig's expressions: grammar, the three values, and back to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.errors import UserError
from ingot.kconfig.expression import (
    And,
    Compare,
    Constant,
    Expression,
    Not,
    OptionSymbol,
    Or,
    evaluate,
    parse,
    render,
    symbols,
)

CONFIG = {"Y": "y", "M": "m", "SIZE": "64", "HEX": "0x40", "TEXT": '"a \\"b\\""', "EMPTY": '""'}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", OptionSymbol("A")),
        ("CONFIG_A", OptionSymbol("A")),
        ("64BIT", OptionSymbol("64BIT")),
        ("y", Constant("y")),
        ("!A", Not(OptionSymbol("A"))),
        ("A && B && C", And((OptionSymbol("A"), OptionSymbol("B"), OptionSymbol("C")))),
        ("A || B && C", Or((OptionSymbol("A"), And((OptionSymbol("B"), OptionSymbol("C")))))),
        ("(A || B) && C", And((Or((OptionSymbol("A"), OptionSymbol("B"))), OptionSymbol("C")))),
        ("A=y", Compare("=", OptionSymbol("A"), Constant("y"))),
        ('A != "x y"', Compare("!=", OptionSymbol("A"), Constant("x y"))),
        ("A != 'x'", Compare("!=", OptionSymbol("A"), Constant("x"))),
        ("N >= 0x10", Compare(">=", OptionSymbol("N"), Constant("0x10"))),
        ("!(A = B)", Not(Compare("=", OptionSymbol("A"), OptionSymbol("B")))),
    ],
)
def test_an_expression_is_read(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "A &&", "&& A", "(A", "A)", "A B", "A = = B", "$(x)", "!", "A & B"]
)
def test_what_is_none_is_refused_and_shown(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert f"'{text}'" in caught.value.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Y", "y"),
        ("M", "m"),
        ("N", "n"),
        ("!M", "m"),
        ("!Y", "n"),
        ("Y && M", "m"),
        ("M || N", "m"),
        ("M || Y", "y"),
        ("M = m", "y"),
        ("M != y", "y"),
        ("N = n", "y"),
        ("N != Y", "y"),
        ("Y > M", "y"),
        ("M < N", "n"),
        ("SIZE = 64", "y"),
        ("SIZE = HEX", "y"),
        ("SIZE >= 100", "n"),
        ("SIZE < 100", "y"),
        ("SIZE", "n"),
        ('TEXT = "a \\"b\\""', "y"),
        ('TEXT = ""', "n"),
        ('EMPTY = ""', "y"),
        ('ABSENT = ""', "y"),
        ('ABSENT != "x"', "y"),
        ("m && y", "m"),
    ],
)
def test_the_value_of_an_expression(text: str, value: str) -> None:
    assert evaluate(parse(text), CONFIG) == value


def test_no_expression_always_holds() -> None:
    assert evaluate(None, {}) == "y"
    assert symbols(None) == ()


def test_the_options_an_expression_looks_at_come_once_and_in_order() -> None:
    assert symbols(parse('B && (A || !B) && C = "D" && E = F')) == ("B", "A", "C", "E", "F")


def test_an_expression_is_told_with_the_values_it_looks_at() -> None:
    expression = parse('A && (B || !C) && D = "x"')
    assert render(expression, {"A": "y", "C": "m"}) == (
        'A (=y) && (B (=n) || !C (=m)) && D (=n) = "x"'
    )


operands = st.one_of(
    st.sampled_from(["A", "B", "C", "9P"]).map(OptionSymbol),
    st.sampled_from(["y", "m", "n", "12", "0x1f", 'quoted "text"', ""]).map(Constant),
)
comparisons = st.builds(
    Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), operands, operands
)


def several(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    many = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        st.builds(Not, children),
        many.filter(lambda ones: not any(isinstance(one, And) for one in ones)).map(
            lambda ones: And(tuple(ones))
        ),
        many.filter(lambda ones: not any(isinstance(one, Or) for one in ones)).map(
            lambda ones: Or(tuple(ones))
        ),
    )


@given(st.recursive(st.one_of(operands, comparisons), several, max_leaves=8))
def test_what_is_rendered_reads_back(expression: Expression) -> None:
    assert parse(render(expression)) == expression
