"""The cache of unpacked sources: one tree for each digest, unpacked once, shared by builds.

    <root>/<hex>/tree/            the kernel tree, never written to
    <root>/<hex>/source.json      what it is and where it came from
    <root>/<hex>.lock             held while the tree is unpacked or removed; empty
    <root>/.staging-<hex>/        being unpacked, or left by a run that was killed meanwhile
    <root>/downloads/             partial downloads and package indexes (see download.py)

<hex> is the sha256 of the tarball. A folder has this name only when it is complete; what a
killed run left is removed by the next one that wants the same source, and by `prune`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.files import (
    STAGING_PREFIX,
    disk_errors,
    locked,
    locked_if_free,
    remove_tree,
    sync_folder,
    tree_size,
)
from ingot.process import run
from ingot.progress import Progress
from ingot.source import download
from ingot.source.kernel_tree import check_tree
from ingot.source.model import Archive, Source
from ingot.source.record import Entry, digest_named, read_entry, write_entry
from ingot.source.unpack import unpack
from ingot.version import KernelVersion

LOCAL = "local"
"""The name of the origin that is a file or folder of this machine."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Something that prune removed (or would have): its path, its bytes on disk, what it was."""

    path: Path
    size: int
    what: str


@dataclass(frozen=True, slots=True)
class SourceCache:
    """The sources below the folder `root`, which is made when the first one is added."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Where downloads for this cache go."""
        return self.root / "downloads"

    def find(self, version: KernelVersion, digest: Digest) -> Source | None:
        """The source with this digest, if it is here and is `version`."""
        entry = read_entry(self._folder(digest))
        return entry.source if entry and entry.source.version == version else None

    def known(self, version: KernelVersion) -> list[Source]:
        """All sources of `version` that are here, from whatever origin."""
        return [e.source for e in self.entries() if e.source.version == version]

    def entries(self) -> list[Entry]:
        """All sources that are here, with their sizes, ordered by version and digest."""
        folders = self.root.iterdir() if self.root.is_dir() else []
        found = [entry for folder in folders if (entry := read_entry(folder))]
        return sorted(found, key=lambda entry: (entry.source.version, entry.source.digest))

    def add(self, archive: Archive, version: KernelVersion, progress: Progress) -> Source:
        """The unpacked source in `archive`; unpacks it unless that was done before.

        Raises what `unpack` raises, and UserError if it is no kernel tree of `version`.
        """

        def wait() -> None:
            progress.note(f"source: waiting for another process that unpacks linux {version}")

        folder = self._folder(archive.digest)
        if read_entry(folder) is None:
            with disk_errors(self.root), locked(self._lock(archive.digest), on_wait=wait):
                if read_entry(folder) is None:
                    return self._unpack(archive, version, progress)
        check_tree(folder / "tree", version, archive.path.name)
        return self._with_better_evidence(archive)

    def remove_unused(
        self, keep: Set[Digest], dry_run: bool = False, downloads: Path | None = None
    ) -> list[Removed]:
        """Remove sources not in `keep`, unfinished ones, and downloads; not what is under way.

        The caller sees to it that no build reads these trees meanwhile. `downloads` is the folder of downloads if it is not this cache's own.
        """
        removed: list[Removed] = []
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            digest = digest_named(folder.name.removeprefix(STAGING_PREFIX))
            if digest is None or not folder.is_dir():
                continue
            unfinished = folder.name.startswith(STAGING_PREFIX)
            if unfinished or digest not in keep:
                removed += self._remove(folder, digest, unfinished, dry_run)
        for path, size in download.remove_idle(downloads or self.downloads, dry_run):
            removed.append(Removed(path, size, "download"))
        return removed

    def _remove(
        self, folder: Path, digest: Digest, unfinished: bool, dry_run: bool
    ) -> list[Removed]:
        with disk_errors(self.root), locked_if_free(self._lock(digest)) as free:
            if not free or not folder.exists():
                return []
            entry = None if unfinished else read_entry(folder)
            what = f"linux {entry.source.version}" if entry else "unfinished source"
            size = entry.size if entry else tree_size(folder)
            if not dry_run:
                self._discard(folder, digest)
            return [Removed(folder, size, what)]

    def _discard(self, folder: Path, digest: Digest) -> None:
        """Remove a folder; under its lock. Renamed first: half a tree must not look whole."""
        staging = self._staging(digest)
        if folder != staging:
            remove_tree(staging)
            folder.rename(staging)
        remove_tree(staging)

    def _unpack(self, archive: Archive, version: KernelVersion, progress: Progress) -> Source:
        """Unpack into a staging folder and give that its name; under the lock of the digest."""
        final = self._folder(archive.digest)
        with (
            self._fresh_staging(archive.digest) as staging,
            progress.step(f"unpack {archive.path.name}") as step,
        ):
            unpacked = unpack(archive, staging, step)
            check_tree(unpacked.tree, version, archive.path.name)
            epoch = int((unpacked.tree / "Makefile").stat().st_mtime)
            source = _source(archive, version, final, epoch)
            write_entry(staging, Entry(source, unpacked.size))
            # One flush of the file system: an fsync for each of 84,000 files takes minutes.
            run(["sync", "-f", str(staging)])
            staging.rename(final)
            sync_folder(self.root)
        return source

    @contextlib.contextmanager
    def _fresh_staging(self, digest: Digest) -> Iterator[Path]:
        """An empty folder to unpack into, in place of what a killed run may have left."""
        staging = self._staging(digest)
        remove_tree(staging)
        if self._folder(digest).exists():
            self._discard(self._folder(digest), digest)  # its record cannot be read
        staging.mkdir(parents=True)
        staging.chmod(0o755)  # whatever the umask
        try:
            yield staging
        finally:
            remove_tree(staging)

    def _with_better_evidence(self, archive: Archive) -> Source:
        """The cached source; if only known as a local file so far, now as what it proved to be."""
        folder = self._folder(archive.digest)
        entry = read_entry(folder)
        if entry is None:  # removed by another process a moment ago
            raise _vanished(archive.digest)
        if entry.source.origin == LOCAL != archive.origin:
            better = _source(archive, entry.source.version, folder, entry.source.epoch)
            entry = replace(entry, source=better)
            write_entry(folder, entry)
        return entry.source

    def _folder(self, digest: Digest) -> Path:
        return self.root / digest.hex

    def _staging(self, digest: Digest) -> Path:
        return self.root / (STAGING_PREFIX + digest.hex)

    def _lock(self, digest: Digest) -> Path:
        return self.root / f"{digest.hex}.lock"


def _source(archive: Archive, version: KernelVersion, folder: Path, epoch: int) -> Source:
    return Source(
        version=version,
        origin=archive.origin,
        digest=archive.digest,
        tree=folder / "tree",
        epoch=epoch,
        url=archive.url,
        evidence=archive.evidence,
    )


def _vanished(digest: Digest) -> MachineError:
    return MachineError(
        f"the source {digest.short} is no longer in the cache",
        why="another process removed it",
        hint="run the same command again",
    )
