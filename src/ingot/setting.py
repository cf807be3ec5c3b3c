"""What a call works with: the project that it is in, and what this one call was asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.catalog import Catalog, load
from ingot.files import locked
from ingot.oci import Layout
from ingot.progress import Progress
from ingot.registry import Registry
from ingot.source.origin import Source
from ingot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Project:
    """The place: a catalog, the store of its images, and the directories for the work.

    `host` is what this machine calls its architecture (`uname -m`).
    """

    catalog: Catalog
    layout: Layout
    workspace: Workspace
    host: str


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What one call was asked for, beyond what the catalog says.

    `local` is a source that the user named, which replaces every origin: a tarball, a tree, or
    what was taken from git; `patches` the user's own, applied after the catalog's; `cache` a
    registry to look into before compiling; `boot_seconds` how long a guest may take before it
    counts as hung; `offline` forbids all use of the network.
    """

    local: Path | Source | None = None
    patches: tuple[Path, ...] = ()
    cache: Registry | None = None
    boot_seconds: float = 180.0
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A project and the options of one call: what the steps of a build share.

    A step that needs only one of the two takes only that.
    """

    project: Project
    options: RunOptions = RunOptions()


def open_project(
    catalog: Catalog | Path | str, *, cache: Path | str, build_dir: Path | str | None = None
) -> Project:
    """The project of a catalog, or of the folder that one is in, on this machine.

    Its store is the folder `images` beside the catalog. `cache` is where sources, builders and
    logs are kept; `build_dir` where kernels are compiled, in memory if it is None and there is
    room. Nothing is written yet. UserError, with every mistake, if the catalog cannot be read.
    """
    found = catalog if isinstance(catalog, Catalog) else load(Path(catalog).absolute())
    build = Path(build_dir).absolute() if build_dir is not None else None
    workspace = Workspace(Path(cache).absolute(), build)
    return Project(found, Layout(found.store), workspace, os.uname().machine)


@contextlib.contextmanager
def in_use(project: Project, progress: Progress) -> Iterator[None]:
    """Keep `prune` away from the sources, builders and images that the body uses.

    Each step of the pipeline does; a caller of several does so too, for the time between.
    It nests: `prune` never waits for this lock, so those who share it never wait for it either.
    """

    def waiting() -> None:
        progress.note("`ingot prune` is running; waiting")

    project.workspace.prepare()
    with locked(project.workspace.lock("use"), shared=True, on_wait=waiting):
        yield
