"""A makeup as JSON: what is written is read, and nothing else is."""

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
def test_a_makeup_survives_being_json(makeup: SizeMap) -> None:
    assert SizeMap.from_json(json.loads(json.dumps(makeup.to_json()))) == makeup


def test_sizes_are_sums() -> None:
    makeup = SizeMap({"": 5, "fs": 7, "net/core": 1}, {"fs/xfs.ko": 20, "net/veth.ko": 3})
    assert (makeup.kernel_size, makeup.modules_size) == (13, 23)
    assert (SizeMap({}, {}).kernel_size, SizeMap({}, {}).modules_size) == (0, 0)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "no JSON object"),
        ([], "no JSON object"),
        ({}, "no sizes of the kernel"),
        ({"kernel": {}}, "no sizes of the modules"),
        ({"kernel": [], "modules": {}}, "no sizes of the kernel"),
        ({"kernel": {"fs": -1}, "modules": {}}, "no number of bytes"),
        ({"kernel": {"fs": True}, "modules": {}}, "no number of bytes"),
        ({"kernel": {"fs": 1.0}, "modules": {}}, "no number of bytes"),
        ({"kernel": {"fs": "1"}, "modules": {}}, "no number of bytes"),
        ({"kernel": {"fs": 1 << 41}, "modules": {}}, "no number of bytes"),
        ({"kernel": {}, "modules": {"\x1b[2J": 1}}, "names something"),
        ({"kernel": {}, "modules": {"a\nb": 1}}, "names something"),
        ({"kernel": {"\u202efs": 1}, "modules": {}}, "names something"),
        ({"kernel": {"x" * 2000: 1}, "modules": {}}, "names something"),
    ],
)
def test_another_shape_is_refused_with_the_reason(document: object, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        SizeMap.from_json(document)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@given(anything, anything)
def test_any_shape_is_a_makeup_or_an_error(kernel: object, modules: object) -> None:
    for document in (kernel, {"kernel": kernel, "modules": modules}):
        try:
            made = SizeMap.from_json(document)
        except ValueError:
            continue
        assert made.to_json() == document
