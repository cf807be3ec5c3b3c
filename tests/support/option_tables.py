"""A small house of options, as the survey would write it down, and configs of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingot import kconfig
from ingot.kconfig import OptionRequest
from ingot.kconfig.option_table import OptionTable
from ingot.version import Series


def table(
    options: Mapping[str, Mapping[str, Any]],
    elsewhere: Mapping[str, list[str]] | None = None,
) -> OptionTable:
    """A table of options that are bools with a prompt unless they say otherwise."""
    document = {
        "arch": "x86",
        "options": {
            name: {
                "type": "bool",
                "prompts": [name.lower()],
                "visible": option.get("depends"),
                "places": [f"{name.lower()}/Kconfig:1"],
                **option,
            }
            for name, option in options.items()
        },
        "elsewhere": dict(elsewhere or {}),
    }
    return OptionTable(json.dumps(document).encode())


def asked(text: str, name: str = "feature/mine.config") -> dict[str, OptionRequest]:
    """What a fragment asks for, a line each; several go by `asked(a) | asked(b, "other")`."""
    return kconfig.merge(kconfig.parse_fragment(text, name), Series(6, 1), "x86_64")
