"""Where Ingot keeps what it can make again: one folder, the cache.

    ingot/                      $XDG_CACHE_HOME/ingot, or what --cache names
      downloads/                tarballs and indexes on their way
      sources/<digest>/         unpacked kernel trees, by the digest of what they came from
      builders/<digest>/        unpacked builders, by the digest of their image
      configs/<digest>.config   resolved configs, by the digest of all that decides them
      ccache/                   the compile cache
      logs/<kernel>.log         the output of the last build of each kernel
      locks/                    lock files; they mean nothing unless a process holds them
      build/                    build folders, when there is no tmpfs for them

All of it can be deleted at any time; images are not here but in the store.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import MachineError
from ingot.files import disk_errors, locked, locked_if_free, remove_tree

_SHARED_MEMORY = Path("/dev/shm")
_GIB = 1 << 30
_BUILD_BYTES = 4 * _GIB
_MEMORY_FOR_COMPILERS = 2 * _GIB
_DISK_BYTES_AT_LEAST = 2 * _GIB


@dataclass(frozen=True, slots=True)
class Workspace:
    """The cache folder, and where build folders go if the user said so."""

    root: Path
    build_root: Path | None = None

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @property
    def sources(self) -> Path:
        return self.root / "sources"

    @property
    def builders(self) -> Path:
        return self.root / "builders"

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def ccache(self) -> Path:
        return self.root / "ccache"

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def lock(self, name: str) -> Path:
        return self.root / "locks" / f"{name}.lock"

    @contextlib.contextmanager
    def build_folder(self) -> Iterator[Path]:
        """A new, empty build folder, removed at the end; those of killed builds go as well.

        It is on tmpfs when memory and its mount allow, else below the cache.
        """
        root = self._choose_build_root()
        remove_stale_builds(root)
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=root, prefix="build-"))
        try:
            with locked(_lock_of(folder)):
                yield folder
        finally:
            remove_tree(folder)
            _lock_of(folder).unlink(missing_ok=True)

    def build_roots(self) -> list[Path]:
        """Every folder that build folders may have been left in."""
        return [self.build_root or self._shared_memory_root(), self.root / "build"]

    def _shared_memory_root(self) -> Path:
        return _SHARED_MEMORY / f"ingot-{os.getuid()}"

    def _choose_build_root(self) -> Path:
        if self.build_root:
            return self.build_root
        if _memory_allows(_SHARED_MEMORY):
            return self._shared_memory_root()
        self.root.mkdir(parents=True, exist_ok=True)
        if _free_bytes(self.root) < _DISK_BYTES_AT_LEAST:
            raise MachineError(
                f"too little space to compile a kernel: {_free_bytes(self.root) // (1 << 20)} MiB"
                f" free in {self.root}",
                hint="free at least 2 GiB (`ingot prune` removes what is unused), or name a folder"
                " with space with --build-dir",
            )
        return self.root / "build"


def remove_stale_builds(root: Path) -> int:
    """Remove build folders that no process holds any more; returns how many."""
    removed = 0
    for folder in root.glob("build-*/") if root.is_dir() else ():
        with locked_if_free(_lock_of(folder)) as free:
            if free:
                remove_tree(folder)
                _lock_of(folder).unlink(missing_ok=True)
                removed += 1
    return removed


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _memory_allows(folder: Path) -> bool:
    """Whether a build fits on this tmpfs, beside the compilers, and may run programs there."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    noexec = os.statvfs(folder).f_flag & os.ST_NOEXEC
    return (
        not noexec
        and _free_bytes(folder) >= _BUILD_BYTES
        and _available_memory() >= _BUILD_BYTES + _MEMORY_FOR_COMPILERS
    )


def _free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _available_memory() -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in bytes; 0 if it cannot be read."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0
