"""Applies the rules to a config."""

from __future__ import annotations

from collections.abc import Sequence

from ingot.kconfig.config import Config
from ingot.kconfig.expression import And, Constant, evaluate, render, symbols
from ingot.kconfig.findings import Finding, FindingKind, Weight
from ingot.kconfig.rules import Rule, RuleWeight
from ingot.version import Series


def broken(
    rules: Sequence[Rule],
    config: Config,
    series: Series,
    arch: str,
    vmms: Sequence[str],
    *,
    full: bool = False,
) -> list[Finding]:
    """The findings for rules of such a kernel that its config violates.

    For a `full` config of another author, a rule is an error only if no VMM of the kernel could
    start it, or nothing could compile it.
    """
    violated = [
        rule
        for rule in rules
        if rule.applies_to(series, arch, vmms)
        and evaluate(rule.when, config.options) != "n"
        and not _is_met(rule, config)
    ]
    stopped = {
        vmm
        for rule in violated
        if rule.weight is RuleWeight.FATAL
        for vmm in vmms
        if not rule.vmms or vmm in rule.vmms
    }
    lenient = full and not stopped.issuperset(vmms)
    return [_finding(rule, config, _weight(rule, full=full, lenient=lenient)) for rule in violated]


def _is_met(rule: Rule, config: Config) -> bool:
    return (rule.require is None or evaluate(rule.require, config.options) != "n") and all(
        word in _list(config, option) for option, word in rule.listed
    )


def _list(config: Config, option: str) -> list[str]:
    """The words of a text that commas separate; an empty list if the option is not set."""
    return config.options.get(option, "").strip('"').split(",")


def _weight(rule: Rule, *, full: bool, lenient: bool) -> Weight:
    if rule.weight is RuleWeight.WARNING or (full and rule.weight is RuleWeight.ERROR):
        return Weight.WARNING
    return Weight.WARNING if lenient and rule.vmms else Weight.ERROR


def _finding(rule: Rule, config: Config, weight: Weight) -> Finding:
    expressions = [each for each in (rule.when, rule.require) if each is not None]
    names = dict.fromkeys([*symbols(And((*expressions, Constant("y")))), *dict(rule.listed)])
    values = ", ".join(f"{name} is {config.value(name)}" for name in names)
    wanted = [
        *([render(rule.require)] if rule.require is not None else []),
        *(f"{word} in {option}" for option, word in rule.listed),
    ]
    lines = [rule.reason, f"source: {rule.source}"]
    if rule.weight is RuleWeight.FATAL and rule.vmms and weight is Weight.WARNING:
        lines.insert(0, f"{' and '.join(rule.vmms)} cannot start this kernel")
    return Finding(
        FindingKind.RULE,
        rule.name,
        " && ".join(wanted),
        values,
        rule.place,
        lines=tuple(lines),
        weight=weight,
    )
