"""Findings: options of a config that do not have their requested values, and why.

The text of a finding has a few lines (`finding_text` groups those of many):

    feature/mine.config:3: CONFIG_VETH wanted m, got n
        needs NET_CORE, which is n: nothing requests it (drivers/net/Kconfig:41)
        CONFIG_NET_CORE=y would do it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ingot.kconfig.causes import Causes
from ingot.kconfig.config import Config
from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.option_table import OptionTable
from ingot.kconfig.other_series import OtherSeries
from ingot.kconfig.values import same_value, type_mistake
from ingot.kconfig.yielding import Yielding


class Weight(StrEnum):
    """What a finding means for the kernel."""

    ERROR = "error"
    """It will not compile, boot or be what was requested."""
    WARNING = "warning"
    """It works, at a cost."""
    NOTE = "note"
    """A request was met in another way than it was written."""


class FindingKind(StrEnum):
    """The kind of a finding."""

    UNKNOWN = "unknown"
    """The kernel has no such option."""
    TYPE = "type"
    """No option of this type can have the value."""
    MISMATCH = "mismatch"
    """Kconfig gave it another value."""
    CHANGED = "changed"
    """Kconfig changed the value of a full config."""
    RULE = "rule"
    """The config violates a rule of the catalog."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a config. `option` is without `CONFIG_`, or the name of a rule.

    `lines` are its causes and remedies, the most important first, indented for causes of causes.
    `root` is the line or the option behind them: findings with one root have one cause.
    """

    kind: FindingKind
    option: str
    wanted: str
    got: str
    place: FragmentLine | None
    lines: tuple[str, ...] = ()
    weight: Weight = Weight.ERROR
    root: str = ""

    @property
    def summary(self) -> str:
        """The finding in one line, without its reasons."""
        prefix = f"{self.place}: " if self.place else ""
        if self.kind is FindingKind.RULE:
            return f"{prefix}{self.option}: wants {self.wanted}, got {self.got}"
        if self.kind is FindingKind.CHANGED:
            return f"{prefix}CONFIG_{self.option} is {self.wanted}, Kconfig made it {self.got}"
        return f"{prefix}CONFIG_{self.option} wanted {self.wanted}, got {self.got}"

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"    {line}" for line in self.lines)])


def check(
    requests: Mapping[str, OptionRequest],
    config: Config,
    table: OptionTable,
    series: str,
    others: OtherSeries | None = None,
) -> list[Finding]:
    """Every request that a resolved config does not satisfy, in the order of their places.

    A request for an option that the series does not have is also a finding, even a request for `n`:
    it has no effect; `others` knows the series that have it. What is met in another way, or yields
    on purpose, is a note (`Yielding`).
    """
    causes = Causes(config.options, table, requests, series, others)
    yielding = Yielding(config.options, table, requests)
    found = []
    for request in sorted(requests.values(), key=lambda request: request.place):
        got = config.value(request.option)
        option = table.options.get(request.option)
        if option is None:
            found.append(finding_of(FindingKind.UNKNOWN, request, got, causes.of_unknown(request)))
        elif mistake := type_mistake(request.value, option):
            found.append(finding_of(FindingKind.TYPE, request, got, (mistake,)))
        elif not same_value(request.value, got, option):
            if lines := yielding.reasons(request, option, got):
                note = finding_of(FindingKind.MISMATCH, request, got, lines)
                found.append(replace(note, weight=Weight.NOTE))
                continue
            lines = causes.of(request, option, got)
            finding = finding_of(FindingKind.MISMATCH, request, got, lines)
            found.append(replace(finding, root=causes.root(request, option, got)))
    return found


def finding_of(
    kind: FindingKind, request: OptionRequest, got: str, lines: Sequence[str]
) -> Finding:
    """A finding about a request, as an error."""
    if request.built_in:
        lines = (*lines, "the line requests m; a monolithic kernel has it built in")
    return Finding(kind, request.option, request.value, got, request.place, tuple(lines))


def as_error(finding: Finding) -> Finding:
    return replace(finding, weight=Weight.ERROR)


def errors_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that stop a build."""
    return tuple(each for each in findings if each.weight is Weight.ERROR)
