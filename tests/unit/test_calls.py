"""Calls with many arguments name them: a row of values without names is misread."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.places import REPOSITORY

MOST = 6
"""The most arguments of one call that go without a name."""

ANY_NUMBER = {
    "struct.pack": "its arguments are the fields that its first one lists",
    "_git": "its arguments are the words of a command line",
}
"""What takes any number of arguments of one kind."""


def crowded(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """The line, the function and the number of arguments of each call with too many."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) not in ANY_NUMBER:
            count = sum(map(_count, node.args))
            if count > MOST:
                yield node.lineno, name, count


def _count(argument: ast.expr) -> int:
    """How many arguments it is: more than one for a tuple or a list that is written out."""
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple | ast.List):
        return sum(map(_count, argument.value.elts))
    return 1


def test_no_call_has_more_arguments_without_names_than_a_reader_can_count() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {name} has {count} arguments without names"
        for path in sorted((REPOSITORY / "src").rglob("*.py"))
        for line, name, count in crowded(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("f(1, 2, 3, 4, 5, 6)", []),
        ("f(1, 2, 3, 4, 5, 6, 7)", [(1, "f", 7)]),
        ("f(1, *(2, 3, 4, 5, 6, 7))", [(1, "f", 7)]),
        ("f(1, *rest)", []),
        ("f(1, 2, 3, 4, 5, 6, seven=7)", []),
        ("struct.pack('<7B', 1, 2, 3, 4, 5, 6, 7)", []),
    ],
)
def test_arguments_are_counted(call: str, found: list[tuple[int, str, int]]) -> None:
    assert list(crowded(ast.parse(call))) == found
