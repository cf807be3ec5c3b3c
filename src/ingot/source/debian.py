"""The origin Debian: the upstream tarball in a Debian archive, through its signed indexes.

The chain: a suite's InRelease is signed by a key of Debian's keyring, and lists the sha256
of Sources; Sources lists the sha256 of `linux_<version>.orig.tar.xz`. That tarball is the
upstream release minus a few files that are not free software.

Besides the tarball this keeps `debian-sources-<hex>` in the downloads folder: the index,
named by its digest, so that the next look-up need not fetch it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.apt import configured_mirrors
from ingot.digest import Digest
from ingot.errors import IngotError, MachineError, VerificationError
from ingot.progress import Progress
from ingot.source.attempts import Attempts
from ingot.source.deb_index import File, Release, find_tarballs, read_release
from ingot.source.download import Wanted, download
from ingot.source.model import Archive
from ingot.source.signature import verify_inline
from ingot.version import KernelVersion

_INRELEASE_LIMIT = 16 << 20
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class _Suite:
    """A suite as one mirror serves it, with the key that signed its InRelease."""

    name: str
    mirror: str
    release: Release
    signer: str


@dataclass(frozen=True, slots=True)
class DebianArchive:
    """`suites` are asked in order, each on the mirrors that have it.

    `mirrors` are base URLs; None means those that apt is configured with.
    """

    suites: tuple[str, ...]
    keyring: Path = _KEYRING
    mirrors: tuple[str, ...] | None = None
    name: str = "debian"

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. Each suite that does not deliver is one note."""
        mirrors = _Mirrors(configured_mirrors() if self.mirrors is None else self.mirrors)
        attempts = Attempts(progress, prefix=f"source: {self.name} ")
        for name in self.suites:
            try:
                suite = mirrors.open(name, self.keyring)
                return self._from_suite(suite, version, downloads, expected, progress)
            except IngotError as error:
                attempts.failed(name, error)
            if not mirrors.alive:
                break  # the other suites would say the same
        raise attempts.error(
            f"no Debian suite delivered linux {version}",
            hint="mirrors drop a version when the next one is out: pick a newer one, or use"
            " `--source PATH`",
        )

    def _from_suite(
        self,
        suite: _Suite,
        version: KernelVersion,
        downloads: Path,
        expected: Digest | None,
        progress: Progress,
    ) -> Archive:
        index = _sources_index(suite, downloads, progress)
        entries = find_tarballs(index, version)
        if not entries:
            raise MachineError(f"does not have linux {version}")
        attempts = Attempts(progress, prefix=f"source: {self.name} {suite.name}: ")
        for entry in entries:
            try:
                return self._from_entry(suite, entry, downloads, expected, progress)
            except IngotError as error:
                if len(entries) == 1:
                    raise
                attempts.failed(entry.path, error)
        raise attempts.error("none of the listed files could be had", hint="")

    def _from_entry(
        self,
        suite: _Suite,
        entry: File,
        downloads: Path,
        expected: Digest | None,
        progress: Progress,
    ) -> Archive:
        if expected is not None and entry.digest != expected:
            raise VerificationError(
                "the listed digest is not the pinned one",
                why=f"listed {entry.digest}, pinned {expected}",
            )
        name = entry.path.rpartition("/")[2]
        wanted = Wanted(f"{suite.mirror}/{entry.path}", name, entry.size, entry.digest)
        got = download(wanted, downloads, progress)
        evidence = f"listed in {suite.name}, signed by {suite.signer}"
        return Archive(got.path, got.digest, self.name, wanted.url, evidence)


class _Mirrors:
    """The mirrors of one look-up. A host that does not answer is not asked again."""

    def __init__(self, mirrors: tuple[str, ...]) -> None:
        self.alive = list(mirrors)

    def open(self, suite: str, keyring: Path) -> _Suite:
        """The suite on the first mirror that has it with a good signature."""
        errors: list[IngotError] = []
        for mirror in _likely_first(suite, self.alive):
            try:
                signed = self._inrelease(mirror, suite)
                text = verify_inline(signed, keyring, f"InRelease of {suite}")
                return _Suite(suite, mirror, read_release(text.text, suite), text.fingerprint)
            except IngotError as error:
                errors.append(error)
        refused = [error for error in errors if isinstance(error, VerificationError)]
        raise [*refused, *errors, MachineError("no mirror is known")][0]

    def _inrelease(self, mirror: str, suite: str) -> bytes:
        from ingot.source.http import DownloadError, fetch_bytes  # late: it loads requests

        try:
            return fetch_bytes(f"{mirror}/dists/{suite}/InRelease", _INRELEASE_LIMIT)
        except DownloadError as error:
            if error.status == 0:
                self.alive.remove(mirror)
            raise


def _likely_first(suite: str, mirrors: list[str]) -> list[str]:
    """The mirrors, those for security first for a security suite: it saves a request."""
    wanted = suite.endswith("-security")
    return sorted(mirrors, key=lambda mirror: ("security" in mirror) != wanted)


def _sources_index(suite: _Suite, downloads: Path, progress: Progress) -> Path:
    """The Sources file that the suite's Release file vouches for, from the cache if there."""
    from ingot.source.http import DownloadError

    listed = suite.release.sources
    name = f"debian-sources-{listed.digest.hex}"
    title = f"Sources of {suite.name}"

    def get(url: str) -> Path:
        wanted = Wanted(url, name, listed.size, listed.digest, title)
        return download(wanted, downloads, progress).path

    *preferred, plain = _index_urls(suite)
    for url in preferred:
        with contextlib.suppress(DownloadError):
            return get(url)
    return get(plain)


def _index_urls(suite: _Suite) -> Iterator[str]:
    """By digest first, where the archive can: a mirror being updated stays consistent then.

    Some caching proxies do not know these names, so the plain one follows.
    """
    base = f"{suite.mirror}/dists/{suite.name}"
    listed = suite.release.sources
    if suite.release.by_hash:
        yield f"{base}/{listed.path.rpartition('/')[0]}/by-hash/SHA256/{listed.digest.hex}"
    yield f"{base}/{listed.path}"
