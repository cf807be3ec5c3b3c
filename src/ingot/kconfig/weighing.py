"""The weight of findings in one catalog: what it accepts, and how strict it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingot.kconfig.findings import Finding, FindingKind, Weight
from ingot.kconfig.waivers import Waiver


def weighed(
    findings: Iterable[Finding], waivers: Sequence[Waiver], *, strict: bool
) -> tuple[tuple[Finding, ...], tuple[Waiver, ...]]:
    """The findings, of which those that a waiver accepts are notes; and the waivers that did.

    `strict` makes errors of the warnings.
    """
    found, applied = [], []
    for finding in findings:
        waiver = next((each for each in waivers if _accepts(each, finding)), None)
        if waiver is not None and finding.weight is not Weight.NOTE:
            applied.append(waiver)
            lines = (f"accepted at {waiver.place}: {waiver.reason}",)
            found.append(replace(finding, weight=Weight.NOTE, lines=lines, root=""))
        elif strict and finding.weight is Weight.WARNING:
            found.append(replace(finding, weight=Weight.ERROR))
        else:
            found.append(finding)
    return tuple(found), tuple(dict.fromkeys(applied))


def _accepts(waiver: Waiver, finding: Finding) -> bool:
    is_rule = finding.kind is FindingKind.RULE
    return waiver.of_rule == is_rule and waiver.name == finding.option
