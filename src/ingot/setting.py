"""What a call works with: the project, and the options of this one call."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.catalog import Catalog, load
from ingot.files import locked
from ingot.oci import Layout
from ingot.progress import Progress
from ingot.workspace import Workspace

if TYPE_CHECKING:
    from ingot.registry import Registry
    from ingot.source.origin import Source


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
    as hung. `offline` forbids all use of the network. `strict` makes errors of a config's warnings.
    `today` ends waivers; if it is None, none has ended.
    """

    local: Path | Source | None = None
    patches: tuple[Path, ...] = ()
    cache: Registry | None = None
    boot_seconds: float = 180.0
    offline: bool = False
    strict: bool = False
    today: datetime.date | None = None


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
