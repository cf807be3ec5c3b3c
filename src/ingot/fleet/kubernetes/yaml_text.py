"""Manifests as YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.errors import MachineError


def yaml_text(manifests: Sequence[Mapping[str, Any]]) -> str:
    """The manifests as a stream of YAML documents; the same manifests give the same text.

    MachineError if PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise MachineError(
            "the Python package PyYAML is not installed",
            hint="install Ingot with it: pip install 'ingot[kubernetes]'",
        ) from None
    # copied, since PyYAML writes a value that occurs twice as an alias, which is hard to read
    copies = [json.loads(json.dumps(manifest)) for manifest in manifests]
    return str(yaml.safe_dump_all(copies, sort_keys=False, explicit_start=True))
