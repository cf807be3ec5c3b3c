"""What pydantic finds wrong with a catalog's file, in the words of that file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pydantic_core import ErrorDetails

from ingot.catalog import document
from ingot.catalog.lines import Place

_TABLES: Mapping[Place, type[document.Table]] = {
    (): document.Document,
    ("defaults",): document.Defaults,
    ("origins",): document.OriginsTable,
    ("origins", "NAME"): document.GitTable,
    ("patches", "NAME"): document.PatchTable,
    ("budgets", "NAME"): document.BudgetTable,
    ("builders", "NAME"): document.RootfsBuilderTable,
    ("vmms", "NAME"): document.VmmTable,
    ("features", "NAME"): document.FeatureTable,
    ("flavors", "NAME"): document.FlavorTable,
    ("series", "NAME"): document.SeriesTable,
    ("series", "NAME", "versions", "NAME"): document.VersionTable,
}
"""What kind of table stands where: every second word of a header is a name."""

_FORMS = {
    document.NAME: "a name (lower-case letters, digits, and . + -)",
    document.WORDS: "a name (lower-case letters and digits, in words joined by -)",
    document.SHA256: "a sha256 (64 lower-case hexadecimal digits)",
    document.RELEASE: "a release such as 1.9.0",
    document.SERIES: "a series such as 6.1",
    document.URL: "a URL that begins with http:// or https://",
    document.PATH: "a path without spaces",
    document.VERSION: "a version such as 6.1.176",
    document.REPOSITORY: "the address of a repository (https://, ssh:// or file://)",
    document.IMAGE: "the name of an image, such as docker.io/library/ubuntu:20.04",
    document.TAG: "the name of a tag with {version} in it",
    document.PATCH: "the path of a patch file below patches/",
}

_MESSAGES = {
    "missing": "this is missing",
    "too_short": "this must not be empty",
    "list_type": "this must be a list: [...]",
    "string_type": 'this must be text: "..."',
    "bool_type": "this must be true or false",
    "date_type": "this must be a date, without quotes: 2027-12-31",
    "dict_type": "this must be a table",
    "model_type": "this must be a table",
}
"""What pydantic calls a finding (pydantic documentation, "Validation Errors"): what to say."""


def place_of(finding: ErrorDetails) -> Place:
    """Where in the file it is."""
    loc = finding["loc"]
    if loc[0] == "builders":  # behind the builder's name stands its kind, which the file has not
        loc = (*loc[:2], *loc[3:])
    return tuple(part for part in loc if part != "[key]")


def message_of(finding: ErrorDetails) -> str:
    """What is wrong there."""
    kind = finding["type"]
    if kind == "extra_forbidden":
        return _unknown_key_of_builder(finding) or _unknown_key(place_of(finding))
    if kind == "union_tag_invalid":
        known = ", ".join(document.BUILDER_TABLES)
        return f"there is no kind of builders '{finding['ctx']['tag']}' (known: {known})"
    if kind == "string_pattern_mismatch":
        return f"'{finding['input']}' is not {_FORMS[finding['ctx']['pattern']]}"
    return _MESSAGES.get(kind) or finding["msg"].removeprefix("Value error, ")


def _unknown_key_of_builder(finding: ErrorDetails) -> str:
    """That a builder of one kind has no key that another has; empty for any other key."""
    top, _, kind, key = (*finding["loc"], "", "", "", "")[:4]
    if top != "builders" or key not in document.RootfsBuilderTable.model_fields:
        return ""
    known = ", ".join(document.BUILDER_TABLES[str(kind)].model_fields)
    return f"a builder of the kind '{kind}' has no such key (known: {known})"


def _unknown_key(place: Place) -> str:
    """That a key means nothing here, and what may have been meant."""
    *header, key = place
    kind = tuple("NAME" if index % 2 else part for index, part in enumerate(header))
    known = list(_TABLES[kind].model_fields)
    if near := difflib.get_close_matches(str(key), known, n=1):
        return f"there is no such key (did you mean '{near[0]}'?)"
    homes = [home for home, table in _TABLES.items() if home and key in table.model_fields]
    if homes:
        headers = ", ".join(f"[{'.'.join(map(str, home))}]" for home in homes)
        return f"there is no such key here: it belongs to {headers}"
    return f"there is no such key (known: {', '.join(known)})"
