"""The types of sources, and the protocol of the origins that deliver them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.progress import Progress
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Archive:
    """A tarball of one kernel version, as its origin delivered and verified it.

    `digest` is that of the (compressed) file, `origin` the name of the origin, `url` the address
    it was downloaded from (empty for a local file, because a local path means nothing on another
    machine), `evidence` one phrase on how it was verified. `form` is the compression as the origin
    states it; it is never detected a second time. `plain` is the digest of the uncompressed tar, if
    the signature is over that; the unpacked tar must have it. `trust` identifies what verifies the
    archive (see `trust_in`); it is empty for a file that the user named.
    """

    path: Path
    digest: Digest
    origin: str
    url: str
    evidence: str
    form: TarballCompression
    plain: Digest | None = field(default=None, kw_only=True)
    trust: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class GitArchive(Archive):
    """A tree from a git repository, packed as an uncompressed tar by `git archive`.

    Different versions of git pack the same tree into different bytes, so it is identified by its
    contents, not by `digest`. `pin`, if given, is the required digest of the contents (see
    `tree_digest`). `commit` is the ID of the commit.
    """

    commit: str
    pin: Digest | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One unpacked kernel tree, ready for compilation; it is never written to.

    `digest` is that of the tarball, or of the contents of a tree that is local or from git.
    `epoch` is the SOURCE_DATE_EPOCH of what is built from it, in seconds: the time of the
    top-level Makefile in the tarball, or 0 if the digest is that of the contents, because the
    file times of a checkout are not part of them. `origin`, `url`, `evidence` and `commit` (empty
    if it is not from git) say where it came from (see Archive): machines that obtained the same
    bytes from different places have different values. `in_place` means that `tree` is the user's
    own and may change at any time: see `local_source.require_unchanged`.
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
    """Identifies what verifies an origin's archives: the kind of origin and its keyrings' bytes.

    Origins of two catalogs have the same value if and only if they accept the same signatures.
    `words` are other settings that decide whether a signature is accepted. A missing keyring
    verifies nothing.
    """
    keys = [str(Digest.of_file(k)) if k and k.is_file() else "" for k in keyrings]
    return f"{origin} {Digest.of(json.dumps([origin, keys, words]).encode())}"


def check_pin(listed: Digest, pinned: Digest | None) -> None:
    """Raise VerificationError if a signed list has another digest than the catalog pins."""
    if pinned is not None and listed != pinned:
        raise VerificationError(
            "the origin lists a digest that differs from the pinned one",
            why=f"listed {listed}, pinned {pinned}",
            hint="if the pinned digest is right, the list is wrong: try another origin",
        )


class Origin(Protocol):
    """A place that kernel trees come from."""

    @property
    def name(self) -> str:
        """Its name in the catalog and in messages, such as `kernel.org`."""

    @property
    def trust(self) -> str:
        """Identifies what verifies its archives: see `trust_in`."""

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """Download the source of `version` to the directory `downloads`, and verify it.

        `expected` is the digest that the catalog pins for this origin; it is checked in addition
        to the origin's own verification (for an Export, after it is unpacked). Raises MachineError
        or UserError if the origin does not have the version, and VerificationError if the file is
        not the right one; such a file is removed.
        """
