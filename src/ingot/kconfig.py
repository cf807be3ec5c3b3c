"""Kconfig fragments: what they ask for, and whether a resolved config gives it.

A fragment is a list of lines as in a `.config` (kernel: Documentation/kbuild/kconfig.rst),
each with an optional trailing comment that bounds it to the series that have the option:

    CONFIG_VETH=m
    CONFIG_RETPOLINE=y      # until 6.8: renamed to MITIGATION_RETPOLINE
    CONFIG_EXAMPLE=y        # since 5.17
    CONFIG_UEVENT_HELPER=n

Kconfig itself resolves (see `configure`); this module only reads, merges and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ingot.errors import UserError
from ingot.version import Series

_ASSIGNMENT = re.compile(
    r"CONFIG_(?P<option>\w+)=(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s\"#]+)\s*(?:#\s*(?P<note>.*))?"
)
_UNSET = re.compile(r"# CONFIG_(?P<option>\w+) is not set\s*(?:#\s*(?P<note>.*))?")
_BOUNDS = re.compile(
    r"(?:since (?P<since>\d+\.\d+))?(?:(?:^|\s+)until (?P<until>\d+\.\d+))?\s*(?::.*)?"
)
_VALUE = re.compile(r"[ymn]|-?\d+|0[xX][0-9a-fA-F]+|\"(?:[^\"\\]|\\.)*\"")


class Place(NamedTuple):
    """Where a line stands: the fragment's name and the line number, from 1."""

    fragment: str
    line: int

    def __str__(self) -> str:
        return f"{self.fragment}:{self.line}"


@dataclass(frozen=True, slots=True)
class Request:
    """One option asked for. `option` is without `CONFIG_`; `value` as a `.config` writes it.

    `since` and `until` are the first and the last series that have the option.
    """

    option: str
    value: str
    place: Place
    since: Series | None = None
    until: Series | None = None

    def applies_to(self, series: Series) -> bool:
        return (self.since is None or self.since <= series) and (
            self.until is None or series <= self.until
        )


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An option that did not come out as asked. `got` is `n` if the option is absent."""

    request: Request
    got: str


def parse_fragment(text: str, name: str) -> tuple[Request, ...]:
    """Read a fragment; a UserError names the first line that is neither option nor comment."""
    requests = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if unset := _UNSET.fullmatch(line):
            requests.append(_request(unset["option"], "n", unset["note"], Place(name, number)))
        elif line and not line.startswith("#"):
            requests.append(_parse_assignment(line, Place(name, number)))
    return tuple(requests)


def _parse_assignment(line: str, place: Place) -> Request:
    match = _ASSIGNMENT.fullmatch(line)
    if not match or not _VALUE.fullmatch(match["value"]):
        raise UserError(
            f"{place}: '{line}' is not a Kconfig assignment",
            hint="write CONFIG_NAME=y, =m, =n, a number or a quoted string; # starts a comment",
        )
    return _request(match["option"], match["value"], match["note"], place)


def _request(option: str, value: str, note: str | None, place: Place) -> Request:
    """A request with the bounds its comment gives; a comment without any is just a comment."""
    if not note or not note.startswith(("since", "until")):
        return Request(option, value, place)
    bounds = _BOUNDS.fullmatch(note)
    since = Series.parse(bounds["since"]) if bounds and bounds["since"] else None
    until = Series.parse(bounds["until"]) if bounds and bounds["until"] else None
    if bounds is None or (since and until and until < since):
        raise UserError(
            f"{place}: '# {note}' does not bound the option to series",
            hint="write '# since 5.17', '# until 6.8' or '# since 5.17 until 6.8', then ': why'",
        )
    return Request(option, value, place, since, until)


def load_fragment(path: Path, name: str) -> tuple[Request, ...]:
    """Read the fragment file `path`, to be called `name` in messages."""
    try:
        return parse_fragment(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        raise UserError(
            f"the fragment '{name}' does not exist",
            why=f"there is no file {path}",
            hint="fragments live in the catalog's fragments/{base,vmm,feature}/ folders",
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"the fragment {path} is not UTF-8 text") from None


def merge(requests: Iterable[Request], series: Series) -> dict[str, Request]:
    """The requests that apply to `series`, one per option, sorted by option.

    Built in meets the wish for a module, so `y` wins over `m`; any other disagreement is a
    contradiction: a UserError that names both places.
    """
    merged: dict[str, Request] = {}
    for request in requests:
        if not request.applies_to(series):
            continue
        other = merged.get(request.option)
        if other is None or (other.value, request.value) == ("m", "y"):
            merged[request.option] = request
        elif request.value != other.value and (other.value, request.value) != ("y", "m"):
            raise UserError(
                f"CONFIG_{request.option} is asked for twice, differently",
                why=f"{other.place} wants {other.value}, {request.place} wants {request.value}",
                hint="keep one of the two lines",
            )
    return dict(sorted(merged.items()))


def render(merged: Mapping[str, Request]) -> str:
    """The merged requests as the text Kconfig reads (`KCONFIG_ALLCONFIG`)."""
    return "".join(f"CONFIG_{option}={request.value}\n" for option, request in merged.items())


def parse_config(text: str) -> dict[str, str]:
    """Option -> value of a resolved `.config`; options that are not set are left out."""
    values = {}
    for line in text.splitlines():
        if line.startswith("CONFIG_"):
            option, _, value = line.removeprefix("CONFIG_").partition("=")
            values[option] = value
    return values


def compare(merged: Mapping[str, Request], config: Mapping[str, str]) -> list[Mismatch]:
    """Every request the resolved config does not honour; for Kconfig, absent means `n`."""
    return [
        Mismatch(request, got)
        for option, request in merged.items()
        if (got := config.get(option, "n")) != request.value
    ]


def find_dependencies(tree: Path, option: str, arch_folder: str = "") -> list[str] | None:
    """The `depends on` lines of an option in a kernel tree's Kconfig files, as written.

    None if no Kconfig file defines the option. Of the folders below `arch/`, only
    `arch_folder` is looked at, if it is given. Only the option's own lines are read, not the
    menus around it, and of several definitions the first by path.
    """
    start = re.compile(rf"^(?:menu)?config {re.escape(option)}\s*$", re.MULTILINE)
    for path in sorted(tree.rglob("Kconfig*")):
        parts = path.relative_to(tree).parts
        elsewhere = arch_folder and parts[0] == "arch" and parts[1] not in (arch_folder, path.name)
        if elsewhere or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if match := start.search(text):
            return _own_dependencies(text[match.end() :])
    return None


def _own_dependencies(text: str) -> list[str]:
    """The `depends on` lines of the definition that `text` goes on with."""
    entry = re.split(r"^\S", text, maxsplit=1, flags=re.MULTILINE)[0]
    body = re.split(r"^\s+help$", entry, maxsplit=1, flags=re.MULTILINE)[0].replace("\\\n", " ")
    lines = re.findall(r"^\s+depends on (.+)$", body, re.MULTILINE)
    return [" ".join(line.split()) for line in lines]
