"""The machine and the directories that builders are made and run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.builder_lock import Lock, read_lock
from ingot.catalog import BuilderSpec
from ingot.oci import Layout


@dataclass(frozen=True, slots=True)
class Site:
    """A machine of the arch `host`, and `layout`, the store with the builders' images.

    `directory` is the one for their unpacked roots; `catalog` the one with their keyrings and lock
    files. `offline` forbids all use of the network.
    """

    host: Arch
    layout: Layout
    directory: Path
    catalog: Path
    offline: bool = False

    def lock_path(self, spec: BuilderSpec) -> Path:
        """The path of the builder's lock file, which may not exist."""
        return self.catalog / "builders" / f"{spec.name}-{self.host.name}.lock"

    def lock(self, spec: BuilderSpec) -> Lock | None:
        return read_lock(self.lock_path(spec))
