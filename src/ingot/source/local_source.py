"""A source that the user names: a tarball, or a tree that is used in place and never written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import disk_errors
from ingot.progress import Progress
from ingot.source.origin import Archive, Source
from ingot.source.transfer.tarball_compression import HEAD_BYTES, form_of
from ingot.source.trees.kernel_tree import check_clean, check_tree
from ingot.source.trees.source_cache import LOCAL, SourceCache
from ingot.source.trees.tree_digest import tree_digest
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class LocalTarball:
    """An Origin that has one tarball, which is trusted because the user named it."""

    path: Path
    name: str = LOCAL
    trust: ClassVar[str] = ""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. Raises UserError if the file is not a tarball."""
        del version, downloads  # nothing is downloaded; the version is checked once unpacked
        with disk_errors(self.path), progress.step(f"read {self.path.name}"):
            with self.path.open("rb") as file:
                form = form_of(file.read(HEAD_BYTES), self.path)
            digest = Digest.of_file(self.path)
        if expected is not None and digest != expected:
            raise VerificationError(
                f"{self.path} is not the pinned file", why=f"it has {digest}, pinned is {expected}"
            )
        evidence = "a local file, no signature checked"
        return Archive(self.path, digest, self.name, "", evidence, form)


def local_source(
    path: Path, version: KernelVersion, cache: SourceCache, progress: Progress
) -> Source:
    """The source at `path`, a kernel tree or a tarball of one, named with `--source PATH`.

    A tree is used in place and hashed each time. A tarball is unpacked into the cache. Raises
    UserError if it does not exist, is not a kernel, is not `version`, or is a tree that was
    compiled in place.
    """
    path = path.absolute()
    if path.is_dir():
        return _tree(path, version, progress)
    if not path.is_file():
        raise UserError(
            f"there is no source at {path}", hint="name a kernel tree or a tarball of one"
        )
    archive = LocalTarball(path).fetch(version, cache.downloads, None, progress)
    return cache.add(archive, version, progress)


def _tree(path: Path, version: KernelVersion, progress: Progress) -> Source:
    path = path.resolve()  # no path below it goes through a symlink
    check_tree(path, version)
    check_clean(path)
    digest = _digest(path, progress)
    evidence = "a local tree, no signature checked"
    return Source(
        version=version,
        origin=LOCAL,
        digest=digest,
        tree=path,
        epoch=0,
        url="",
        evidence=evidence,
        in_place=True,
    )


def require_unchanged(source: Source, progress: Progress) -> None:
    """Raise VerificationError if a tree that is used in place has changed since it was hashed.

    The images are named by that digest. Hashing again takes a second or two; a copy would cost each
    build 1.4 GB. Other sources are not checked: they are in the cache, which only Ingot writes to.
    """
    if source.in_place and _digest(source.tree, progress) != source.digest:
        raise VerificationError(
            f"{source.tree} was changed while it was used",
            why="the result does not match the digest of the tree, so none of it was kept",
            hint="run the same command again, and do not change the tree while it runs",
        )


def _digest(path: Path, progress: Progress) -> Digest:
    with disk_errors(path), progress.step(f"hash {path}") as step:
        return tree_digest(path, lambda count: step.advance(count, unit="files"))
