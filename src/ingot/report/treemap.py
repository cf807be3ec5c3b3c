"""Treemaps: sizes as boxes with proportional areas.

Squarified: boxes are placed in rows, and a row ends when another box would make its boxes less
square. Source: M. Bruls, K. Huizing, J. J. van Wijk, "Squarified Treemaps" (2000). Boxes are in
percent of their parent, so that a page can draw a map at any size; a map is laid out for two
shapes, a wide and a narrow screen.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDE, TALL = 2.2, 0.72
"""The ratio of width to height of the two shapes that maps are laid out for."""

_SMALL = 0.0006
"""The share of a map below which the items of one group are drawn as one cell."""


class Box(NamedTuple):
    """A position and size in percent of the parent's width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One item of a group, with its size in bytes; or the smallest items, `others` in number.

    `wide` and `tall` are its boxes within the group.
    """

    path: str
    size: int
    wide: Box
    tall: Box
    others: int = 0


@dataclass(frozen=True, slots=True)
class TreemapGroup:
    """The items of one directory, the largest first. `wide` and `tall` are its boxes in the map."""

    name: str
    size: int
    wide: Box
    tall: Box
    cells: tuple[Cell, ...]


def map_directories(sizes: Mapping[str, int]) -> tuple[TreemapGroup, ...]:
    """A map of directories (path -> bytes): the top ones, and in each those below it."""
    tops = _tops(sizes)
    grouped: dict[str, dict[str, int]] = {}
    for path, size in sizes.items():
        group = tops[path.partition("/")[0]]
        cell = "/".join(path.split("/")[: group.count("/") + 2])
        cells = grouped.setdefault(group, {})
        cells[cell] = cells.get(cell, 0) + size
    return _map(grouped)


def map_files(sizes: Mapping[str, int]) -> tuple[TreemapGroup, ...]:
    """A map of files (path -> bytes): the top directories, and in each its files."""
    directories = {path: path.rpartition("/")[0] or "." for path in sizes}
    tops = _tops(directories.values())
    grouped: dict[str, dict[str, int]] = {}
    for path, size in sizes.items():
        grouped.setdefault(tops[directories[path].partition("/")[0]], {})[path] = size
    return _map(grouped)


def _map(grouped: Mapping[str, Mapping[str, int]]) -> tuple[TreemapGroup, ...]:
    """A map of cells (path -> bytes) by the group they are in."""
    groups = {name: {path: n for path, n in cells.items() if n} for name, cells in grouped.items()}
    ranked = _ranked({name: sum(cells.values()) for name, cells in groups.items() if cells})
    totals = [size for _, size in ranked]
    least = _SMALL * sum(totals)
    wide, tall = squarify(totals, WIDE), squarify(totals, TALL)
    return tuple(
        TreemapGroup(
            name, size, wide[at], tall[at], _cells(groups[name], wide[at], tall[at], least)
        )
        for at, (name, size) in enumerate(ranked)
    )


def _tops(directories: Iterable[str]) -> dict[str, str]:
    """The name of the group of each top directory: with the next level, if that has everything.

    For example, all of `arch` is in `arch/x86`, so its cells are directories such as
    `arch/x86/kernel`.
    """
    below: dict[str, set[str]] = {}
    for directory in directories:
        first, _, rest = directory.partition("/")
        below.setdefault(first, set()).add(rest.partition("/")[0])
    return {
        first: f"{first}/{next(iter(names))}" if len(names) == 1 and names != {""} else first
        for first, names in below.items()
    }


def _cells(sizes: Mapping[str, int], wide: Box, tall: Box, least: float) -> tuple[Cell, ...]:
    ranked = _ranked(sizes)
    small = [size for _, size in ranked if size < least]
    others = len(small) if len(small) > 1 else 0
    if others:
        ranked = [*ranked[:-others], ("", sum(small))]
    totals = [size for _, size in ranked]
    wides = squarify(totals, WIDE * wide.width / wide.height)
    talls = squarify(totals, TALL * tall.width / tall.height)
    return tuple(
        Cell(path, size, wides[at], talls[at], others if at == len(sizes) - others else 0)
        for at, (path, size) in enumerate(ranked)
    )


def _ranked(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    """The items, the largest first, and items of equal size by name."""
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def squarify(sizes: Sequence[int], aspect: float) -> list[Box]:
    """Boxes with areas proportional to `sizes`, which are positive; in the same order.

    They fill a box that is `aspect` times as wide as high, without gaps. They are close to squares
    if the sizes are sorted, the largest first.
    """
    left = list(itertools.accumulate(reversed(sizes), initial=0))[::-1]
    boxes: list[Box] = []
    width, height = aspect, 1.0  # of the remaining area, at the lower right
    while len(boxes) < len(sizes):
        begin = len(boxes)
        scale = width * height / left[begin]
        side = min(width, height)
        end = _row_end(sizes, begin, side * side / scale)
        row = left[begin] - left[end]
        depth = row * scale / side
        x, y = aspect - width, 1 - height
        along = 0.0
        for size in sizes[begin:end]:
            length = side * size / row
            place = (
                (x, y + along, depth, length) if height <= width else (x + along, y, length, depth)
            )
            boxes.append(Box(*(100 * a / b for a, b in zip(place, (aspect, 1) * 2, strict=True))))
            along += length
        if height <= width:
            width *= left[end] / left[begin]
        else:
            height *= left[end] / left[begin]
    return boxes


def _row_end(sizes: Sequence[int], begin: int, square: float) -> int:
    """The end of the row that begins at `begin`: another box would make its worst box less square.

    `square` is the size of a square on the free side.
    """
    total, worst, end = 0.0, float("inf"), begin
    least = most = sizes[begin]
    while end < len(sizes):
        more = total + sizes[end]
        least, most = min(least, sizes[end]), max(most, sizes[end])
        ratio = max(square * most / more**2, more**2 / (square * least))
        if ratio > worst:
            break
        total, worst, end = more, ratio, end + 1
    return end
