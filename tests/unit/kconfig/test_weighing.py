"""What a catalog accepts of findings, and how strict it is."""

from __future__ import annotations

import datetime

from ingot.kconfig.findings import Finding, FindingKind, Weight
from ingot.kconfig.waivers import Waiver
from ingot.kconfig.weighing import weighed
from ingot.version import Series

RULE = Finding(FindingKind.RULE, "partuuid", "A", "A is n", None, ("why",), Weight.WARNING)
CHANGED = Finding(FindingKind.CHANGED, "VETH", "y", "n", None, ("why",), Weight.WARNING)
MISMATCH = Finding(FindingKind.MISMATCH, "NET", "y", "n", None, ("why",))
NOTE = Finding(FindingKind.MISMATCH, "SHA1", "m", "y", None, ("why",), Weight.NOTE)
ALL = (RULE, CHANGED, MISMATCH, NOTE)


def waiver(name: str, *, of_rule: bool, **more: object) -> Waiver:
    return Waiver(name, of_rule, "no partitions here", "kernels.toml:9", **more)  # type: ignore[arg-type]


def weights(*waivers: Waiver, strict: bool = False) -> list[str]:
    found, _ = weighed(ALL, waivers, strict=strict)
    return [finding.weight.value for finding in found]


def test_without_waivers_findings_are_as_they_are() -> None:
    assert weights() == ["warning", "warning", "error", "note"]


def test_strict_makes_errors_of_warnings_and_leaves_notes() -> None:
    assert weights(strict=True) == ["error", "error", "error", "note"]


def test_a_waiver_accepts_what_it_names_even_if_strict() -> None:
    one, two = waiver("partuuid", of_rule=True), waiver("NET", of_rule=False)
    found, applied = weighed(ALL, (one, two), strict=True)
    assert [finding.weight.value for finding in found] == ["note", "error", "note", "note"]
    assert found[0].lines == ("accepted at kernels.toml:9: no partitions here",)
    assert applied == (one, two)


def test_a_waiver_of_a_rule_accepts_no_option_of_that_name() -> None:
    found, applied = weighed(ALL, (waiver("VETH", of_rule=True),), strict=False)
    assert (found, applied) == (ALL, ())


def test_a_waiver_may_be_for_some_kernels_and_may_end() -> None:
    one = waiver(
        "partuuid",
        of_rule=True,
        until=datetime.date(2027, 6, 30),
        series=(Series(6, 1),),
        flavors=("minimal",),
        arches=("x86_64",),
    )
    assert one.covers(Series(6, 1), "minimal", "x86_64")
    assert one.covers(Series(6, 1), "minimal-with-bpf", "x86_64")
    assert not one.covers(Series(6, 1), "minimalist", "x86_64")
    assert not one.covers(Series(6, 12), "minimal", "x86_64")
    assert not one.covers(Series(6, 1), "minimal", "arm64")
    assert not one.ended(datetime.date(2027, 6, 30))
    assert one.ended(datetime.date(2027, 7, 1))
    assert not one.ended(None)
