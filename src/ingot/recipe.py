"""The recipe: all inputs that decide the bytes of a kernel, and nothing else.

Two builds with the same recipe key produce the same artifacts, so a build whose key is in the
store does not need to run. Times, paths and host names are not part of a recipe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ingot.digest import Digest

FORMAT = 4
"""Incremented when Ingot itself makes other bytes from the same inputs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of one kernel.

    `source` is the digest of the verified tarball or tree, `patches` those of the patch
    files in the order they are applied, `config` that of the resolved `.config`, `builder`
    that of the list of the builder's packages; `make_flags` are the `NAME=value` arguments of
    make that can change the result.
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
