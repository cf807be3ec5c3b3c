"""Full configs of a catalog: which of them `ingot config resolve` wrote.

    kernels/configs/linux-<arch>-<version>[-<flavor>].config

One that `ingot config resolve` wrote is a lock file for fragments. Its first line begins with
LOCK_HEADER and ends in the digest of the fragments.
"""

from __future__ import annotations

from pathlib import Path

from ingot.errors import UserError

LOCK_HEADER = "# Resolved by Ingot; `ingot config resolve` renews it. Fragments: "


def full_config_text(path: Path) -> str:
    """The text of a full config; a UserError if it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"the full config {path} is not UTF-8 text",
            hint="replace it with a .config, or remove it",
        ) from None


def written_by_hand(path: Path) -> bool:
    """Whether the full config exists, and Ingot did not write it. UserError if it is not text."""
    return path.is_file() and not full_config_text(path).startswith(LOCK_HEADER)
