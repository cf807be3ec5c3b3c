"""docs/json.md: the keys of all documents, and an outline of each document."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from ingot.cli.documents.keys import KEYS
from ingot.cli.documents.verbs import DOCUMENTS

_HEAD = """\
# JSON output

With `--json`, a command prints one document on standard output: a JSON object. Progress, notes and
errors still go to standard error, and the [exit code](exit-codes.md) is the same as without
`--json`.

- Every key is always there. A value that is not known, or that does not apply, is `null`.
- A key means the same in every document, and its values have one type. Only `before` and `after`
  can be numbers or texts.
- `ingot matrix` prints its document without `--json`, in one line.
- Sizes are in bytes, times in seconds, digests are `sha256:...`, days are `YYYY-MM-DD`.
- Texts for people (`error`, `detail`, `reason`, `text`) can change in any release. Keys and their
  meanings change only in a release whose notes say so; new keys can be added.

This page is generated from `src/ingot/cli/documents/`.
"""
_SCALARS: Mapping[Any, str] = {str: "text", int: "number", float: "number", bool: "true or false"}


def render_page() -> str:
    """The page, in Markdown."""
    kinds: dict[str, set[str]] = {}
    for key, annotation in all_keys():
        kinds.setdefault(key, set()).add(kind_of(annotation))
    rows = [
        f"| `{key}` | {' or '.join(sorted(kinds[key]))} | {KEYS[key]} |" for key in sorted(KEYS)
    ]
    keys = ["## The keys", "", "| key | type | meaning |", "|---|---|---|", *rows]
    documents = ["## The documents", "", "`[]` is a list, `?` means that the value can be `null`."]
    for verb, shape in DOCUMENTS.items():
        documents += ["", f"### ingot {verb}", "", "```", *_outline(shape), "```"]
    return "\n".join([_HEAD, *keys, "", *documents, ""])


def all_keys() -> Iterator[tuple[str, Any]]:
    """Every key of every document with its annotation; a key that is used twice, twice."""
    for shape in DOCUMENTS.values():
        yield from _keys_of(shape)


def _keys_of(annotation: Any) -> Iterator[tuple[str, Any]]:
    if typing.is_typeddict(annotation):
        for key, value in typing.get_type_hints(annotation).items():
            yield key, value
            yield from _keys_of(value)
    for argument in typing.get_args(annotation):
        yield from _keys_of(argument)


def kind_of(annotation: Any) -> str:
    """The type of a JSON value, without null: text, number, true or false, list, object."""
    annotation = without_null(annotation)
    if typing.get_origin(annotation) is list:
        return "list"
    return _SCALARS.get(annotation, "object")


def without_null(annotation: Any) -> Any:
    """The type of a value that is not null."""
    if not isinstance(annotation, types.UnionType):
        return annotation
    (inner,) = (one for one in typing.get_args(annotation) if one is not types.NoneType)
    return inner


def _outline(shape: type, indent: str = "") -> Iterator[str]:
    """One line per key; the keys of an object, or of the objects of a list, are indented."""
    for key, annotation in typing.get_type_hints(shape).items():
        mark, inner = _mark(annotation)
        yield f"{indent}{key}{mark}"
        if inner:
            yield from _outline(inner, f"{indent}  ")


def _mark(annotation: Any) -> tuple[str, type | None]:
    """`[]`, `?` or both, and the object that is inside, if any."""
    mark = "?" if isinstance(annotation, types.UnionType) else ""
    annotation = without_null(annotation)
    if typing.get_origin(annotation) is list:
        (annotation,) = typing.get_args(annotation)
        mark = f"[]{mark}"
    return mark, annotation if typing.is_typeddict(annotation) else None
