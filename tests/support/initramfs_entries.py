"""The listing of an initramfs."""

from __future__ import annotations

import subprocess
from pathlib import Path


def listed(archive: bytes, directory: Path) -> dict[str, str]:
    """What cpio(1) finds in an archive: mode by name."""
    done = subprocess.run(
        ["cpio", "--quiet", "-tv"], input=archive, capture_output=True, check=True, cwd=directory
    )
    found = {}
    for line in done.stdout.decode().splitlines():
        name = line.partition(" -> ")[0].split()[-1]
        found[name.lstrip("/")] = line.split()[0]
    return found
