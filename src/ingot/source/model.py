"""What a source is, and what anything that can deliver one looks like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.progress import Progress
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Archive:
    """A tarball of one kernel version, as its origin delivered and verified it.

    `digest` is that of the (compressed) file, `origin` the name of the origin, `url` where
    it was taken from (empty for a local file: a path of this machine means nothing on
    another), `evidence` one phrase on how it was verified.
    """

    path: Path
    digest: Digest
    origin: str
    url: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Export(Archive):
    """A tree taken out of a git repository, packed as an uncompressed tar by `git archive`.

    Versions of git pack the same tree in other bytes: what identifies it is not `digest` but
    its content, so `pin`, if there is one, is the digest that the contents must have (see
    `tree_digest`). `commit` is the ID of the commit it was taken from.
    """

    commit: str
    pin: Digest | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One unpacked kernel tree, ready to be compiled from without being written to.

    `digest` is that of the tarball, or of the contents of a tree that is local or from git.
    `epoch` is the SOURCE_DATE_EPOCH of what is built from it, in seconds: the time of the
    top-level Makefile in the tarball; 0 where the digest is that of the contents, since the
    times of a checkout are not content. `origin`, `url`, `evidence` and `commit` (empty if it
    is not from git) say where it came from (see Archive): they differ between machines that
    got the same bytes from different places.
    """

    version: KernelVersion
    origin: str
    digest: Digest
    tree: Path
    epoch: int
    url: str
    evidence: str
    commit: str = ""


def check_pin(listed: Digest, pinned: Digest | None) -> None:
    """Raise VerificationError if a list vouches for another file than the catalog pins."""
    if pinned is not None and listed != pinned:
        raise VerificationError(
            "the listed digest is not the pinned one",
            why=f"listed {listed}, pinned {pinned}",
            hint="if the pinned digest is right, the list is not: try another origin",
        )


class Origin(Protocol):
    """A place that kernel trees come from."""

    @property
    def name(self) -> str:
        """What the catalog and messages call it, such as `kernel.org`."""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """Get and verify the source of `version`; downloads go below `downloads`.

        `expected` is the digest the catalog pins for this origin; it is checked besides the
        origin's own proof, that of an Export once it is unpacked. Raises an IngotError if the
        origin does not have the version (MachineError, UserError) or what it has does not
        verify (VerificationError); a file that does not verify is removed.
        """
