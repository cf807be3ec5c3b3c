"""Kconfig fragments: parsing their requests, and merging the requests of several fragments.

A fragment is a list of lines as in a `.config` (kernel: Documentation/kbuild/kconfig.rst),
each with an optional trailing comment that limits it to the arch and the series that have the
option, or makes it yield to another option. Several lines with other limits may request an option:

    CONFIG_VETH=m
    CONFIG_KVM_GUEST=y      # on x86_64
    CONFIG_RETPOLINE=y      # on x86_64 until 6.8: renamed to MITIGATION_RETPOLINE
    CONFIG_EXAMPLE=y        # since 5.17
    CONFIG_UNWINDER_GUESS=y     # on x86_64 unless UNWINDER_ORC: the cheaper of a choice
    CONFIG_UEVENT_HELPER=n
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ingot.arch import arch as known_arch
from ingot.errors import UserError, require_none
from ingot.files import read_text
from ingot.version import Series

_ASSIGNMENT = re.compile(
    r"CONFIG_(?P<option>\w+)=(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s\"#]+)\s*(?:#\s*(?P<note>.*))?"
)
_UNSET = re.compile(r"# CONFIG_(?P<option>\w+) is not set\s*(?:#\s*(?P<note>.*))?")
_BOUND = re.compile(r"(?:on|since|until|unless)(?!\w)")
_BOUNDS = re.compile(
    r"(?:on (?P<arch>\w+)(?!\S)\s*)?"
    r"(?:since (?P<since>\d+\.\d+)(?!\S)\s*)?"
    r"(?:until (?P<until>\d+\.\d+)(?!\S)\s*)?"
    r"(?:unless (?P<unless>[A-Z0-9]\w*)(?!\S)\s*)?"
)
_VALUE = re.compile(r"[ymn]|-?\d+|0[xX][0-9a-fA-F]+|\"(?:[^\"\\]|\\.)*\"")


class FragmentLine(NamedTuple):
    """The place of a line: the file's name and the line number, from 1."""

    fragment: str
    line: int

    def __str__(self) -> str:
        return f"{self.fragment}:{self.line}"


@dataclass(frozen=True, slots=True)
class OptionRequest:
    """A request for an option. `option` is without `CONFIG_`; `value` is as in a `.config`.

    `since` and `until` are the first and the last series that have the option, `arch` the only
    arch that has it, by the kernel's name. `built_in` means that the line requests a module, but
    the kernel is to have none, so that `value` is `y`. The line is ignored if another line requests
    the option `unless`.
    """

    option: str
    value: str
    place: FragmentLine
    since: Series | None = None
    until: Series | None = None
    arch: str | None = None
    unless: str | None = None
    built_in: bool = False

    def applies_to(self, series: Series, arch: str) -> bool:
        return (
            (self.since is None or self.since <= series)
            and (self.until is None or series <= self.until)
            and self.arch in (None, arch)
        )


def parse_fragment(text: str, name: str) -> tuple[OptionRequest, ...]:
    """Parse a fragment; a UserError names every line that cannot be read."""
    requests: list[OptionRequest] = []
    errors: list[UserError] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        try:
            requests += _parse_line(raw.strip(), FragmentLine(name, number))
        except UserError as error:
            errors.append(error)
    require_none(errors, f"{len(errors)} lines of {name} cannot be read")
    return tuple(requests)


def _parse_line(line: str, place: FragmentLine) -> Sequence[OptionRequest]:
    """The request of a line; empty for a comment, which does not request anything."""
    if unset := _UNSET.fullmatch(line):
        return [_request(unset["option"], "n", unset["note"], place)]
    if line and not line.startswith("#"):
        return [_parse_assignment(line, place)]
    return []


def _parse_assignment(line: str, place: FragmentLine) -> OptionRequest:
    match = _ASSIGNMENT.fullmatch(line)
    if not match or not _VALUE.fullmatch(match["value"]):
        raise UserError(
            f"{place}: '{line}' is not a Kconfig assignment",
            hint="write CONFIG_NAME=y, =m, =n, a number or a quoted string; # starts a comment",
        )
    return _request(match["option"], match["value"], match["note"], place)


def _request(option: str, value: str, note: str | None, place: FragmentLine) -> OptionRequest:
    """A request with the limits in its comment; any other comment is ignored."""
    if not note or not _BOUND.match(note):
        return OptionRequest(option, value, place)
    bounds = _BOUNDS.fullmatch(note.partition(":")[0])
    if bounds is None:
        raise UserError(
            f"{place}: '# {note}' does not limit the option to an arch, to series or by another"
            " option",
            hint="write '# on arm64 since 5.17 until 6.8 unless OPTION: why', without the parts"
            " that you do not need; begin any other comment with another word",
        )
    since = Series.parse(bounds["since"]) if bounds["since"] else None
    until = Series.parse(bounds["until"]) if bounds["until"] else None
    if since and until and until < since:
        raise UserError(
            f"{place}: '# {note}' excludes every series",
            why=f"{until} is before {since}",
            hint="'since' is the first series that has the option, 'until' the last",
        )
    arch = _arch(bounds["arch"], place)
    return OptionRequest(
        option, value, place, since=since, until=until, arch=arch, unless=bounds["unless"]
    )


def _arch(name: str | None, place: FragmentLine) -> str | None:
    """The kernel's name of the arch after `on`; a UserError lists the known ones."""
    if name is None:
        return None
    try:
        return known_arch(name).name
    except UserError as error:
        raise UserError(f"{place}: {error.what}", why=error.why, hint=error.hint) from None


def load_fragment(path: Path, name: str) -> tuple[OptionRequest, ...]:
    """Read the fragment file `path`; messages use `name`."""
    text = read_text(path)
    if text is None:
        raise UserError(
            f"the fragment '{name}' does not exist",
            why=f"there is no file {path}",
            hint="fragments are in the catalog's directories fragments/{base,vmm,feature}/",
        )
    return parse_fragment(text, name)


def merge(
    requests: Iterable[OptionRequest], series: Series, arch: str, *, monolithic: bool = False
) -> dict[str, OptionRequest]:
    """The requests that apply to `series` on `arch`, one per option, sorted by option.

    `monolithic` builds in what is requested as a module. A built-in option satisfies a request for
    a module, so `y` overrides `m`; any other disagreement is a contradiction: a UserError lists
    all of them with both places.
    """
    merged: dict[str, OptionRequest] = {}
    contradictions = []
    for asked in _effective([each for each in requests if each.applies_to(series, arch)]):
        request = _build_in(asked) if monolithic else asked
        other = merged.setdefault(request.option, request)
        if (other.value, request.value) == ("m", "y"):
            merged[request.option] = request
        elif other.value != request.value and (other.value, request.value) != ("y", "m"):
            contradictions.append((other, request))
    if contradictions:
        raise _contradiction(contradictions)
    return dict(sorted(merged.items()))


def _effective(requests: Sequence[OptionRequest]) -> list[OptionRequest]:
    """The requests whose `unless` is not requested by a line without an `unless`."""
    wanted = {each.option for each in requests if each.value != "n" and each.unless is None}
    return [each for each in requests if each.unless not in wanted]


def _build_in(request: OptionRequest) -> OptionRequest:
    return replace(request, value="y", built_in=True) if request.value == "m" else request


def _contradiction(pairs: list[tuple[OptionRequest, OptionRequest]]) -> UserError:
    options = list(dict.fromkeys(first.option for first, _ in pairs))
    subject = (
        f"CONFIG_{options[0]} is" if len(options) == 1 else f"{len(options)} options are"
    ) + " requested twice, with different values"
    return UserError(
        subject,
        why="\n".join(
            (f"CONFIG_{first.option}: " if len(options) > 1 else "")
            + f"{first.place} requests {first.value}, {second.place} requests {second.value}"
            for first, second in pairs
        ),
        hint="keep one of the two lines",
    )


def render(merged: Mapping[str, OptionRequest]) -> str:
    """The merged requests as the text Kconfig reads (`KCONFIG_ALLCONFIG`)."""
    return "".join(f"CONFIG_{option}={request.value}\n" for option, request in merged.items())
