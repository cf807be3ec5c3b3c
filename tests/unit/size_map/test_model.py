"""A size map as JSON: what was written can be read, anything else is an error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.size_map import SizeMap

names = st.text(st.characters(codec="utf-8"), max_size=40).filter(str.isprintable)
sizes = st.dictionaries(names, st.integers(0, 1 << 40), max_size=5)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.builds(SizeMap, sizes, sizes))
def test_a_size_map_survives_being_json(size_map: SizeMap) -> None:
    assert SizeMap.from_json(json.loads(json.dumps(size_map.to_json()))) == size_map


def test_sizes_are_sums() -> None:
    size_map = SizeMap({"": 5, "fs": 7, "net/core": 1}, {"fs/xfs.ko": 20, "net/veth.ko": 3})
    assert (size_map.kernel_size, size_map.modules_size) == (13, 23)
    assert (SizeMap({}, {}).kernel_size, SizeMap({}, {}).modules_size) == (0, 0)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, "no sizes of the kernel"),
        ({"kernel": {}}, "no sizes of the modules"),
        ({"kernel": [], "modules": {}}, "no sizes of the kernel"),
        ({"kernel": {"fs": -1}, "modules": {}}, "not a number of bytes"),
        ({"kernel": {"fs": True}, "modules": {}}, "not a number of bytes"),
        ({"kernel": {"fs": 1.0}, "modules": {}}, "not a number of bytes"),
        ({"kernel": {"fs": "1"}, "modules": {}}, "not a number of bytes"),
        ({"kernel": {"fs": 1 << 41}, "modules": {}}, "not a number of bytes"),
        ({"kernel": {}, "modules": {"\x1b[2J": 1}}, "is not a valid name"),
        ({"kernel": {}, "modules": {"a\nb": 1}}, "is not a valid name"),
        ({"kernel": {"\u202efs": 1}, "modules": {}}, "is not a valid name"),
        ({"kernel": {"x" * 2000: 1}, "modules": {}}, "is not a valid name"),
    ],
)
def test_another_shape_is_refused_with_the_reason(document: object, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        SizeMap.from_json(document)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@given(anything, anything)
def test_any_shape_is_a_size_map_or_an_error(kernel: object, modules: object) -> None:
    for document in (kernel, {"kernel": kernel, "modules": modules}):
        try:
            made = SizeMap.from_json(document)
        except ValueError:
            continue
        assert made.to_json() == document
