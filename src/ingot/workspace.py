"""The cache: one directory with files that Ingot can make again.

    ingot/                      $XDG_CACHE_HOME/ingot, or the directory of --cache
      CACHEDIR.TAG              the mark of a cache: no other directory is emptied
      downloads/                tarballs and indexes while they are downloaded
      sources/<digest>/         unpacked kernel trees, by the digest of their origin
      builders/<digest>/        unpacked builders, by the digest of their image
      builders/<digest>.image/  their images, for the stores of other catalogs
      configs/<digest>.config   resolved configs, by the digest of all their inputs
      cves/                     CVE records, and indexes of them
      ccache/<digest>/          a compile cache, by the digest of the trust anchors of its content
      logs/<kernel>.log         the output of the last build of each kernel
      locks/                    lock files; they have no meaning unless a process holds them
      build/                    build directories, if they are not on a tmpfs
      fleet/                    what jobs of a fleet keep on this machine: see `ingot.fleet`

All of it can be deleted at any time; images are not here but in the store. A cache belongs to one
user: other users cannot access its directories, since they could read what is compiled, or hold a
lock. Only builders/ can be passed through, since mmdebstrap makes a root with other user IDs.

Build directories, here or in /dev/shm/ingot-<user id>:

    build-<hex>/              one build; made and removed by the holder of its lock
    .build-<hex>.lock         made before the directory, removed after it
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
from ingot.errors import MachineError, UserError
from ingot.files import (
    disk_errors,
    free_bytes,
    locked,
    locked_if_free,
    private_directory,
    remove_tree,
    write_atomic,
)

_SHARED_MEMORY = Path("/dev/shm")
_MEMORY_INFO = Path("/proc/meminfo")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_GIB = 1 << 30
_BUILD_BYTES = 4 * _GIB
_MEMORY_FOR_COMPILERS = 2 * _GIB
_DISK_BYTES_AT_LEAST = 2 * _GIB
_MARK = "CACHEDIR.TAG"
_MARK_TEXT = b"""Signature: 8a477f597d28d172789f06886806bc55
# A cache of Ingot, which can be deleted at any time: see https://bford.info/cachedir/
"""
_DIRECTORIES = (
    *("downloads", "sources", "builders", "configs", "ccache", "logs", "locks", "build"),
)
_PASSAGE = stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH
"""Other users can pass through such a directory, but not list it."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The cache directory, and the directory for builds if the user named one."""

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
    def cves(self) -> Path:
        return self.root / "cves"

    @property
    def cve_clone(self) -> Path:
        """The clone of the CNA's repository, which `ingot cves --update` makes."""
        return self.cves / "vulns.git"

    @property
    def ccache(self) -> Path:
        return self.root / "ccache"

    def ccache_of(self, *trust_anchors: str) -> Path:
        """The compile cache of builds whose source and builder these trust anchors verify."""
        return self.ccache / Digest.of("\n".join(trust_anchors).encode()).hex

    @property
    def fleet(self) -> Path:
        return self.root / "fleet"

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def lock(self, name: str) -> Path:
        return self.root / "locks" / f"{name}.lock"

    def prepare(self) -> None:
        """Make the cache's directories; restrict those of earlier versions of Ingot to the user.

        An existing cache directory itself keeps its mode: the user chose it.
        """
        self.require_own()
        with disk_errors(self.root):
            if not self.root.exists():
                private_directory(self.root, _PASSAGE)
            if not self._is_marked():
                write_atomic(self.root / _MARK, _MARK_TEXT)
            for directory in (self.downloads, self.sources, self.configs, self.cves, self.ccache):
                private_directory(directory)
            for name in ("logs", "locks", "build", "fleet"):
                private_directory(self.root / name)
            private_directory(self.builders, _PASSAGE)

    def require_own(self) -> None:
        """UserError if the directory is not a cache of Ingot and has files, which are not removed.

        A cache has a mark, unless an earlier version of Ingot made it.
        """
        if self._is_marked() or not self.root.is_dir():
            return
        names = {path.name for path in self.root.iterdir() if not path.name.startswith(".")}
        if names <= {"lost+found"} or {"locks"} <= names <= set(_DIRECTORIES):
            return
        raise UserError(
            f"{self.root} is not a cache of Ingot",
            why=f"it has files ({', '.join(sorted(names)[:3])}) and no {_MARK}, and everything in a"
            " cache may be removed",
            hint="name a new or an empty directory with --cache",
        )

    def _is_marked(self) -> bool:
        with contextlib.suppress(OSError):
            return (self.root / _MARK).read_bytes() == _MARK_TEXT
        return False

    @contextlib.contextmanager
    def build_directory(self) -> Iterator[Path]:
        """A new, empty build directory, removed at the end; those of killed builds go first.

        It is on a tmpfs if there is enough memory, else below the cache.
        """
        self.remove_stale()  # before the choice: stale directories on a tmpfs use memory
        directory = self._choose_build_root() / f"build-{secrets.token_hex(6)}"
        lock = _lock_of(directory)
        with locked(lock):
            try:
                with disk_errors(directory.parent):
                    directory.mkdir(mode=stat.S_IRWXU)
                yield directory
            finally:
                with disk_errors(directory.parent):
                    remove_tree(directory)
                    lock.unlink(missing_ok=True)

    def remove_stale(self) -> None:
        """Remove all build directories of killed builds."""
        for root in self.build_roots():
            remove_stale_builds(root)

    def build_roots(self) -> list[Path]:
        """Every directory that can contain build directories of killed builds."""
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
                hint="free at least 2 GiB (`ingot prune` removes what is unused), or name a"
                " directory with enough space with --build-dir",
            )
        return self.root / "build"


def remove_stale_builds(root: Path) -> int:
    """Remove this user's build directories that no process holds any more; returns how many.

    A build directory is recognized by its lock file: a directory without one is not Ingot's,
    whatever its name. A lock without a directory (its build was killed early) is removed as well.
    """
    if not root.is_dir():
        return 0
    found = map(_directory_of, root.glob(".build-*.lock"))
    own = [f for f in sorted(found) if not (_is_foreign(f) or _is_foreign(_lock_of(f)))]
    return sum(_remove_if_stale(directory) for directory in own)


def _remove_if_stale(directory: Path) -> bool:
    """Remove a build directory and its lock unless a build holds it; whether it existed."""
    lock = _lock_of(directory)
    with locked_if_free(lock) as free:
        if not free:
            return False
        there = directory.is_dir()
        with disk_errors(directory.parent):
            remove_tree(directory)
            lock.unlink(missing_ok=True)
    return there


def _lock_of(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.lock")


def _directory_of(lock: Path) -> Path:
    return lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))


def _make_own(directory: Path) -> bool:
    """Make a directory that only this user can access; False if that is not possible.

    Where all users can write, another user may already have made a file of that name.
    """
    try:
        directory.mkdir(mode=stat.S_IRWXU)
    except FileExistsError:
        pass
    except OSError:
        return False
    if not directory.is_dir() or _is_foreign(directory):
        return False
    private_directory(directory)
    return True


def _is_foreign(path: Path) -> bool:
    """Whether the path belongs to another user, or is a link."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid()


def _memory_allows(directory: Path) -> bool:
    """Whether a build fits into this tmpfs and memory, and the mount allows programs to run."""
    if not directory.is_dir() or not os.access(directory, os.W_OK):
        return False
    noexec = os.statvfs(directory).f_flag & os.ST_NOEXEC
    return (
        not noexec
        and free_bytes(directory) >= _BUILD_BYTES
        and available_memory() >= _BUILD_BYTES + _MEMORY_FOR_COMPILERS
    )


def available_memory() -> int:
    """How much memory this process can still use, in bytes; 0 if that cannot be read."""
    return min([_machine_memory(), *_cgroup_memory()])


def _machine_memory() -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in bytes."""
    with contextlib.suppress(OSError, ValueError):
        return _field(_MEMORY_INFO, "MemAvailable:") * 1024
    return 0


def _cgroup_memory() -> list[int]:
    """The bytes left below the limit of each of this process's cgroups that has a limit.

    A parent's limit applies to all below it. Pages of files that the kernel can drop are not
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
    """The directories of this process's cgroup (v2) and of its parents (cgroups(7))."""
    with contextlib.suppress(OSError):
        for line in _OWN_CGROUP.read_text().splitlines():
            if line.startswith("0::"):
                own = _CGROUPS / line.removeprefix("0::").lstrip("/")
                return [group for group in (own, *own.parents) if group.is_relative_to(_CGROUPS)]
    return []


def _field(path: Path, name: str) -> int:
    """The number after `name` in a file of `name number` lines; ValueError if there is none."""
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1])
    raise ValueError(f"{path} has no {name}")
