"""Which builder is meant by a word, and how old a builder's tools may be.

`toolchain.toml` lists, for a few series, the oldest versions of tools that compile it, as the
series itself tells (kernel: Documentation/process/changes.rst):

    [series."6.1"]
    gcc = "5.1"
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ingot.catalog.builder_tables import BUILDER_TABLES
from ingot.catalog.catalog_model import BuilderSpec
from ingot.catalog.value_patterns import PATTERNS, SeriesName
from ingot.errors import UserError
from ingot.files import read_text
from ingot.toml import FileForm, Mistakes, TomlTable
from ingot.version import Series

_TOOL_VERSION = r"^[0-9]+(\.[0-9]+)*$"
_NEED_NO_TABLE = ("host",)
"""Kinds of builders that there is nothing to say of."""


class _ToolVersionsFile(TomlTable):
    """The oldest version of each tool, by series."""

    series: dict[SeriesName, dict[str, Annotated[str, Field(pattern=_TOOL_VERSION)]]]


_FORM = FileForm(
    _ToolVersionsFile, {(): _ToolVersionsFile}, {**PATTERNS, _TOOL_VERSION: "a version such as 5.1"}
)


def minimums(path: Path, series: Series) -> dict[str, str]:
    """The oldest versions of tools, by their names, that compile a series.

    A series that is not listed needs what the newest one before it does, or more. Empty if nothing
    is known, as without the file; UserError for a file of another form.
    """
    text = read_text(path)
    if text is None:
        return {}
    tables = _FORM.read(Mistakes(path, text)).series
    listed = [name for name in tables if Series.parse(name) <= series]
    return tables[max(listed, key=Series.parse)] if listed else {}


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
