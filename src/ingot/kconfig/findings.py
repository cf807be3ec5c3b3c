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
from ingot.kconfig.expression import evaluate
from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.option_table import Option, OptionTable
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
) -> list[Finding]:
    """Every request that a resolved config does not satisfy, in the order of their places.

    A request for an option that the series does not have is also a finding, even a request for `n`:
    it has no effect. What is met in another way, or yields on purpose, is a note (`Yielding`).
    """
    causes = Causes(config.options, table, requests, series)
    yielding = Yielding(config.options, table, requests)
    found = []
    for request in sorted(requests.values(), key=lambda request: request.place):
        got = config.value(request.option)
        option = table.options.get(request.option)
        if option is None:
            found.append(_finding(FindingKind.UNKNOWN, request, got, causes.of_unknown(request)))
        elif mistake := type_mistake(request.value, option):
            found.append(_finding(FindingKind.TYPE, request, got, (mistake,)))
        elif not same_value(request.value, got, option):
            if lines := yielding.reasons(request, option, got):
                note = _finding(FindingKind.MISMATCH, request, got, lines)
                found.append(replace(note, weight=Weight.NOTE))
                continue
            lines = causes.of(request, option, got)
            finding = _finding(FindingKind.MISMATCH, request, got, lines)
            found.append(replace(finding, root=causes.root(request, option, got)))
    return found


def _finding(kind: FindingKind, request: OptionRequest, got: str, lines: Sequence[str]) -> Finding:
    if request.built_in:
        lines = (*lines, "the line requests m; a monolithic kernel has it built in")
    return Finding(kind, request.option, request.value, got, request.place, tuple(lines))


def errors_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that stop a build."""
    return tuple(each for each in findings if each.weight is Weight.ERROR)


def check_full(
    given: Config, completed: Config, table: OptionTable, name: str
) -> tuple[tuple[Finding, ...], tuple[tuple[str, str], ...]]:
    """What Kconfig changed in a full config, and the values of options that it does not set.

    `given` is the file `name`. Options without a prompt may differ: they are not requests, but
    facts of the toolchain, or selected by others. Of the options that it does not set, those with a
    visible prompt are listed, with their values.
    """
    requests = requests_of_full(given, name)
    causes = Causes(completed.options, table, requests, name)
    findings = []
    for request in requests.values():
        option = table.options.get(request.option)
        got = completed.value(request.option)
        if option is None:
            if request.value != "n" and not _is_fact(request.option):
                lines = ("this kernel has no such option", *causes.instead_of(request.option))
                findings.append(_finding(FindingKind.UNKNOWN, request, got, lines))
        elif option.prompts and (mistake := type_mistake(request.value, option)):
            findings.append(_finding(FindingKind.TYPE, request, got, (mistake,)))
        elif option.prompts and not same_value(request.value, got, option):
            lines = causes.of(request, option, got)
            finding = _finding(FindingKind.CHANGED, request, got, lines)
            findings.append(replace(finding, root=causes.root(request, option, got)))
    return tuple(findings), tuple(_unmentioned(requests, completed, table))


def requests_of_full(given: Config, name: str) -> dict[str, OptionRequest]:
    """The options of a full config, the file `name`, as requests."""
    return {
        option: OptionRequest(option, value, FragmentLine(name, line))
        for line, option, value in given.lines()
    }


_FACTS = ("HAVE_", "HAS_", "ARCH_", "CC_", "AS_", "LD_", "GCC_", "CLANG_", "RUSTC_", "PAHOLE_")


def _is_fact(option: str) -> bool:
    """Whether Kconfig files use such a name for options without a prompt."""
    return option.startswith(_FACTS)


def _unmentioned(
    mentioned: Mapping[str, object], completed: Config, table: OptionTable
) -> list[tuple[str, str]]:
    """The options that the config could have set, with their values; sorted."""
    return [
        (name, completed.value(name))
        for name in sorted(table.options)
        if name not in mentioned and _could_be_asked(table.options[name], completed)
    ]


def _could_be_asked(option: Option, config: Config) -> bool:
    return bool(option.prompts) and evaluate(option.visible, config.options) != "n"
