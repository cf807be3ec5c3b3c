"""What every step of one call shares."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.catalog import Catalog
from ingot.files import locked
from ingot.oci import Layout
from ingot.progress import Progress
from ingot.registry import Registry
from ingot.source.origin import Source
from ingot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Setting:
    """What every build of one call shares.

    `host` is what this machine calls its architecture (`uname -m`); `local` a source the
    user named, which then takes the place of every origin: a tarball, a tree, or what was taken
    from git; `boot_seconds` how long a guest may take before it counts as hung; `cache` a
    registry to look into before compiling; `patches` the user's own, applied after the
    catalog's; `offline` forbids all use of the network.
    """

    catalog: Catalog
    layout: Layout
    workspace: Workspace
    host: str
    local: Path | Source | None = None
    boot_seconds: float = 180.0
    cache: Registry | None = None
    patches: tuple[Path, ...] = ()
    offline: bool = False


@contextlib.contextmanager
def in_use(setting: Setting, progress: Progress) -> Iterator[None]:
    """Keep `prune` away from the sources, builders and images that the body uses.

    Each step of the pipeline does; a caller of several does so too, for the time between.
    It nests: `prune` never waits for this lock, so those who share it never wait for it either.
    """

    def waiting() -> None:
        progress.note("`ingot prune` is running; waiting")

    setting.workspace.prepare()
    with locked(setting.workspace.lock("use"), shared=True, on_wait=waiting):
        yield
