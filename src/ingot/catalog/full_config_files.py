"""Full configs of a catalog: which of them `ingot config resolve` wrote.

    kernels/configs/linux-<arch>-<version>[-<flavor>].config

One that `ingot config resolve` wrote is a lock file for fragments. Its first line begins with
LOCK_HEADER and ends in the digest of the fragments.
"""

from __future__ import annotations

from pathlib import Path

LOCK_HEADER = "# Resolved by Ingot; `ingot config resolve` renews it. Fragments: "


def written_by_hand(path: Path) -> bool:
    """Whether the full config exists and was not written by Ingot."""
    if not path.is_file():
        return False
    header = LOCK_HEADER.encode()
    with path.open("rb") as file:
        return file.read(len(header)) != header
