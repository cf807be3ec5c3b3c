"""Treemaps: boxes as large as what they stand for, side by side, within their box."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.report.treemap import Box, Cell, TreemapGroup, map_directories, map_files, squarify

HAIR = 1e-6
"""What may be wrong with a place, in percent: far less than a screen can show."""

sizes = st.lists(st.integers(1, 1 << 40), min_size=1, max_size=60).map(
    lambda found: sorted(found, reverse=True)
)
aspects = st.floats(0.05, 20)
paths = st.lists(st.sampled_from(["a", "b", "net", "x86"]), min_size=1, max_size=4).map("/".join)
trees = st.dictionaries(st.one_of(paths, st.just("")), st.integers(0, 1 << 30), max_size=30)


def area(box: Box) -> float:
    return box.width * box.height


def ratio(box: Box, aspect: float) -> float:
    """How far from a square: 1 is one."""
    shape = box.width * aspect / box.height
    return max(shape, 1 / shape)


def overlap(a: Box, b: Box) -> float:
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return max(width, 0) * max(height, 0)


def require_a_map_of(boxes: list[Box], amounts: list[int]) -> None:
    """Boxes as large as their amounts, within 100 by 100, none upon another."""
    assert len(boxes) == len(amounts)
    for box, amount in zip(boxes, amounts, strict=True):
        assert area(box) == pytest.approx(1e4 * amount / sum(amounts), rel=1e-6, abs=1e-9)
        assert min(box) >= -HAIR
        assert box.left + box.width <= 100 + HAIR
        assert box.top + box.height <= 100 + HAIR
    for a, b in itertools.combinations(boxes, 2):
        assert overlap(a, b) <= HAIR


@given(sizes, aspects)
def test_boxes_fill_their_box_and_never_overlap(amounts: list[int], aspect: float) -> None:
    require_a_map_of(squarify(amounts, aspect), amounts)


@given(st.lists(st.integers(1, 1 << 60), min_size=1, max_size=20), aspects)
def test_the_order_of_the_sizes_is_kept_whatever_it_is(amounts: list[int], aspect: float) -> None:
    boxes = squarify(amounts, aspect)
    assert [area(box) for box in boxes] == pytest.approx(
        [1e4 * amount / sum(amounts) for amount in amounts], rel=1e-6, abs=1e-9
    )


def test_the_example_of_the_paper() -> None:
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], 6 / 4)
    in_units = [
        (round(box.left * 0.06, 2), round(box.top * 0.04, 2), round(box.width * 0.06, 2))
        for box in boxes
    ]
    assert in_units[:4] == [(0, 0, 3), (0, 2, 3), (3, 0, 1.71), (4.71, 0, 1.29)]


@given(st.integers(1, 40), aspects)
def test_equal_sizes_come_close_to_squares(count: int, aspect: float) -> None:
    boxes = squarify([5] * count, aspect)
    strip = max(aspect, 1 / aspect)  # of one row, no box can be better than this
    assert min(ratio(box, aspect) for box in boxes) <= max(2.0, strip) + HAIR


def test_nothing_has_no_boxes() -> None:
    assert squarify([], 2.0) == []
    assert map_directories({}) == ()
    assert map_files({"a/b.ko": 0}) == ()


@given(trees)
def test_maps_hold_all_that_has_a_size(tree: dict[str, int]) -> None:
    groups = map_directories(tree)
    assert sum(group.size for group in groups) == sum(tree.values())
    require_a_map_of([group.wide for group in groups], [group.size for group in groups])
    require_a_map_of([group.tall for group in groups], [group.size for group in groups])
    for group in groups:
        amounts = [cell.size for cell in group.cells]
        assert sum(amounts) == group.size
        require_a_map_of([cell.wide for cell in group.cells], amounts)
        require_a_map_of([cell.tall for cell in group.cells], amounts)


def shape(groups: tuple[TreemapGroup, ...]) -> dict[str, list[str]]:
    return {group.name: [cell.path for cell in group.cells] for group in groups}


def test_directories_are_shown_by_their_two_upper_levels() -> None:
    groups = map_directories(
        {"fs": 1, "fs/ext4": 9, "net/ipv4/netfilter": 2, "net/ipv4": 3, "net/core": 4, "": 7}
    )
    assert shape(groups) == {"fs": ["fs/ext4", "fs"], "net": ["net/ipv4", "net/core"], "": [""]}


def test_a_directory_that_is_all_of_another_is_shown_in_its_place() -> None:
    groups = map_directories({"arch/x86/kernel": 5, "arch/x86/mm/pat": 4, "arch/x86": 1})
    assert shape(groups) == {"arch/x86": ["arch/x86/kernel", "arch/x86/mm", "arch/x86"]}


def test_files_are_shown_one_by_one_in_their_top_directory() -> None:
    groups = map_files({"net/sched/a.ko": 5, "net/b.ko": 4, "fs/xfs/xfs.ko": 20, "lone.ko": 1})
    assert shape(groups) == {
        "fs/xfs": ["fs/xfs/xfs.ko"],
        "net": ["net/sched/a.ko", "net/b.ko"],
        ".": ["lone.ko"],
    }


def test_what_is_too_small_to_see_is_shown_together_behind_the_rest() -> None:
    tree = {"fs/big": 1_000_000, **{f"fs/tiny{number}": 3 for number in range(8)}}
    (group,) = map_directories(tree)
    assert [(cell.path, cell.size, cell.others) for cell in group.cells] == [
        ("fs/big", 1_000_000, 0),
        ("", 24, 8),
    ]


def test_a_single_small_thing_keeps_its_name() -> None:
    (group,) = map_directories({"fs/big": 1_000_000, "fs/tiny": 3})
    assert [cell.path for cell in group.cells] == ["fs/big", "fs/tiny"]
    assert all(isinstance(cell, Cell) and not cell.others for cell in group.cells)
