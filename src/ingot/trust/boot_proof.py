"""The boot that a kernel passed, as a result of tests.

Source: in-toto/attestation, spec/predicates/test-result.md, 0.1. A check of the guest is a test:
those that passed are in `passedTests`, and so on. A check that was skipped is in neither list, but
in `configuration`, with the reason: no one may take it for one that passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.build_record import BootPart, BuildRecord
from ingot.images import KernelLabels

PASSED, WARNED, FAILED = "PASSED", "WARNED", "FAILED"
_VERDICTS = {"passed": PASSED, "booted": WARNED}
"""A kernel that `booted`, without a check that ran, has not passed any test."""


def boot_proof(facts: KernelLabels, record: BuildRecord, boot: BootPart) -> dict[str, object]:
    """The predicate for an image of the kernel that was booted."""
    names = {
        outcome: [each.name for each in boot.checks if each.outcome == outcome]
        for outcome in ("passed", "failed", "skipped")
    }
    skipped = [
        {"name": each.name, "annotations": {"skipped": each.detail}}
        for each in boot.checks
        if each.outcome == "skipped"
    ]
    machine = {
        "name": "machine",
        "annotations": {
            "machine": boot.machine,
            "accelerator": boot.accelerator,
            "notes": list(boot.notes),
        },
    }
    kernel = {
        "name": "kernel",
        "annotations": {
            "version": facts.version,
            "release": facts.release,
            "arch": facts.arch,
            "recipeKey": str(facts.recipe_key),
            "ingot": record.ingot,
        },
    }
    return {
        "result": _VERDICTS.get(boot.verdict, FAILED),
        "configuration": [kernel, machine, *skipped],
        "passedTests": names["passed"],
        "warnedTests": [],
        "failedTests": names["failed"],
    }


def has_passed(predicate: Mapping[str, Any]) -> bool:
    """Whether a result of tests says that they passed, and lists no test that failed."""
    return predicate.get("result") == PASSED and not predicate.get("failedTests")
