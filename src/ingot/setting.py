"""What a call works with: the project, and the options of this one call."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.catalog import Catalog, load
from ingot.errors import UserError
from ingot.files import locked
from ingot.oci import Layout
from ingot.progress import Progress
from ingot.workspace import Workspace

if TYPE_CHECKING:
    from ingot.registry import Registry
    from ingot.source.origin import Source

LONGEST_BOOT_SECONDS = 86_400.0
"""poll(2), which waits for a guest, cannot wait longer than 24 days."""


@dataclass(frozen=True, slots=True)
class Project:
    """A catalog, the store of its images, and the working directories.

    `host` is the architecture of this machine, as `uname -m` prints it.
    """

    catalog: Catalog
    layout: Layout
    workspace: Workspace
    host: str


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of one call, in addition to the catalog.

    `local` is a source that the user named and that replaces every origin: a tarball, a tree, or
    a checkout from git. `patches` are the user's patches, applied after the catalog's. `cache` is
    a registry to search before compiling. `boot_seconds` is the limit for a boot before it counts
    as hung. `offline` forbids all use of the network. `jobserver` is a jobserver of make that this
    call shares with others, see `Sandbox`. UserError if the limit is not positive, or longer than a
    day, and for a `cache` offline.
    """

    local: Path | Source | None = None
    patches: tuple[Path, ...] = ()
    cache: Registry | None = None
    boot_seconds: float = 180.0
    offline: bool = False
    jobserver: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.boot_seconds <= LONGEST_BOOT_SECONDS:  # also not a number
            raise UserError(
                f"{self.boot_seconds} s cannot be the limit for a boot",
                hint=f"name a number of seconds, at most {LONGEST_BOOT_SECONDS:.0f} (a day)",
            )
        if self.offline and self.cache:
            raise UserError(
                f"builds cannot be looked for in {self.cache.name} offline",
                why="--cache-from uses the network, and --offline forbids it; the variables"
                " INGOT_CACHE_FROM and INGOT_OFFLINE set these options too",
                hint="leave out one of them",
            )


@dataclass(frozen=True, slots=True)
class Setting:
    """A project and the options of one call, shared by the steps of a build.

    A step that needs only one of the two has only that one as a parameter.
    """

    project: Project
    options: RunOptions = RunOptions()


def open_project(
    catalog: Catalog | Path | str, *, cache: Path | str, build_dir: Path | str | None = None
) -> Project:
    """Open a catalog, or the directory that holds one, as a project on this machine.

    The image store is the directory `images` next to the catalog. `cache` is the directory for
    sources, builders and logs; `build_dir` the one where kernels are compiled. If `build_dir` is
    None, they are compiled in memory if there is enough. This function writes nothing. UserError
    that lists every mistake if the catalog cannot be read.
    """
    found = catalog if isinstance(catalog, Catalog) else load(Path(catalog).absolute())
    build = Path(build_dir).absolute() if build_dir is not None else None
    workspace = Workspace(Path(cache).absolute(), build)
    return Project(found, Layout(found.store), workspace, os.uname().machine)


@contextlib.contextmanager
def in_use(project: Project, progress: Progress) -> Iterator[None]:
    """Keep `prune` from removing the sources, builders and images that the body uses.

    Each step of the pipeline enters this; a caller of several steps enters it as well, to cover
    the time between them. It can be nested: `prune` never waits for this lock, so the processes
    that share it do not wait for `prune` either.
    """

    def waiting() -> None:
        progress.note("`ingot prune` is running; waiting")

    project.workspace.prepare()
    with locked(project.workspace.lock("use"), shared=True, on_wait=waiting):
        yield
