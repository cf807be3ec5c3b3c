"""Where Ingot keeps what it can make again: one folder, the cache.

    ingot/                      $XDG_CACHE_HOME/ingot, or what --cache names
      downloads/                tarballs and indexes on their way
      sources/<digest>/         unpacked kernel trees, by the digest of what they came from
      builders/<digest>/        unpacked builders, by the digest of their image
      configs/<digest>.config   resolved configs, by the digest of all that decides them
      ccache/<digest>/          a compile cache, by the digest of who vouches for what is in it
      logs/<kernel>.log         the output of the last build of each kernel
      locks/                    lock files; they mean nothing unless a process holds them
      build/                    build folders, when there is no tmpfs for them

All of it can be deleted at any time; images are not here but in the store. It is one user's: the
folders in it are closed to others, who could read what is compiled, or hold a lock. The way to
builders/ is open to who knows the names, since mmdebstrap makes a root as other user IDs.

Where builds are made, here or in /dev/shm/ingot-<user id>:

    build-<hex>/              one build; made and removed by who holds its lock
    .build-<hex>.lock         there before the folder is, and gone after it
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.files import disk_errors, free_bytes, locked, locked_if_free, private_folder, remove_tree

_SHARED_MEMORY = Path("/dev/shm")
_MEMORY_INFO = Path("/proc/meminfo")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_GIB = 1 << 30
_BUILD_BYTES = 4 * _GIB
_MEMORY_FOR_COMPILERS = 2 * _GIB
_DISK_BYTES_AT_LEAST = 2 * _GIB
_PASSAGE = stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH
"""Others may pass through such a folder, and not see what is in it."""


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

    def ccache_of(self, *vouchers: str) -> Path:
        """The compile cache of what these vouch for: names, in any form, of all that is trusted."""
        return self.ccache / Digest.of("\n".join(vouchers).encode()).hex

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def lock(self, name: str) -> Path:
        return self.root / "locks" / f"{name}.lock"

    def prepare(self) -> None:
        """Make the cache's folders, and close to others those that an earlier Ingot made.

        A cache folder that is there already keeps its own mode: it may be any folder.
        """
        with disk_errors(self.root):
            if not self.root.exists():
                private_folder(self.root, _PASSAGE)
            for folder in (self.downloads, self.sources, self.configs, self.ccache):
                private_folder(folder)
            for name in ("logs", "locks", "build"):
                private_folder(self.root / name)
            private_folder(self.builders, _PASSAGE)

    @contextlib.contextmanager
    def build_folder(self) -> Iterator[Path]:
        """A new, empty build folder, removed at the end; those of killed builds go first.

        It is on tmpfs when memory and its mount allow, else below the cache.
        """
        self.remove_stale()  # before there is a choice: what is left takes memory
        folder = self._choose_build_root() / f"build-{secrets.token_hex(6)}"
        lock = _lock_of(folder)
        with locked(lock):
            try:
                with disk_errors(folder.parent):
                    folder.mkdir(mode=stat.S_IRWXU)
                yield folder
            finally:
                with disk_errors(folder.parent):
                    remove_tree(folder)
                    lock.unlink(missing_ok=True)

    def remove_stale(self) -> None:
        """Remove the build folders of killed builds, wherever they may be."""
        for root in self.build_roots():
            remove_stale_builds(root)

    def build_roots(self) -> list[Path]:
        """Every folder that build folders may have been left in."""
        if self.build_root:
            return [self.build_root, self.root / "build"]
        shared = self._shared_memory_root()
        return [*([] if _is_foreign(shared) else [shared]), self.root / "build"]

    def _shared_memory_root(self) -> Path:
        return _SHARED_MEMORY / f"ingot-{os.getuid()}"

    def _choose_build_root(self) -> Path:
        if self.build_root:
            return self.build_root
        if _memory_allows(_SHARED_MEMORY) and _make_own(self._shared_memory_root()):
            return self._shared_memory_root()
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        if free_bytes(self.root) < _DISK_BYTES_AT_LEAST:
            raise MachineError(
                f"too little space to compile a kernel: {free_bytes(self.root) // (1 << 20)} MiB"
                f" free in {self.root}",
                hint="free at least 2 GiB (`ingot prune` removes what is unused), or name a folder"
                " with space with --build-dir",
            )
        return self.root / "build"


def remove_stale_builds(root: Path) -> int:
    """Remove this user's build folders that no process holds any more; returns how many.

    A build folder is told by its lock file: a folder without one is somebody's own, whatever
    its name. Locks go as well that a build left which was killed before it made its folder.
    """
    if not root.is_dir():
        return 0
    found = map(_folder_of, root.glob(".build-*.lock"))
    own = [f for f in sorted(found) if not (_is_foreign(f) or _is_foreign(_lock_of(f)))]
    return sum(_remove_if_stale(folder) for folder in own)


def _remove_if_stale(folder: Path) -> bool:
    """Remove a build folder and its lock unless a build holds it; whether a folder went."""
    lock = _lock_of(folder)
    with locked_if_free(lock) as free:
        if not free:
            return False
        there = folder.is_dir()
        with disk_errors(folder.parent):
            remove_tree(folder)
            lock.unlink(missing_ok=True)
    return there


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _folder_of(lock: Path) -> Path:
    return lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))


def _make_own(folder: Path) -> bool:
    """Make a folder closed to others; False unless it is there and this user's own then.

    In a place that everyone may write to, somebody else may have taken its name before.
    """
    try:
        folder.mkdir(mode=stat.S_IRWXU)
    except FileExistsError:
        pass
    except OSError:
        return False
    if not folder.is_dir() or _is_foreign(folder):
        return False
    private_folder(folder)
    return True


def _is_foreign(path: Path) -> bool:
    """Whether there is something of another user's, or a link to who knows where."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid()


def _memory_allows(folder: Path) -> bool:
    """Whether a build fits on this tmpfs, beside the compilers, and may run programs there."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    noexec = os.statvfs(folder).f_flag & os.ST_NOEXEC
    return (
        not noexec
        and free_bytes(folder) >= _BUILD_BYTES
        and _available_memory() >= _BUILD_BYTES + _MEMORY_FOR_COMPILERS
    )


def _available_memory() -> int:
    """How much memory this process may still take, in bytes; 0 if that cannot be read."""
    return min([_machine_memory(), *_cgroup_memory()])


def _machine_memory() -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in bytes."""
    with contextlib.suppress(OSError, ValueError):
        return _field(_MEMORY_INFO, "MemAvailable:") * 1024
    return 0


def _cgroup_memory() -> list[int]:
    """What the limits of this process's cgroups leave, in bytes; none without a limit.

    A parent's limit holds for all below it. Pages of files that the kernel can drop are not
    counted as used (kernel: admin-guide/cgroup-v2.rst, "memory.current", "inactive_file").
    """
    left = []
    for group in _own_cgroups():
        # no such file at the root, and "max" where there is no limit
        with contextlib.suppress(OSError, ValueError):
            limit = int((group / "memory.max").read_text())
            used = int((group / "memory.current").read_text())
            left.append(limit - used + _field(group / "memory.stat", "inactive_file"))
    return left


def _own_cgroups() -> list[Path]:
    """The folders of the cgroup v2 this process is in and of those above it (cgroups(7))."""
    with contextlib.suppress(OSError):
        for line in _OWN_CGROUP.read_text().splitlines():
            if line.startswith("0::"):
                own = _CGROUPS / line.removeprefix("0::").lstrip("/")
                return [group for group in (own, *own.parents) if group.is_relative_to(_CGROUPS)]
    return []


def _field(path: Path, name: str) -> int:
    """The number after `name` in a file of lines of words; ValueError if there is none."""
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1])
    raise ValueError(f"{path} has no {name}")
