"""What a source is, and what anything that can deliver one looks like."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.progress import Progress
from ingot.source.transfer.tarball_compression import Compression
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Archive:
    """A tarball of one kernel version, as its origin delivered and verified it.

    `digest` is that of the (compressed) file, `origin` the name of the origin, `url` where
    it was taken from (empty for a local file: a path of this machine means nothing on
    another), `evidence` one phrase on how it was verified. `form` is how the file is compressed,
    as its origin says: nothing looks at the file again to find out. `plain` is the digest of the
    uncompressed tar where that is what a signature was checked over; what is unpacked must have
    it. `trust` says who vouches for it (see `trust_in`), empty for what only the user named.
    """

    path: Path
    digest: Digest
    origin: str
    url: str
    evidence: str
    form: Compression
    plain: Digest | None = field(default=None, kw_only=True)
    trust: str = field(default="", kw_only=True)


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
    got the same bytes from different places. `in_place` says that `tree` is the user's own and
    may change at any time: see `local.require_unchanged`.
    """

    version: KernelVersion
    origin: str
    digest: Digest
    tree: Path
    epoch: int
    url: str
    evidence: str
    commit: str = ""
    in_place: bool = False


def trust_in(origin: str, keyrings: Iterable[Path | None], *words: str) -> str:
    """Names who vouches for what an origin delivers: its kind, the bytes of its keyrings.

    Origins of two catalogs that accept the same signatures have the same one, and no others do.
    `words` are what else decides that a signature is accepted. A keyring that is missing vouches
    for nothing.
    """
    keys = [str(Digest.of_file(k)) if k and k.is_file() else "" for k in keyrings]
    return f"{origin} {Digest.of(json.dumps([origin, keys, words]).encode())}"


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

    @property
    def trust(self) -> str:
        """Who vouches for what it delivers: see `trust_in`."""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """Get and verify the source of `version`; downloads go below `downloads`.

        `expected` is the digest the catalog pins for this origin; it is checked besides the
        origin's own proof, that of an Export once it is unpacked. Raises an IngotError if the
        origin does not have the version (MachineError, UserError) or what it has does not
        verify (VerificationError); a file that does not verify is removed.
        """
