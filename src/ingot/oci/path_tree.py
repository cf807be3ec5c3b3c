"""Paths as a tree, so that a directory and all below it can be removed in one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class _Node(Generic[_T]):
    __slots__ = ("below", "value")

    def __init__(self) -> None:
        self.below: dict[str, _Node[_T]] | None = None
        self.value: tuple[_T] | None = None


class PathTree(Generic[_T]):
    """A mapping from paths, such as `usr/lib/x`, to values; the empty path is the root."""

    def __init__(self) -> None:
        self._root: _Node[_T] = _Node()

    def __contains__(self, name: str) -> bool:
        node = self._find(name)
        return node is not None and node.value is not None

    def __setitem__(self, name: str, value: _T) -> None:
        node = self._root
        for part in _parts(name):
            if node.below is None:
                node.below = {}
            node = node.below.setdefault(part, _Node())
        node.value = (value,)

    def get(self, name: str) -> _T | None:
        node = self._find(name)
        return node.value[0] if node and node.value else None

    def remove(self, name: str) -> None:
        """Remove a path and all that is below it."""
        directory, _, last = name.rpartition("/")
        parent = self._find(directory)
        if name and parent and parent.below:
            parent.below.pop(last, None)

    def remove_below(self, name: str) -> None:
        """Remove all that is below a path."""
        if node := self._find(name):
            node.below = None

    def items(self) -> Iterator[tuple[str, _T]]:
        """All paths and values, a directory before its content."""
        waiting = [("", self._root)]
        while waiting:
            name, node = waiting.pop()
            if node.value is not None:
                yield name, node.value[0]
            prefix = f"{name}/" if name else ""
            waiting += [(prefix + part, inner) for part, inner in (node.below or {}).items()]

    def _find(self, name: str) -> _Node[_T] | None:
        node = self._root
        for part in _parts(name):
            inner = node.below.get(part) if node.below else None
            if inner is None:
                return None
            node = inner
        return node


def _parts(name: str) -> list[str]:
    return name.split("/") if name else []
