"""The origin kernel.org: `linux-<version>.tar.xz`, verified by one of two signatures.

The first is the developer's, in `linux-<version>.tar.sign`. It is over the *uncompressed* tar
(https://www.kernel.org/signature.html), so checking it means decompressing everything once.

The second is the signature of a kernel.org machine on the list `sha256sums.asc` next to the
tarballs. It proves that the file is the one that kernel.org has, not that a developer made it, so
it is only used for a release without the first one. If the first signature exists and is bad, the
second is not tried.

Release candidates are not available here: since 4.12-rc1 they are only signed tags of git
repositories (https://www.kernel.org/category/releases.html; see `source/git/git_origin.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError, VerificationError
from ingot.progress import Progress, Step
from ingot.source.origin import Archive, check_pin, trust_in
from ingot.source.transfer.download import Downloaded, Wanted, download
from ingot.source.transfer.signature import verify_detached, verify_inline
from ingot.source.transfer.tarball_compression import DamagedError, PlainTar, TarballCompression
from ingot.version import KernelVersion
from ingot.web import without_secrets

BASE_URL = "https://cdn.kernel.org/pub/linux/kernel"

_SIGNATURE_LIMIT = 1 << 16
_LIST_LIMIT = 16 << 20
_LIST = "sha256sums.asc"
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class KernelOrg:
    """Releases below `base_url`, kernel.org itself or a mirror of its `pub/linux/kernel`.

    Tarballs must be signed by a key in `keyring`, lists by one in `list_keyring`; a key is not
    accepted for the other kind. Without `list_keyring` lists are not used.
    """

    keyring: Path
    base_url: str = BASE_URL
    list_keyring: Path | None = None
    name: str = "kernel.org"

    @property
    def trust(self) -> str:
        return trust_in(self.name, (self.keyring, self.list_keyring))

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. The evidence is the fingerprint of the signer's primary key."""
        from ingot.source.transfer.http import DownloadError, fetch_bytes

        if version.candidate:
            raise MachineError(
                f"there is no tarball of linux {version}",
                why="release candidates are signed tags of kernel.org's git repositories",
                hint='add such a repository to the catalog: a table [origins.git], and "git" in the'
                " order of origins",
            )
        # First, because it is small: a version that does not exist is reported at once.
        try:
            signature = fetch_bytes(f"{self._stem(version)}.tar.sign", _SIGNATURE_LIMIT)
        except DownloadError as error:
            if error.status not in _GONE or self.list_keyring is None:
                raise
            listed, signer = self._listed(version, self.list_keyring, error)
            progress.note(
                f"source: {self.name}: there is no linux-{version}.tar.sign; verifying with {_LIST}"
            )
            evidence = f"listed in {_LIST}, signed by {signer}"
            return self._by_list(version, downloads, expected, listed, evidence, progress)
        return self._by_signature(version, downloads, expected, signature, progress)

    def _by_signature(
        self,
        version: KernelVersion,
        downloads: Path,
        expected: Digest | None,
        signature: bytes,
        progress: Progress,
    ) -> Archive:
        """The tarball, if the signature over the tar inside is good."""

        plain: list[Digest] = []

        def verify(path: Path, digest: Digest, step: Step) -> str:
            size = path.stat().st_size

            def report(done: int) -> None:
                step.advance(done, size, "checking the signature")

            tar = PlainTar(path, TarballCompression.XZ, report)
            try:
                signer = verify_detached(signature, tar, self.keyring, f"linux-{version}.tar")
                found, inside = tar.finish()
            except DamagedError as error:
                raise VerificationError(
                    f"{path.name.removesuffix('.part')} is truncated or corrupt",
                    why=str(error),
                    hint="run the same command again to download it again",
                ) from error
            if found != digest:
                raise VerificationError(
                    f"{path.name.removesuffix('.part')} changed while it was verified",
                    hint="run the same command again",
                )
            plain.append(inside)
            return f"signed by {signer}"

        wanted = self._wanted(version, expected)
        got = download(wanted, downloads, progress, verify)
        return self._archive(got, wanted, got.evidence, plain[-1])

    def _by_list(
        self,
        version: KernelVersion,
        downloads: Path,
        expected: Digest | None,
        listed: Digest,
        evidence: str,
        progress: Progress,
    ) -> Archive:
        """The tarball, if it is exactly the file that kernel.org lists."""
        check_pin(listed, expected)
        wanted = self._wanted(version, listed)
        got = download(wanted, downloads, progress)
        return self._archive(got, wanted, evidence, None)

    def _archive(
        self, got: Downloaded, wanted: Wanted, evidence: str, plain: Digest | None
    ) -> Archive:
        url = without_secrets(wanted.url)
        return Archive(
            *(got.path, got.digest, self.name, url, evidence, TarballCompression.XZ),
            plain=plain,
            trust=self.trust,
        )

    def _listed(
        self, version: KernelVersion, keyring: Path, gone: MachineError
    ) -> tuple[Digest, str]:
        """The digest of a version in the signed list, and the fingerprint of the list's signer.

        If there is no list, raises `gone`, the error for the missing signature of the version.
        """
        from ingot.source.transfer.http import DownloadError, fetch_bytes

        try:
            signed = fetch_bytes(f"{self._directory(version)}/{_LIST}", _LIST_LIMIT)
        except DownloadError as error:
            if error.status in _GONE:
                raise gone from None
            raise
        text = verify_inline(signed, keyring, _LIST)
        name = re.escape(f"linux-{version}.tar.xz")
        match = re.search(rb"^([0-9a-f]{64})  %b\r?$" % name.encode(), text.text, re.MULTILINE)
        if match is None:
            raise MachineError(
                f"{_LIST} does not list linux {version}",
                hint="check the version; another origin may have it",
            )
        return Digest.parse(match[1].decode()), text.fingerprint

    def _wanted(self, version: KernelVersion, digest: Digest | None) -> Wanted:
        url = f"{self._stem(version)}.tar.xz"
        return Wanted(url, url.rpartition("/")[2], digest=digest)

    def _stem(self, version: KernelVersion) -> str:
        return f"{self._directory(version)}/linux-{version}"

    def _directory(self, version: KernelVersion) -> str:
        return f"{self.base_url.rstrip('/')}/v{version.series.major}.x"
