"""Which builder is meant by a word, and how old a builder's tools may be.

`toolchain.toml` lists, for a few series, the oldest versions of tools that compile it, as the
series itself tells (kernel: Documentation/process/changes.rst):

    [series."6.1"]
    gcc = "5.1"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from ingot.catalog.document import BUILDER_TABLES, SERIES
from ingot.catalog.model import BuilderSpec
from ingot.errors import UserError
from ingot.version import Series

_Series = Annotated[str, Field(pattern=SERIES)]
_Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")]
_NEED_NO_TABLE = ("host",)
"""Kinds of builders that there is nothing to say of."""

_FORM = TypeAdapter(dict[str, dict[_Series, dict[str, _Version]]])


def minimums(path: Path, series: Series) -> dict[str, str]:
    """The oldest versions of tools, by their names, that compile a series.

    A series that is not listed needs what the newest one before it does, or more. Empty if nothing
    is known, as without the file; UserError for a file of another form.
    """
    if not path.is_file():
        return {}
    try:
        tables = _FORM.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))["series"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, KeyError) as error:
        raise UserError(
            f"{path} is not as it should be",
            why=str(error),
            hint='it has tables such as [series."6.1"], of lines such as gcc = "5.1"',
        ) from None
    listed = [one for one in map(Series.parse, tables) if one <= series]
    return tables[str(max(listed))] if listed else {}


def chosen(builders: Mapping[str, BuilderSpec], own: BuilderSpec, word: str) -> BuilderSpec:
    """The builder that a word means: one of that name, or one of that kind.

    Of a kind, it is the kernel's `own` if that is one, else the first of the catalog. The
    machine's own compiler needs no table. UserError if there is none.
    """
    if word in builders:
        return builders[word]
    of_kind = [spec for spec in (own, *builders.values()) if spec.kind == word]
    if of_kind:
        return of_kind[0]
    if word in _NEED_NO_TABLE:
        return BuilderSpec(word, kind=word)
    raise UserError(
        f"there is no builder '{word}'",
        hint=f"builders of the catalog: {', '.join(builders)}; kinds: {', '.join(BUILDER_TABLES)}",
    )
