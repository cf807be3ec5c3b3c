"""A source the user names: a tarball, or a tree that is used where it is, never written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import disk_errors
from ingot.progress import Progress
from ingot.source.cache import LOCAL, SourceCache
from ingot.source.compression import decompressor
from ingot.source.kernel_tree import check_clean, check_tree
from ingot.source.model import Archive, Source
from ingot.source.tree_digest import tree_digest
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class LocalTarball:
    """An Origin that has one tarball, which is trusted because the user named it."""

    path: Path
    name: str = LOCAL

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. Raises UserError if the file is no tarball."""
        del version, downloads  # nothing is downloaded; the version is checked once unpacked
        with disk_errors(self.path), progress.step(f"read {self.path.name}"):
            decompressor(self.path)
            digest = Digest.of_file(self.path)
        if expected is not None and digest != expected:
            raise VerificationError(
                f"{self.path} is not the pinned file", why=f"it has {digest}, pinned is {expected}"
            )
        return Archive(self.path, digest, self.name, "", "a local file, no signature checked")


def local_source(
    path: Path, version: KernelVersion, cache: SourceCache, progress: Progress
) -> Source:
    """The source at `path`, a kernel tree or a tarball of one, as `--source PATH` asks for.

    A tree stays where it is and is hashed anew each time. A tarball is unpacked into the
    cache. Raises UserError if it is not there, is no kernel, is not `version`, or is a tree
    that was compiled in place.
    """
    path = path.absolute()
    if path.is_dir():
        return _tree(path, version, progress)
    if not path.is_file():
        raise UserError(
            f"there is no source at {path}", hint="give a kernel tree or a tarball of one"
        )
    archive = LocalTarball(path).fetch(version, cache.downloads, None, progress)
    return cache.add(archive, version, progress)


def _tree(path: Path, version: KernelVersion, progress: Progress) -> Source:
    check_tree(path, version)
    check_clean(path)
    with disk_errors(path), progress.step(f"hash {path}") as step:
        digest = tree_digest(path, lambda count: step.advance(count, None, "files"))
    return Source(version, LOCAL, digest, path, 0, "", "a local tree, no signature checked")
