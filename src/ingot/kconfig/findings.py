"""What is wrong with a config: an option that did not come out as asked, and why.

A finding is told in a few lines:

    feature/mine.config:3: CONFIG_VETH wanted m, got n
        needs NET_CORE, which is n: nobody asked for it (drivers/net/Kconfig:41)
        CONFIG_NET_CORE=y would do it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingot.errors import UserError
from ingot.kconfig.causes import Causes
from ingot.kconfig.config import Config
from ingot.kconfig.expression import evaluate
from ingot.kconfig.fragment import OptionRequest, Place
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.values import same_value, type_mistake

_SHOWN = 20


class FindingKind(StrEnum):
    """What a finding is about."""

    UNKNOWN = "unknown"
    """The kernel has no such option."""
    TYPE = "type"
    """No option of this type can have the value."""
    MISMATCH = "mismatch"
    """Kconfig made something else of it."""
    CHANGED = "changed"
    """A full config says something else than what Kconfig made of it."""
    RULE = "rule"
    """A rule of the catalog is broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `option` is without `CONFIG_`, or the name of a rule.

    `lines` say why and what would help, most important first, indented where they go deeper.
    """

    kind: FindingKind
    option: str
    wanted: str
    got: str
    place: Place | None
    lines: tuple[str, ...] = ()

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
    """Every request that a resolved config does not honour, in the order of their places.

    So is a request for an option that the series does not have, also one for `n`: what is
    asked for has to mean something.
    """
    causes = Causes(config.options, table, requests, series)
    found = []
    for request in sorted(requests.values(), key=lambda request: request.place):
        got = config.value(request.option)
        option = table.options.get(request.option)
        if option is None:
            found.append(_finding(FindingKind.UNKNOWN, request, got, causes.of_unknown(request)))
        elif mistake := type_mistake(request.value, option):
            found.append(_finding(FindingKind.TYPE, request, got, (mistake,)))
        elif not same_value(request.value, got, option):
            found.append(
                _finding(FindingKind.MISMATCH, request, got, causes.of(request, option, got))
            )
    return found


def _finding(kind: FindingKind, request: OptionRequest, got: str, lines: Sequence[str]) -> Finding:
    if request.built_in:
        lines = (*lines, "the line asks for m; a monolithic kernel has it built in")
    return Finding(kind, request.option, request.value, got, request.place, tuple(lines))


def check_full(
    given: Config, completed: Config, table: OptionTable, name: str
) -> tuple[tuple[Finding, ...], tuple[tuple[str, str], ...]]:
    """What Kconfig changed of a full config, and what it gave to options that are not mentioned.

    `given` is the file `name`. Options without a prompt are nobody's wish but facts
    of the toolchain or what others select: they may come out differently. Of the options that
    are not mentioned, those are listed that could have been, with the value they got.
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
        elif option.prompts and not same_value(request.value, got, option):
            lines = causes.of(request, option, got)
            findings.append(_finding(FindingKind.CHANGED, request, got, lines))
    return tuple(findings), tuple(_unmentioned(requests, completed, table))


def requests_of_full(given: Config, name: str) -> dict[str, OptionRequest]:
    """What a full config, the file `name`, says of each option, as requests."""
    return {
        option: OptionRequest(option, value, Place(name, line))
        for line, option, value in given.lines()
    }


_FACTS = ("HAVE_", "HAS_", "ARCH_", "CC_", "AS_", "LD_", "GCC_", "CLANG_", "RUSTC_", "PAHOLE_")


def _is_fact(option: str) -> bool:
    """Whether the name is one that Kconfig files give to options without a prompt."""
    return option.startswith(_FACTS)


def _unmentioned(
    mentioned: Mapping[str, object], completed: Config, table: OptionTable
) -> list[tuple[str, str]]:
    """The options that a person could have answered, with the value they got; sorted."""
    return [
        (name, completed.value(name))
        for name in sorted(table.options)
        if name not in mentioned and _could_be_asked(table.options[name], completed)
    ]


def _could_be_asked(option: Option, config: Config) -> bool:
    return bool(option.prompts) and evaluate(option.visible, config.options) != "n"


def told(findings: Sequence[Finding], most: int | None = None) -> list[str]:
    """The first `most` findings in lines; those with the same reasons stand above them together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for finding in findings[:most]:
        groups.setdefault(finding.lines, []).append(finding.summary)
    lines = []
    for reasons, summaries in groups.items():
        lines += [*summaries, *(f"    {line}" for line in reasons)]
    left = len(findings) - len(findings[:most])
    return [*lines, f"and {left} more"] if left else lines


def findings_error(findings: Sequence[Finding], subject: str) -> UserError:
    """Findings as one error: the first of them whole, the others counted."""
    count = len(findings)
    return UserError(
        f"the config of {subject} has {count} finding{'s' if count != 1 else ''}",
        why="\n".join(told(findings, _SHOWN)),
        hint="each says what would do; `ingot config explain OPTION KERNEL` says more of one",
    )
