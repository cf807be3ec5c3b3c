"""The form of a file as pydantic's models have it, and what they find wrong in the file's words."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ingot.errors import UserError
from ingot.toml.lines import Place
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
"""What pydantic calls a finding (pydantic documentation, "Validation Errors"): what to say."""


class TomlTable(BaseModel):
    """A table of such a file: it has these keys and no other, and text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


_Document = TypeVar("_Document", bound=TomlTable)


@dataclass(frozen=True, slots=True)
class FileForm(Generic[_Document]):
    """What one kind of file may say.

    `tables` tells what kind of table stands where; every second word of a place is `NAME`, which
    is any name, or any number in a list. `patterns` is what a person calls text of a pattern. The
    tables below a word of `kinds` are of several kinds, told apart by their key `kind`.
    """

    document: type[_Document]
    tables: Mapping[Place, type[TomlTable]]
    patterns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, type[TomlTable]]] = field(default_factory=dict)

    def read(self, mistakes: Mistakes) -> _Document:
        """What the text of a file says; a UserError tells all that is not of this form."""
        path = mistakes.path
        try:
            return self.document.model_validate(tomllib.loads(mistakes.text))
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            where = f"{path.name}:{line[1]}" if line else path.name
            raise UserError(f"{path} is not valid TOML", why=f"{where}: {error}") from None
        except ValidationError as error:
            for finding in error.errors():
                mistakes.add(self._place(finding), self._message(finding))
            raise mistakes.error() from None

    def _place(self, finding: ErrorDetails) -> Place:
        """Where in the file it is."""
        loc = finding["loc"]
        if loc[0] in self.kinds:  # behind the table's name stands its kind, which the file has not
            loc = (*loc[:2], *loc[3:])
        return tuple(part for part in loc if part != "[key]")

    def _message(self, finding: ErrorDetails) -> str:
        """What is wrong there."""
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
        """That a table of one kind has no key that another has; empty for any other key."""
        top, _, kind, key = map(str, (*finding["loc"], "", "", "")[:4])
        kinds = self.kinds.get(top, {})
        if not any(key in table.model_fields for table in kinds.values()):
            return ""
        known = ", ".join(kinds[kind].model_fields)
        return f"a {top.removesuffix('s')} of the kind '{kind}' has no such key (known: {known})"

    def _unknown_key(self, place: Place) -> str:
        """That a key means nothing here, and what may have been meant."""
        *header, key = place
        stands = tuple("NAME" if index % 2 else part for index, part in enumerate(header))
        known = list(self.tables[stands].model_fields)
        if near := difflib.get_close_matches(str(key), known, n=1):
            return f"there is no such key (did you mean '{near[0]}'?)"
        homes = [home for home, table in self.tables.items() if home and key in table.model_fields]
        if homes:
            return f"there is no such key here: it belongs to {', '.join(map(self._header, homes))}"
        return f"there is no such key (known: {', '.join(known)})"

    def _header(self, home: Place) -> str:
        """How the header of a table is written in the file."""
        top = self.document.model_fields[str(home[0])]
        if get_origin(top.annotation) is list:
            return f"[[{home[0]}]]"
        return f"[{'.'.join(map(str, home))}]"
