"""Finds a builder by its name or kind, and the oldest tools that a series compiles with.

`toolchain.toml` lists, for a few series, the oldest versions of tools that compile it, as the
series' own documentation states them (kernel: Documentation/process/changes.rst):

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
from ingot.files import read_text
from ingot.suggestions import unknown_name
from ingot.toml import FileForm, Mistakes, TomlTable
from ingot.version import Series

_TOOL_VERSION = r"^[0-9]+(\.[0-9]+)*$"
_NEED_NO_TABLE = ("host",)
"""Kinds of builders that work without a table in the catalog."""


class _ToolVersionsFile(TomlTable):
    """The oldest version of each tool, by series."""

    series: dict[SeriesName, dict[str, Annotated[str, Field(pattern=_TOOL_VERSION)]]]


_FORM = FileForm(
    _ToolVersionsFile, {(): _ToolVersionsFile}, {**PATTERNS, _TOOL_VERSION: "a version such as 5.1"}
)


def minimums(path: Path, series: Series) -> dict[str, str]:
    """The oldest versions of tools, by their names, that compile a series.

    A series that is not listed needs at least what the newest listed series before it needs. Empty
    if nothing is known, or without the file; UserError if the file is not valid.
    """
    text = read_text(path)
    if text is None:
        return {}
    tables = _FORM.read(Mistakes(path, text)).series
    listed = [name for name in tables if Series.parse(name) <= series]
    return tables[max(listed, key=Series.parse)] if listed else {}


def chosen(builders: Mapping[str, BuilderSpec], own: BuilderSpec, name_or_kind: str) -> BuilderSpec:
    """The builder of that name, or else one of that kind.

    Of a kind, it is the kernel's `own` builder if that is of the kind, else the first in the
    catalog. The machine's own compiler needs no table. UserError if no builder matches.
    """
    if name_or_kind in builders:
        return builders[name_or_kind]
    of_kind = [spec for spec in (own, *builders.values()) if spec.kind == name_or_kind]
    if of_kind:
        return of_kind[0]
    if name_or_kind in _NEED_NO_TABLE:
        return BuilderSpec(name_or_kind, kind=name_or_kind)
    raise unknown_name(
        f"there is no builder '{name_or_kind}'",
        name_or_kind,
        [*builders, *BUILDER_TABLES],
        listed="the builders of the catalog and their kinds are:",
    )
