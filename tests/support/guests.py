"""What stands in for a guest's init: its lines, with the tags of the key that it was given."""

from __future__ import annotations

import json
import re

from ingot.boot.seal import KEY_BYTES, seal

KEY = bytes(range(KEY_BYTES))
"""The key of guests for which a test has no other."""

_REPORT = re.compile(r"INGOT (?=\{)(.*\})")
_NAME = b"ingot/key\0"


def report(check: str, detail: str, outcome: str = "passed", key: bytes = KEY) -> str:
    """A line that init reports a check with."""
    return tagged(
        "INGOT " + json.dumps({"check": check, "outcome": outcome, "detail": detail}), key
    )


def tagged(console: str, key: bytes = KEY) -> str:
    """A console in which the lines of init, written without tags, have them."""
    return _REPORT.sub(lambda found: f"INGOT {seal(key, found[1])} {found[1]}", console)


def key_in(initramfs: bytes) -> bytes:
    """The key that init finds in a guest's initramfs; empty if there is none."""
    before, _, data = initramfs.rpartition(_NAME)  # whose header ends at a multiple of 4 with it
    return data[:KEY_BYTES] if before else b""
