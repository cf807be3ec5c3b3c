"""The options that one kernel's Kconfig defines on one arch: a table, kept as a file.

The file is gzip of the JSON that `survey.py` writes:

    {"arch": "x86", "options": {"VETH": {...}, ...}, "elsewhere": {"PPC": ["arch/powerpc/Kconfig"]}}

with one object per option, whose keys are the fields of `Option` by their names (expressions as
Kconfig writes them, empty ones left out). A kernel has some 15,000 options, and a command needs
only a few: an option is parsed when it is first looked up.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.files import write_atomic
from ingot.kconfig.expression import Expression, parse
from ingot.kconfig.survey_form import require_form


@dataclass(frozen=True, slots=True)
class Option:
    """One option. Without prompts it cannot be requested: its defaults and selectors set it.

    `type` is bool, tristate, int, hex or string. `depends` is the dependency of its own lines and
    of the menus around it, `visible` that of its prompt (with `depends`); None is always met. A
    `default` is an expression and its condition, a range its ends and condition. `choice` has
    all members of the choice it belongs to. `tests` are the macros with which its definition
    tests the toolchain, `places` where it is defined. A `transitional` option is an old name.
    """

    name: str
    type: str
    prompts: tuple[str, ...] = ()
    menu: tuple[str, ...] = ()
    depends: Expression | None = None
    visible: Expression | None = None
    selected_by: tuple[tuple[str, Expression | None], ...] = ()
    implied_by: tuple[tuple[str, Expression | None], ...] = ()
    choice: tuple[str, ...] = ()
    defaults: tuple[tuple[Expression, Expression | None], ...] = ()
    ranges: tuple[tuple[Expression, Expression, Expression | None], ...] = ()
    help: str = ""
    places: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    transitional: bool = False


class OptionTable:
    """The options of a kernel by name, without `CONFIG_`, from the JSON of a survey.

    `elsewhere` are options that only Kconfig files of other arches define, with those files;
    `arch` is the name of the arch's directory below arch/.
    """

    def __init__(self, document: bytes) -> None:
        self._document = document
        content = json.loads(document)
        self.arch: str = content["arch"]
        self.options: Mapping[str, Option] = _OptionMapping(content["options"])
        self.elsewhere: Mapping[str, list[str]] = content["elsewhere"]

    @classmethod
    def of_survey(cls, document: bytes) -> OptionTable:
        """The table in the output of a survey; a BuildError if it is not valid."""
        require_form(document)
        return cls(document)

    @classmethod
    def load(cls, path: Path) -> OptionTable:
        """The table in a file that `save` wrote."""
        return cls(gzip.decompress(path.read_bytes()))

    def save(self, path: Path) -> None:
        write_atomic(path, gzip.compress(self._document, 6, mtime=0))


class _OptionMapping(Mapping[str, Option]):
    """The options, each parsed from its JSON object when it is first looked up."""

    def __init__(self, content: dict[str, dict[str, Any]]) -> None:
        self._content = content
        self._made: dict[str, Option] = {}

    def __getitem__(self, name: str) -> Option:
        if name not in self._made:
            self._made[name] = _option(name, self._content[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __contains__(self, name: object) -> bool:
        return name in self._content


def _option(name: str, content: dict[str, Any]) -> Option:
    return Option(
        name=name,
        type=content["type"],
        prompts=tuple(content.get("prompts", ())),
        menu=tuple(content.get("menu", ())),
        depends=_expression(content.get("depends")),
        visible=_expression(content.get("visible")),
        selected_by=tuple((by, _expression(c)) for by, c in content.get("selected_by", ())),
        implied_by=tuple((by, _expression(c)) for by, c in content.get("implied_by", ())),
        choice=tuple(content.get("choice", ())),
        defaults=tuple((parse(v), _expression(c)) for v, c in content.get("defaults", ())),
        ranges=tuple(
            (parse(low), parse(high), _expression(c)) for low, high, c in content.get("ranges", ())
        ),
        help=content.get("help", ""),
        places=tuple(content.get("places", ())),
        tests=tuple(content.get("tests", ())),
        transitional=content.get("transitional", False),
    )


def _expression(text: str | None) -> Expression | None:
    return None if text is None else parse(text)
