"""What a source is, and what anything that can deliver one looks like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingot.digest import Digest
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
class Source:
    """One unpacked kernel tree, ready to be compiled from without being written to.

    `digest` is that of the tarball, or of the contents of a local tree. `epoch` is the
    SOURCE_DATE_EPOCH of what is built from it, in seconds: the time of the top-level
    Makefile in the tarball; 0 for a local tree, since the times of a checkout are not
    content. `origin`, `url` and `evidence` say where it came from (see Archive): they
    differ between machines that got the same bytes from different places.
    """

    version: KernelVersion
    origin: str
    digest: Digest
    tree: Path
    epoch: int
    url: str
    evidence: str


class Origin(Protocol):
    """A place that kernel tarballs come from."""

    @property
    def name(self) -> str:
        """What the catalog and messages call it, such as `kernel.org`."""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """Get and verify the tarball of `version`; downloads go below `downloads`.

        `expected` is the digest the catalog pins for this origin; it is checked besides the
        origin's own proof. Raises an IngotError if the origin does not have the version
        (MachineError, UserError) or what it has does not verify (VerificationError); a file
        that does not verify is removed.
        """
