"""Finds a suite on the mirrors, and its index of sources; both are verified with Debian's keys.

The index is kept as `debian-sources-<hex>` in the directory of downloads, named by its digest, so
that the next look-up does not download it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import IngotError, MachineError, VerificationError
from ingot.progress import Progress
from ingot.source.debian.deb_index import ReleaseFile, plain_index, read_release
from ingot.source.transfer.download import Wanted, download
from ingot.source.transfer.signature import verify_inline

_INRELEASE_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class DebianSuite:
    """A suite as one mirror serves it, with the key that signed its InRelease."""

    name: str
    mirror: str
    release: ReleaseFile
    signer: str

    def sources(self, downloads: Path, progress: Progress) -> bytes:
        """The text of the Sources file that the suite's Release file lists, from the cache or a
        mirror. Its digest is checked on the bytes that are returned."""
        from ingot.source.transfer.http import DownloadError  # late: it loads requests

        listed = self.release.sources
        name = f"debian-sources-{listed.digest.hex}"
        title = f"Sources of {self.name}"

        def get(url: str) -> bytes:
            wanted = Wanted(url, name, listed.size, listed.digest, title)
            return plain_index(listed, download(wanted, downloads, progress).path.read_bytes())

        *preferred, plain = self._sources_urls()
        for url in preferred:
            with contextlib.suppress(DownloadError):
                return get(url)
        return get(plain)

    def _sources_urls(self) -> Iterator[str]:
        """First the URL by digest, if the archive supports it: it works while a mirror is updated.

        Some caching proxies do not support these names, so the plain one follows.
        """
        base = f"{self.mirror}/dists/{self.name}"
        listed = self.release.sources
        if self.release.by_hash:
            yield f"{base}/{listed.path.rpartition('/')[0]}/by-hash/SHA256/{listed.digest.hex}"
        yield f"{base}/{listed.path}"


class Mirrors:
    """The mirrors of one look-up, as base URLs. An unreachable host is not tried again."""

    def __init__(self, mirrors: tuple[str, ...]) -> None:
        self.alive = list(mirrors)

    def open(self, suite: str, keyring: Path) -> DebianSuite:
        """The suite on the first mirror that has it with a good signature.

        Raises a VerificationError if a mirror's signature was refused and no other had a good
        one, else the error of the first mirror.
        """
        errors: list[IngotError] = []
        for mirror in _likely_first(suite, self.alive):
            try:
                signed = self._inrelease(mirror, suite)
                text = verify_inline(signed, keyring, f"InRelease of {suite}")
                return DebianSuite(suite, mirror, read_release(text.text, suite), text.fingerprint)
            except IngotError as error:
                errors.append(error)
        refused = [error for error in errors if isinstance(error, VerificationError)]
        raise [*refused, *errors, MachineError("no Debian mirror is known")][0]

    def _inrelease(self, mirror: str, suite: str) -> bytes:
        from ingot.source.transfer.http import DownloadError, fetch_bytes

        try:
            return fetch_bytes(f"{mirror}/dists/{suite}/InRelease", _INRELEASE_LIMIT)
        except DownloadError as error:
            if error.status == 0:
                self.alive.remove(mirror)
            raise


def _likely_first(suite: str, mirrors: list[str]) -> list[str]:
    """The mirrors, the more likely ones first: security mirrors for security suites."""
    wanted = suite.endswith("-security")
    return sorted(mirrors, key=lambda mirror: ("security" in mirror) != wanted)
