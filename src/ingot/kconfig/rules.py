"""Rules for the configs of a VMM, read from `rules.toml` of a catalog.

    [[rules]]
    name = "acpi-needs-pci"
    vmms = ["firecracker"]          # kernels for any of these; none: every kernel
    arches = ["x86_64"]             # likewise
    since = "6.0"                   # the first series it is for; `until`: the last
    when = "ACPI"                   # an expression in Kconfig's syntax; default: always
    require = "PCI"
    reason = "ACPI without PCI panics early"
    source = "https://..."

A config violates a rule if `when` is not `n` and `require` is `n`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator

from ingot.arch import arch as known_arch
from ingot.errors import UserError
from ingot.files import read_text
from ingot.kconfig.expression import Expression, parse
from ingot.kconfig.fragment import FragmentLine
from ingot.toml import FileForm, Lines, Mistakes, TomlTable
from ingot.version import Series

_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with its limits as in a catalog's file."""

    name: str
    place: FragmentLine
    require: Expression
    reason: str
    source: str
    when: Expression | None = None
    vmms: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    since: Series | None = None
    until: Series | None = None

    def applies_to(self, series: Series, arch: str, vmms: Sequence[str]) -> bool:
        return (
            (self.since is None or self.since <= series)
            and (self.until is None or series <= self.until)
            and (not self.arches or arch in self.arches)
            and (not self.vmms or not set(self.vmms).isdisjoint(vmms))
        )


class _RuleDocument(TomlTable):
    """A rule in the file. `Rule` describes its fields."""

    name: str = Field(pattern=_NAME)
    require: str
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)
    when: str | None = None
    vmms: list[str] = Field([])
    arches: list[str] = Field([])
    since: str | None = None
    until: str | None = None

    @field_validator("require", "when")
    @classmethod
    def _is_expression(cls, text: str | None) -> str | None:
        if text is not None:
            _checked(parse, text)
        return text

    @field_validator("since", "until")
    @classmethod
    def _is_series(cls, text: str | None) -> str | None:
        if text is not None:
            _checked(Series.parse, text)
        return text

    @field_validator("arches")
    @classmethod
    def _are_arches(cls, names: list[str]) -> list[str]:
        for name in names:
            _checked(known_arch, name)
        return names


class _RulesDocument(TomlTable):
    rules: list[_RuleDocument] = Field([])


_FORM = FileForm(
    _RulesDocument,
    {(): _RulesDocument, ("rules", "NAME"): _RuleDocument},
    {_NAME: "a name (lower-case letters and digits, in words joined by -)"},
)


def _checked(read: Callable[[str], object], text: str) -> None:
    """Make pydantic report an error of Ingot's own parsers."""
    try:
        read(text)
    except UserError as error:
        raise ValueError(f"{error.what} ({error.hint})") from None


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file; a UserError if it is missing, or that lists its mistakes with lines.

    A file with another name would be ignored, and no config would be checked.
    """
    text = read_text(path)
    if text is None:
        raise UserError(
            f"there is no file {path}, so no config could be checked for known problems",
            hint=f"copy it from a catalog that `ingot init` made, or write an empty {path.name} to"
            " have no rules",
        )
    found = _FORM.read(Mistakes(path, text)).rules
    lines = Lines(text)
    rules = [
        _rule(rule, FragmentLine(path.name, lines.find(("rules", index, "name")) or 1))
        for index, rule in enumerate(found)
    ]
    _require_distinct(rules)
    return tuple(rules)


def _rule(rule: _RuleDocument, place: FragmentLine) -> Rule:
    return Rule(
        name=rule.name,
        place=place,
        require=parse(rule.require),
        reason=rule.reason,
        source=rule.source,
        when=parse(rule.when) if rule.when is not None else None,
        vmms=tuple(rule.vmms),
        arches=tuple(rule.arches),
        since=Series.parse(rule.since) if rule.since else None,
        until=Series.parse(rule.until) if rule.until else None,
    )


def _require_distinct(rules: Sequence[Rule]) -> None:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if other := seen.get(rule.name):
            raise UserError(
                f"{rule.place}: a rule {rule.name} already exists",
                why=f"it is at {other.place}",
                hint="give one of them another name",
            )
        seen[rule.name] = rule
