"""Compares what a command printed with --json with the shape of its document."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from ingot.cli.documents.page import without_null
from ingot.cli.documents.verbs import DOCUMENTS


def document_mistakes(words: Sequence[str], output: str) -> list[str]:
    """How the output of `ingot` with these words differs from its document; empty if it does not.

    Without --json, or if an error came before the document, there is nothing to compare.
    """
    if "--json" not in words and words[0] != "matrix":
        return []
    name = next((one for one in sorted(DOCUMENTS, reverse=True) if _names(one, words)), None)
    if name is None or not output:
        return []
    return list(mistakes(json.loads(output), DOCUMENTS[name]))


def _names(document: str, words: Sequence[str]) -> bool:
    verbs = [word for word in document.split() if not word.startswith("-")]
    options = [word for word in document.split() if word.startswith("-")]
    return list(words[: len(verbs)]) == verbs and all(option in words for option in options)


def mistakes(value: object, shape: Any, at: str = "") -> Iterator[str]:
    """The places where a JSON value has another shape."""
    if isinstance(shape, types.UnionType):
        if value is not None:
            yield from mistakes(value, without_null(shape), at)
    elif typing.is_typeddict(shape):
        yield from _object_mistakes(value, typing.get_type_hints(shape), at)
    elif typing.get_origin(shape) is list:
        if not isinstance(value, list):
            yield f"{at} is not a list"
            return
        (inner,) = typing.get_args(shape)
        for place, one in enumerate(value):
            yield from mistakes(one, inner, f"{at}[{place}]")
    elif typing.get_origin(shape) is not None:
        if not isinstance(value, dict):
            yield f"{at} is not an object"
    elif type(value) is not shape and not (shape is float and type(value) is int):
        yield f"{at} is {value!r}, not {shape.__name__}"


def _object_mistakes(value: object, keys: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at} is not an object"
        return
    yield from (f"{at}.{key} is missing" for key in keys if key not in value)
    yield from (f"{at}.{key} is not a key of it" for key in value if key not in keys)
    for key, inner in keys.items():
        if key in value:
            yield from mistakes(value[key], inner, f"{at}.{key}")
