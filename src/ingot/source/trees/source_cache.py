"""The cache of unpacked sources: one tree for each digest, unpacked once, shared by builds.

    <root>/<hex>/tree/            the kernel tree, never written to
    <root>/<hex>/source.json      its version and where it came from
    <root>/<hex>.lock             held while the tree is unpacked or removed; empty
    <root>/.staging-<hex>/        being unpacked, or left by a run that was killed
    <root>/downloads/             partial downloads and package indexes (see download.py)

<hex> is the sha256 of the tarball, or that of the contents for a tree from git. A directory has
this name only when it is complete. The files of a killed run are removed by the next run that needs
the same source, and by `prune`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError, VerificationError
from ingot.files import (
    STAGING_PREFIX,
    disk_errors,
    locked,
    locked_if_free,
    remove_tree,
    sync_directory,
    tree_size,
)
from ingot.process import run
from ingot.progress import Progress
from ingot.source.origin import Archive, GitArchive, Source
from ingot.source.transfer import download
from ingot.source.trees.kernel_tree import check_tree
from ingot.source.trees.source_record import (
    CachedSource,
    Reference,
    digest_named,
    read_entry,
    write_entry,
)
from ingot.source.trees.tree_digest import tree_digest
from ingot.source.trees.unpack_tarball import Unpacked, unpack
from ingot.version import KernelVersion

_LATEST = 8**11
LOCAL = "local"
"""The name of the origin of sources that the user named: a file, a directory, a repository."""


@dataclass(frozen=True, slots=True)
class RemovedSource:
    """An item that prune removed (or would remove): its path, its size on disk, what it is."""

    path: Path
    size: int
    what: str


@dataclass(frozen=True, slots=True)
class SourceCache:
    """The sources below the directory `root`, which is created when the first one is added."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Where downloads for this cache go."""
        return self.root / "downloads"

    def find(self, version: KernelVersion, digest: Digest) -> Source | None:
        """The source with this digest, if the cache has it and it is `version`."""
        entry = read_entry(self._directory(digest))
        return entry.source if entry and entry.source.version == version else None

    def known(self, version: KernelVersion) -> list[Source]:
        """All cached sources of `version`, from any origin."""
        return [e.source for e in self.entries() if e.source.version == version]

    def find_verified(self, version: KernelVersion, trusts: Sequence[str]) -> list[Source]:
        """The sources of `version` that were verified under one of `trusts` (see `trust_in`).

        They are in the order of `trusts`, the preferred one first.
        """
        found = []
        for entry in self.entries():
            places = [number for number, trust in enumerate(trusts) if trust in entry.trusted]
            if places and entry.source.version == version:
                found.append((places[0], entry.source))
        return [source for _, source in sorted(found, key=lambda each: each[0])]

    def entries(self) -> list[CachedSource]:
        """All cached sources, with their sizes, ordered by version and digest."""
        directories = self.root.iterdir() if self.root.is_dir() else []
        found = [entry for directory in directories if (entry := read_entry(directory))]
        return sorted(found, key=lambda entry: (entry.source.version, entry.source.digest))

    def add(self, archive: Archive, version: KernelVersion | None, progress: Progress) -> Source:
        """The unpacked source in `archive`; unpacks it if the cache does not have it.

        Without `version`, any version is accepted. Raises the errors of `unpack`, UserError if it
        is not a kernel tree of `version`, and VerificationError if the contents of an Export do not
        have the pinned digest.
        """

        def wait() -> None:
            progress.note(f"source: waiting for another process that unpacks {archive.path.name}")

        if isinstance(archive, GitArchive):
            with disk_errors(self.root), locked(self._lock(archive.digest), on_wait=wait):
                return self._unpack_export(archive, version, progress)
        directory = self._directory(archive.digest)
        if read_entry(directory) is None:
            with disk_errors(self.root), locked(self._lock(archive.digest), on_wait=wait):
                if read_entry(directory) is None:
                    return self._unpack(archive, version, progress)
        check_tree(directory / "tree", version, archive.path.name)
        with disk_errors(self.root), locked(self._lock(archive.digest), on_wait=wait):
            entry = read_entry(directory)
            if entry is None:  # removed by another process a moment ago
                raise _vanished(archive.digest)
            known = entry.source
            source = _source(archive, known.version, archive.digest, directory, known.epoch)
            return self._with_better_evidence(entry, source, archive.trust)

    def refer(self, name: str, to: Digest, reference: Reference) -> None:
        """Record that `name` in a repository refers to the source `to` from now on."""
        for entry in self.entries():
            digest = entry.source.digest
            if entry.references.get(name) == (reference if digest == to else None):
                continue
            with locked(self._lock(digest)):
                kept = read_entry(self._directory(digest))
                if kept is None:  # removed by another process a moment ago
                    continue
                references = {key: one for key, one in kept.references.items() if key != name}
                if digest == to:
                    references[name] = reference
                write_entry(self._directory(digest), replace(kept, references=references))

    def referred(self, name: str) -> tuple[Source, Reference] | None:
        """The cached source that `name` in a repository referred to when it was last resolved."""
        for entry in self.entries():
            if name in entry.references:
                return entry.source, entry.references[name]
        return None

    def of_object(self, object_id: str) -> tuple[Source, Reference] | None:
        """The cached source of a commit or a tag object, under any name."""
        for entry in self.entries():
            for reference in entry.references.values():
                if object_id == reference.id:
                    return entry.source, reference
                if object_id == reference.commit:
                    return entry.source, Reference(object_id, object_id)
        return None

    def size(self, source: Source) -> int:
        """The size on disk of a cached source, in bytes; 0 for a source that is not cached."""
        entry = read_entry(self._directory(source.digest))
        return entry.size if entry and entry.source.tree == source.tree else 0

    def remove_unused(
        self, keep: Set[Digest], dry_run: bool = False, downloads: Path | None = None
    ) -> list[RemovedSource]:
        """Remove sources not in `keep`, unfinished ones, and downloads, unless a process uses them.

        The caller ensures that no build reads these trees meanwhile. `downloads` is the directory
        of downloads if it is not this cache's own.
        """
        removed: list[RemovedSource] = []
        for directory in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            digest = digest_named(directory.name.removeprefix(STAGING_PREFIX))
            if digest is None or not directory.is_dir():
                continue
            unfinished = directory.name.startswith(STAGING_PREFIX)
            if unfinished or digest not in keep:
                removed += self._remove(directory, digest, unfinished, dry_run)
        for path, size in download.remove_idle(downloads or self.downloads, dry_run):
            removed.append(RemovedSource(path, size, "download"))
        return removed

    def _remove(
        self, directory: Path, digest: Digest, unfinished: bool, dry_run: bool
    ) -> list[RemovedSource]:
        with disk_errors(self.root), locked_if_free(self._lock(digest)) as free:
            if not free or not directory.exists():
                return []
            entry = None if unfinished else read_entry(directory)
            what = f"linux {entry.source.version}" if entry else "unfinished source"
            size = entry.size if entry else tree_size(directory)
            if not dry_run:
                self._discard(directory, digest)
            return [RemovedSource(directory, size, what)]

    def _discard(self, directory: Path, digest: Digest) -> None:
        """Remove a directory, under its lock. It is renamed first: a half-removed tree must not
        look complete."""
        staging = self._staging(digest)
        if directory != staging:
            remove_tree(staging)
            directory.rename(staging)
        remove_tree(staging)

    def _discard_unreadable(self, digest: Digest) -> None:
        """Remove a directory whose record cannot be read: its name is needed for the new one."""
        if self._directory(digest).exists():
            self._discard(self._directory(digest), digest)

    def _unpack(
        self, archive: Archive, version: KernelVersion | None, progress: Progress
    ) -> Source:
        """Unpack into a staging directory and rename it; under the lock of the digest."""
        with self._fresh_staging(archive.digest) as staging:
            unpacked = self._unpacked(archive, staging, progress)
            found = check_tree(unpacked.tree, version, archive.path.name)
            epoch = _epoch(unpacked.tree, archive)
            final = self._directory(archive.digest)
            source = _source(archive, found, archive.digest, final, epoch)
            self._keep(
                staging, CachedSource(source, unpacked.size, trusted=_trusted(archive.trust))
            )
        return source

    def _unpack_export(
        self, export: GitArchive, version: KernelVersion | None, progress: Progress
    ) -> Source:
        """The same for a tree identified by its contents, whose digest is known after unpacking."""
        with self._fresh_staging(export.digest) as staging:
            unpacked = self._unpacked(export, staging, progress)
            found = check_tree(unpacked.tree, version, export.path.name)
            with progress.step(f"hash linux {found}") as step:
                digest = tree_digest(unpacked.tree, lambda count: step.advance(count, unit="files"))
            if export.pin not in (None, digest):
                raise VerificationError(
                    f"the contents of {export.path.name} do not have the pinned digest",
                    why=f"they have {digest}, pinned is {export.pin}",
                    hint="check whether the tag was moved to another commit since it was pinned",
                )
            # The file times are those of the commit, and other commits can have the same contents.
            source = _source(export, found, digest, self._directory(digest), epoch=0)
            source = replace(source, commit=export.commit)
            with locked(self._lock(digest)):
                entry = read_entry(self._directory(digest))
                if entry is not None:
                    return self._with_better_evidence(entry, source, export.trust)
                self._discard_unreadable(digest)
                trusted = _trusted(export.trust)
                self._keep(staging, CachedSource(source, unpacked.size, trusted=trusted))
        return source

    def _unpacked(self, archive: Archive, staging: Path, progress: Progress) -> Unpacked:
        with progress.step(f"unpack {archive.path.name}") as step:
            return unpack(archive, staging, step)

    def _keep(self, staging: Path, entry: CachedSource) -> None:
        """Rename the unpacked source to its final name; under the lock of its digest."""
        write_entry(staging, entry)
        # One flush of the file system: an fsync for each of 84,000 files takes minutes.
        run(["sync", "-f", str(staging)])
        staging.rename(self._directory(entry.source.digest))
        sync_directory(self.root)

    @contextlib.contextmanager
    def _fresh_staging(self, digest: Digest) -> Iterator[Path]:
        """An empty directory to unpack into; files left by a killed run are removed."""
        staging = self._staging(digest)
        remove_tree(staging)
        self._discard_unreadable(digest)
        staging.mkdir(parents=True)
        staging.chmod(0o755)  # whatever the umask
        try:
            yield staging
        finally:
            remove_tree(staging)

    def _with_better_evidence(self, entry: CachedSource, source: Source, trust: str) -> Source:
        """The cached source, recorded with its origin if it was only known as a local one before.

        The new `trust` is added to those already recorded.
        """
        better = replace(entry, trusted=entry.trusted | _trusted(trust))
        if entry.source.origin == LOCAL != source.origin:
            better = replace(better, source=source)
        if better != entry:
            write_entry(self._directory(source.digest), better)
        return better.source

    def _directory(self, digest: Digest) -> Path:
        return self.root / digest.hex

    def _staging(self, digest: Digest) -> Path:
        return self.root / (STAGING_PREFIX + digest.hex)

    def _lock(self, digest: Digest) -> Path:
        return self.root / f"{digest.hex}.lock"


def _source(
    archive: Archive, version: KernelVersion, digest: Digest, directory: Path, epoch: int
) -> Source:
    return Source(
        version=version,
        origin=archive.origin,
        digest=digest,
        tree=directory / "tree",
        epoch=epoch,
        url=archive.url,
        evidence=archive.evidence,
    )


def _trusted(trust: str) -> frozenset[str]:
    return frozenset({trust} if trust else ())


def _vanished(digest: Digest) -> MachineError:
    return MachineError(
        f"the source {digest.short} is no longer in the cache",
        why="another process removed it",
        hint="run the same command again",
    )


def _epoch(tree: Path, archive: Archive) -> int:
    """The time of a source: that of its top-level Makefile, in seconds since 1970.

    VerificationError for one that a tar header, and so a layer, cannot hold (ustar: 11 octal
    digits).
    """
    epoch = int((tree / "Makefile").stat().st_mtime)
    if not 0 <= epoch < _LATEST:
        raise VerificationError(
            f"{archive.path.name} was refused",
            why=f"the time of its Makefile is {epoch:,} seconds since 1970, which is out of range",
            hint="no kernel release looks like this: do not use this file",
        )
    return epoch
