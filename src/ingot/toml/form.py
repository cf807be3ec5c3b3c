"""The schema of a file as pydantic models, and their findings as messages for the file's author."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ingot.toml.lines import Place, parse_toml
from ingot.toml.mistakes import Mistakes
from ingot.web import without_secrets

_MESSAGES = {
    "missing": "this is missing",
    "too_short": "this must not be empty",
    "string_too_short": "this must not be empty",
    "list_type": "this must be a list: [...]",
    "string_type": 'this must be text: "..."',
    "int_type": "this must be a number",
    "bool_type": "this must be true or false",
    "date_type": "this must be a date, without quotes: 2027-12-31",
    "dict_type": "this must be a table",
    "model_type": "this must be a table",
}
"""Our messages by pydantic's types of errors (pydantic documentation, "Validation Errors")."""


class TomlTable(BaseModel):
    """A table of a file: only these keys are allowed, and values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


_Document = TypeVar("_Document", bound=TomlTable)


@dataclass(frozen=True, slots=True)
class FileForm(Generic[_Document]):
    """The schema of one type of file.

    `tables` are the models of the file's tables by their place; every second part of a place is
    `NAME`, for any name or any index of a list. `patterns` are descriptions of the patterns of
    texts. The tables below a key of `kinds` have several kinds, which their key `kind` names.
    """

    document: type[_Document]
    tables: Mapping[Place, type[TomlTable]]
    patterns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, type[TomlTable]]] = field(default_factory=dict)

    def read(self, mistakes: Mistakes) -> _Document:
        """Parse the text of a file; a UserError lists everything that does not fit the schema."""
        document = self.read_rest(mistakes)
        mistakes.check()
        return document

    def read_rest(self, mistakes: Mistakes) -> _Document:
        """Parse the text of a file without the values that do not fit the schema.

        They are noted, so that the caller can add what else is wrong, and then has to check
        `mistakes`. A UserError lists them if the other values are not a document.
        """
        values = parse_toml(mistakes.path, mistakes.text)
        try:
            return self.document.model_validate(values)
        except ValidationError as error:
            findings = error.errors()
        for finding in findings:
            mistakes.add(self._place(finding), self._message(finding))
        if all(map(self._is_detail, findings)):
            places = [self._place(finding) for finding in findings]
            mistakes.set_aside(places)
            for place in places:
                _remove(values, place)
            with contextlib.suppress(ValidationError):
                return self.document.model_validate(values)
        raise mistakes.error()

    def _is_detail(self, finding: ErrorDetails) -> bool:
        """Whether a finding is about one key of a table, and not about a table and its name."""
        place = self._place(finding)
        return len(place) > 2 or (len(place) == 2 and finding["type"] == "extra_forbidden")

    def _place(self, finding: ErrorDetails) -> Place:
        """The place of a finding in the file."""
        loc = finding["loc"]
        if loc[0] in self.kinds:  # pydantic inserts the kind after the table's name
            loc = (*loc[:2], *loc[3:])
        return tuple(part for part in loc if part != "[key]")

    def _message(self, finding: ErrorDetails) -> str:
        """The message for a finding."""
        kind = finding["type"]
        if kind == "extra_forbidden":
            return self._unknown_key_of_kind(finding) or self._unknown_key(self._place(finding))
        if kind == "union_tag_invalid":
            top = str(finding["loc"][0])
            known = ", ".join(self.kinds[top])
            return f"there is no kind of {top} '{finding['ctx']['tag']}' (known: {known})"
        if kind == "string_pattern_mismatch":
            wanted = self.patterns[finding["ctx"]["pattern"]]
            return f"'{without_secrets(str(finding['input']))}' is not {wanted}"
        return _MESSAGES.get(kind) or finding["msg"].removeprefix("Value error, ")

    def _unknown_key_of_kind(self, finding: ErrorDetails) -> str:
        """The message for a key that only another kind of table has; else empty."""
        top, _, kind, key = map(str, (*finding["loc"], "", "", "")[:4])
        kinds = self.kinds.get(top, {})
        if not any(key in table.model_fields for table in kinds.values()):
            return ""
        known = ", ".join(kinds[kind].model_fields)
        return f"a {top.removesuffix('s')} of the kind '{kind}' has no such key (known: {known})"

    def _unknown_key(self, place: Place) -> str:
        """The message for an unknown key, with a suggestion."""
        *header, key = place
        table_place = tuple("NAME" if index % 2 else part for index, part in enumerate(header))
        known = list(self.tables[table_place].model_fields)
        if near := difflib.get_close_matches(str(key), known, n=1):
            return f"there is no such key (did you mean '{near[0]}'?)"
        homes = [home for home, table in self.tables.items() if home and key in table.model_fields]
        if homes:
            return f"there is no such key here: it belongs to {', '.join(map(self._header, homes))}"
        return f"there is no such key (known: {', '.join(known)})"

    def _header(self, home: Place) -> str:
        """The header of a table as it is written in the file."""
        top = self.document.model_fields[str(home[0])]
        if get_origin(top.annotation) is list:
            return f"[[{home[0]}]]"
        return f"[{'.'.join(map(str, home))}]"


def _remove(values: dict[str, Any], place: Place) -> None:
    """Remove the value at a place; of an item of a list the whole list, whose indexes stay true."""
    inner: Any = values
    table, key = values, place[0]
    for part in place:
        if isinstance(inner, dict):
            table, key = inner, part
        try:
            inner = inner[part]
        except (KeyError, IndexError, TypeError):
            break  # it is missing, or an earlier removal contained it
    table.pop(str(key), None)
