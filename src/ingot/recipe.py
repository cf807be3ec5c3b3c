"""The recipe: all that decides the bytes of a kernel, and nothing else.

Two builds with the same recipe key give the same artifacts, so a key found in the store is
a build that need not run. No time, no path, no host name is part of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ingot.digest import Digest

FORMAT = 4
"""Raised when Ingot itself would make other bytes from the same inputs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into one kernel.

    `source` is the digest of the verified tarball or tree, `patches` those of the patch
    files in the order they are applied, `config` that of the resolved `.config`, `builder`
    that of the packages (or tools) the builder is made of; `make_flags` are the `NAME=value`
    arguments of make that can change its output.
    """

    source: Digest
    patches: tuple[Digest, ...]
    config: Digest
    builder: Digest
    arch: str
    make_flags: tuple[str, ...]
    format: int = FORMAT

    @property
    def key(self) -> Digest:
        """The sha256 of the recipe as canonical JSON (sorted keys, no white space)."""
        return Digest.of(
            json.dumps(
                {
                    "arch": self.arch,
                    "builder": str(self.builder),
                    "config": str(self.config),
                    "format": self.format,
                    "make_flags": list(self.make_flags),
                    "patches": [str(patch) for patch in self.patches],
                    "source": str(self.source),
                },
                sort_keys=True,
                separators=(",", ":"),
            ).encode()
        )
