"""A full config in the catalog: what Kconfig makes of it, and what differs.

Its author knows that it works on some tree, so what Kconfig makes of it is used, and each
difference is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ingot.kconfig.causes import Causes
from ingot.kconfig.config import Config
from ingot.kconfig.expression import evaluate, level
from ingot.kconfig.findings import Finding, FindingKind, Weight, finding_of
from ingot.kconfig.fragment import FragmentLine, OptionRequest
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.values import same_value, serves, type_mistake

_EXPLAINED = 20
"""The differences that are explained: the search for a cause takes milliseconds, and a config of
another series has a thousand of them."""
_TITLE = re.compile(r"^# Linux/\S+ \d+\.\d+\S* Kernel Configuration$", re.MULTILINE)
_FACTS = ("HAVE_", "HAS_", "ARCH_", "CC_", "AS_", "LD_", "GCC_", "CLANG_", "RUSTC_", "PAHOLE_")


@dataclass(frozen=True, slots=True)
class NewOption:
    """An option that a full config does not mention, and the value that it got.

    `place` is the line of the catalog's fragment that chose it; None if it is Kconfig's default.
    """

    option: str
    value: str
    place: FragmentLine | None = None


def check_full(
    given: Config, completed: Config, table: OptionTable, name: str
) -> tuple[Finding, ...]:
    """What Kconfig changed in a full config, as warnings: features that are lost come first.

    `given` is the file `name`. Options without a prompt may differ: they are not requests, but
    facts of the toolchain, or selected by others. The first findings have their causes.
    """
    requests = requests_of_full(given, name)
    causes = Causes(completed.options, table, requests, name)
    found = [
        finding
        for request in requests.values()
        if (finding := _difference(request, table, completed.value(request.option)))
    ]
    found.sort(key=_importance)
    return tuple(
        _explained(finding, requests, table, causes) for finding in found[:_EXPLAINED]
    ) + tuple(found[_EXPLAINED:])


def _difference(request: OptionRequest, table: OptionTable, got: str) -> Finding | None:
    """What Kconfig made of one line, without causes; None if it took the line."""
    option = table.options.get(request.option)
    if option is None:
        if request.value == "n" or _is_fact(request.option):
            return None
        return _warning(FindingKind.UNKNOWN, request, got, "this kernel has no such option")
    if not option.prompts or same_value(request.value, got, option):
        return None
    if mistake := type_mistake(request.value, option):
        return _warning(FindingKind.TYPE, request, got, mistake)
    return _warning(FindingKind.CHANGED, request, got)


def _warning(kind: FindingKind, request: OptionRequest, got: str, *lines: str) -> Finding:
    return replace(finding_of(kind, request, got, lines), weight=Weight.WARNING)


def _importance(finding: Finding) -> int:
    """Features that are lost first, then values, then what is more than was asked for."""
    wanted, got = finding.wanted, finding.got
    if finding.kind is FindingKind.UNKNOWN:
        return 2
    if wanted in ("y", "m") and got == "n":
        return 0
    if wanted in ("y", "m", "n") and got in ("y", "m", "n"):
        return 3 if serves(wanted, got) or level(got) > level(wanted) else 1
    return 1


def _explained(
    finding: Finding, requests: Mapping[str, OptionRequest], table: OptionTable, causes: Causes
) -> Finding:
    request = requests[finding.option]
    if finding.kind is FindingKind.UNKNOWN:
        return replace(finding, lines=(*finding.lines, *causes.instead_of(finding.option)))
    if finding.kind is not FindingKind.CHANGED:
        return finding
    option = table.options[finding.option]
    return replace(
        finding,
        lines=causes.of(request, option, finding.got),
        root=causes.root(request, option, finding.got),
    )


def requests_of_full(given: Config, name: str) -> dict[str, OptionRequest]:
    """The options of a full config, the file `name`, as requests."""
    return {
        option: OptionRequest(option, value, FragmentLine(name, line))
        for line, option, value in given.lines()
    }


def _is_fact(option: str) -> bool:
    """Whether Kconfig files use such a name for options without a prompt."""
    return option.startswith(_FACTS)


def choices_for(
    given: Config, requests: Mapping[str, OptionRequest], table: OptionTable
) -> dict[str, OptionRequest]:
    """The catalog's requests for options that are new to a full config of another release.

    These have a prompt, and neither they nor another member of their choice are mentioned. Only a
    config that Kconfig wrote mentions all that its release has: others get Kconfig's defaults.
    """
    if not _TITLE.search(given.text):
        return {}
    mentioned = {option for _, option, _ in given.lines()}
    return {
        name: request
        for name, request in requests.items()
        if name not in mentioned
        and name in table.options
        and table.options[name].prompts
        and not any(member in mentioned for member in table.options[name].choice)
    }


def with_choices(given: Config, choices: Mapping[str, OptionRequest]) -> Config:
    """The full config with a line for each choice."""
    lines = [f"CONFIG_{name}={request.value}\n" for name, request in choices.items()]
    return Config("\n".join([given.text, "".join(lines)])) if lines else given


def new_options(
    given: Config,
    completed: Config,
    table: OptionTable,
    choices: Mapping[str, OptionRequest],
) -> tuple[NewOption, ...]:
    """The options with a visible prompt that a full config does not mention; sorted."""
    mentioned = {option for _, option, _ in given.lines()}
    return tuple(
        NewOption(name, completed.value(name), _chosen_at(name, completed, choices))
        for name in sorted(table.options)
        if name not in mentioned and _could_be_asked(table.options[name], completed)
    )


def _chosen_at(
    name: str, completed: Config, choices: Mapping[str, OptionRequest]
) -> FragmentLine | None:
    request = choices.get(name)
    return request.place if request and request.value == completed.value(name) else None


def _could_be_asked(option: Option, config: Config) -> bool:
    return bool(option.prompts) and evaluate(option.visible, config.options) != "n"
