"""What a module imports, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence


def imported(tree: ast.Module, package: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported, wherever in a module of `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            words = [*base, *([node.module] if node.module else [])]
            yield from ((node.lineno, ".".join([*words, alias.name])) for alias in node.names)
