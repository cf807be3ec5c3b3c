"""Content digests, written as the OCI image specification writes them.

Source: OCI image-spec, descriptor.md, section "Digests" (`sha256:<64 hex digits>`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ingot.errors import UserError

_HEX = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256, kept as its 64 lower-case hex digits. `str()` gives `sha256:<hex>`."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise UserError(
                f"'{self.hex}' is not a sha256 digest",
                why="a digest has 64 lower-case hexadecimal digits",
                hint="`sha256sum FILE` prints a file's",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:<hex>` or bare hex; anything else is a UserError."""
        return cls(text.removeprefix("sha256:"))

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path, on_bytes: Callable[[int], None] | None = None) -> Self:
        """The digest of a file's bytes; `on_bytes` is called with the size of each chunk read."""
        hasher = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                if on_bytes:
                    on_bytes(len(chunk))
        return cls(hasher.hexdigest())

    @property
    def short(self) -> str:
        """The first 12 hex digits: enough for messages and tags."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"
