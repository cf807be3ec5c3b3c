"""Applies the rules to a config."""

from __future__ import annotations

from collections.abc import Sequence

from ingot.kconfig.config import Config
from ingot.kconfig.expression import And, Constant, evaluate, render, symbols
from ingot.kconfig.findings import Finding, FindingKind
from ingot.kconfig.rules import Rule
from ingot.version import Series


def broken(
    rules: Sequence[Rule],
    config: Config,
    series: Series,
    arch: str,
    vmms: Sequence[str],
) -> list[Finding]:
    """The findings for rules of such a kernel that its config violates."""
    return [
        _finding(rule, config)
        for rule in rules
        if rule.applies_to(series, arch, vmms)
        and evaluate(rule.when, config.options) != "n"
        and evaluate(rule.require, config.options) == "n"
    ]


def _finding(rule: Rule, config: Config) -> Finding:
    values = ", ".join(
        f"{name} is {config.value(name)}"
        for name in symbols(And((rule.when or Constant("y"), rule.require)))
    )
    lines = (rule.reason, f"source: {rule.source}")
    return Finding(FindingKind.RULE, rule.name, render(rule.require), values, rule.place, lines)
