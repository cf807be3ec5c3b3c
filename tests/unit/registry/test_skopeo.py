"""Several programs at once, and paths that skopeo's names cannot hold."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingot.errors import MachineError
from ingot.registry import at_once
from ingot.registry.skopeo import layout_name


def test_results_come_in_the_order_of_the_items() -> None:
    first_may_end = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert first_may_end.wait(30)
        if number == 5:
            first_may_end.set()
        return number * number

    counts: list[int] = []
    assert at_once(work, range(50), counts.append) == [number**2 for number in range(50)]
    assert counts == list(range(1, 51))


def test_nothing_is_nothing() -> None:
    assert at_once(str, []) == []


def test_the_first_error_is_raised_and_nothing_more_is_begun() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            failed.set()
            raise MachineError("the third")
        assert failed.wait(30)
        return number

    with pytest.raises(MachineError, match="the third"):
        at_once(work, range(1000))
    assert len(begun) < 20


def test_what_is_under_way_is_waited_for_after_an_error() -> None:
    ended: list[int] = []
    begun, failing = threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number == 0:
            assert begun.wait(30)
            failing.set()
            raise MachineError("the first")
        begun.set()
        assert failing.wait(30)
        ended.append(number)

    with pytest.raises(MachineError):
        at_once(work, range(2))
    assert ended == [1]


def test_a_path_is_named_as_it_is(tmp_path: Path) -> None:
    with layout_name(tmp_path, "a:1") as name:
        assert name == f"oci:{tmp_path}:a:1"


def test_a_path_with_a_colon_goes_by_another_name(tmp_path: Path) -> None:
    root = tmp_path / "a:b" / "images"
    with layout_name(root, "a:1") as name:
        kind, path, tag = name.split(":", 2)
        assert (kind, tag) == ("oci", "a:1")
        assert Path(path).samefile(root)
    assert not Path(path).exists()
    assert root.is_dir()
