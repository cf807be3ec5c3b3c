"""Requests that yield: to what is built in, to features, and to overrides."""

from __future__ import annotations

from typing import Any

import pytest

from ingot import kconfig
from ingot.kconfig.findings import Finding, Weight, check
from ingot.version import Series
from tests.support.configs import config_of
from tests.support.option_tables import table

OPTIONS: dict[str, dict[str, Any]] = {
    "MODULES": {},
    "MODULE_UNLOAD": {"depends": "MODULES"},
    "MODULE_FORCE_UNLOAD": {"depends": "MODULE_UNLOAD"},
    "STRICT_RWX": {"depends": "MODULES", "visible": "MODULES && OPTIONAL_RWX"},
    "OPTIONAL_RWX": {"prompts": []},
    "OTHER": {},
    "NEEDS_BOTH": {"depends": "MODULES && OTHER"},
    "SHA1": {"type": "tristate", "selected_by": [["MPPE", None]]},
    "MPPE": {"type": "tristate"},
    "FW_LOADER": {"type": "tristate", "selected_by": [["NIC", None]]},
    "NIC": {"type": "tristate"},
    "LOOP": {"type": "tristate"},
}


def findings(config: dict[str, str], **fragments: str) -> list[Finding]:
    names = {"base": "base/linux.config"}
    requests = [
        each
        for name, text in fragments.items()
        for each in kconfig.parse_fragment(text, names.get(name, f"feature/{name}.config"))
    ]
    merged = kconfig.merge(requests, Series(6, 1), "x86_64")
    return check(merged, config_of(config), table(OPTIONS), "6.1")


def test_a_module_that_something_built_in_needs_is_built_in() -> None:
    got = {"MODULES": "y", "MPPE": "y", "SHA1": "y"}
    (note,) = findings(got, kubernetes="CONFIG_SHA1=m\n", mine="CONFIG_MPPE=y\n")
    assert note.weight is Weight.NOTE
    assert str(note) == (
        "feature/kubernetes.config:1: CONFIG_SHA1 wanted m, got y\n"
        "    MPPE selects it (feature/mine.config:1)\n"
        "    a module that something built in needs is built in"
    )


@pytest.mark.parametrize("value", ["y", "m"])
def test_an_n_of_base_yields_to_what_a_feature_selects(value: str) -> None:
    got = {"MODULES": "y", "NIC": value, "FW_LOADER": value}
    (note,) = findings(got, base="CONFIG_FW_LOADER=n\n", mine=f"CONFIG_NIC={value}\n")
    assert (note.weight, note.got) == (Weight.NOTE, value)
    assert note.lines[0] == "NIC selects it (feature/mine.config:1)"


def test_an_n_of_a_feature_does_not_yield() -> None:
    got = {"MODULES": "y", "NIC": "m", "FW_LOADER": "m"}
    (finding,) = findings(got, one="CONFIG_FW_LOADER=n\n", mine="CONFIG_NIC=m\n")
    assert finding.weight is Weight.ERROR


def test_an_n_of_base_does_not_yield_to_base() -> None:
    got = {"MODULES": "y", "NIC": "m", "FW_LOADER": "m"}
    (finding,) = findings(got, base="CONFIG_FW_LOADER=n\nCONFIG_NIC=m\n")
    assert finding.weight is Weight.ERROR


SEALED = "CONFIG_MODULES=n  # instead of base: a sealed kernel\n"


def test_what_base_requests_of_modules_yields_to_a_sealed_kernel() -> None:
    base = "CONFIG_MODULES=y\nCONFIG_MODULE_UNLOAD=y\nCONFIG_MODULE_FORCE_UNLOAD=y\nCONFIG_LOOP=m\n"
    notes = findings({"LOOP": "y"}, base=base, sealed=SEALED)
    assert [(note.option, note.weight) for note in notes] == [
        ("MODULE_UNLOAD", Weight.NOTE),
        ("MODULE_FORCE_UNLOAD", Weight.NOTE),
        ("LOOP", Weight.NOTE),
    ]


def test_what_a_feature_requests_does_not_yield_to_an_override() -> None:
    base = "CONFIG_MODULES=y\n"
    (finding,) = findings({}, base=base, sealed=SEALED, mine="CONFIG_MODULE_UNLOAD=y\n")
    assert finding.weight is Weight.ERROR
    assert "feature/sealed.config:1 requests n" in finding.lines[0]
    assert finding.lines[-1] == (
        "or override this line as well: write 'CONFIG_MODULE_UNLOAD=n  # instead of feature/mine'"
        " in feature/sealed.config"
    )


def test_a_dependency_counts_even_if_the_prompt_can_never_be_seen() -> None:
    base = "CONFIG_MODULES=y\nCONFIG_STRICT_RWX=y\n"
    (note,) = findings({}, base=base, sealed=SEALED)
    assert note.weight is Weight.NOTE


def test_what_has_another_cause_as_well_does_not_yield() -> None:
    base = "CONFIG_MODULES=y\nCONFIG_NEEDS_BOTH=y\n"
    (finding,) = findings({}, base=base, sealed=SEALED)
    assert finding.weight is Weight.ERROR
