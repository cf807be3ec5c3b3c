"""Where builders are made, kept and entered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.builder_lock import Lock, read_lock
from ingot.catalog import BuilderSpec
from ingot.oci import Layout


@dataclass(frozen=True, slots=True)
class Site:
    """A machine of the arch `host`, with the store that has the builders' images.

    `folder` is where their roots are unpacked; `catalog` the folder that their keyrings and lock
    files are below. `offline` forbids all use of the network.
    """

    host: Arch
    layout: Layout
    folder: Path
    catalog: Path
    offline: bool = False

    def lock_path(self, spec: BuilderSpec) -> Path:
        """Where the builder's lock file is, whether it is there or not."""
        return self.catalog / "builders" / f"{spec.name}-{self.host.name}.lock"

    def lock(self, spec: BuilderSpec) -> Lock | None:
        return read_lock(self.lock_path(spec))
