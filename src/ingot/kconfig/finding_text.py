"""Findings as text: those with one cause together, and the cause once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.errors import ConfigError
from ingot.kconfig.findings import Finding, FindingKind
from ingot.kconfig.full_config import NewOption

_SHOWN = 20
_LISTED = 4
"""The most findings with one cause that have a line each; more are listed by fragment."""


def finding_lines(findings: Sequence[Finding], most: int | None = None) -> list[str]:
    """The findings as lines, grouped by their causes; of more than `most` groups the others are
    counted."""
    groups = list(_groups(findings))
    lines = []
    for group in groups[:most]:
        lines += [*_summaries(group), *(f"    {line}" for line in group[0].lines)]
    left = sum(map(len, groups[most:])) if most is not None else 0
    return [*lines, f"and {left} more"] if left else lines


def _groups(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Findings with the same reasons; groups with one root follow each other."""
    roots: dict[object, dict[tuple[str, ...], list[Finding]]] = {}
    for finding in findings:
        root = (finding.weight, finding.root or finding.lines)
        roots.setdefault(root, {}).setdefault(finding.lines, []).append(finding)
    for groups in roots.values():
        yield from groups.values()


def _summaries(group: Sequence[Finding]) -> Iterator[str]:
    """A line for each finding, or for many of one fragment."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for each in group:
        fragment = each.place.fragment if each.place else ""
        alike.setdefault((fragment, each.wanted, each.got), []).append(each)
    for (fragment, wanted, got), some in alike.items():
        if len(some) <= _LISTED or some[0].kind is FindingKind.RULE:
            yield from (each.summary for each in some)
            continue
        verb = "are" if some[0].kind is FindingKind.CHANGED else "wanted"
        made = "Kconfig made them" if some[0].kind is FindingKind.CHANGED else "got"
        names = ", ".join(each.option for each in some)
        yield f"{fragment}: {len(some)} options {verb} {wanted}, {made} {got}: {names}"


def counted(number: int, word: str) -> str:
    """A number with its noun: `1 error`, `2 errors`."""
    return f"{number} {word}{'s' if number != 1 else ''}"


def new_option_lines(options: Sequence[NewOption]) -> Iterator[str]:
    """The options that a full config does not mention, by what decided their values."""
    chosen = [each for each in options if each.place]
    defaults = [each for each in options if not each.place and each.value != "n"]
    off = [each.option for each in options if not each.place and each.value == "n"]
    if chosen:
        texts = ", ".join(f"{each.option}={each.value} ({each.place})" for each in chosen)
        yield f"not in the full config, set by the catalog's fragments: {texts}"
    if defaults:
        texts = ", ".join(f"{each.option}={each.value}" for each in defaults)
        yield f"not in the full config, set by Kconfig's defaults: {texts}"
    if off:
        yield f"not in the full config, and off: {', '.join(off)}"


def findings_error(findings: Sequence[Finding], subject: str) -> ConfigError:
    """Findings as one error: the first of them in full, the others counted."""
    count = len(findings)
    return ConfigError(
        f"the config of {subject} has {count} finding{'s' if count != 1 else ''}",
        why="\n".join(finding_lines(findings, _SHOWN)),
        hint="each finding names a fix; `ingot config explain KERNEL OPTION` shows the option in"
        " detail",
    )
