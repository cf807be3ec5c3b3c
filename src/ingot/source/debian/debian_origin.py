"""The origin Debian: the upstream tarball in a Debian archive, through its signed indexes.

The chain: a suite's InRelease is signed by a key of Debian's keyring, and lists the sha256
of Sources; Sources lists the sha256 of `linux_<version>.orig.tar.xz`. That tarball is the
upstream release minus a few files that are not free software.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from ingot.apt import configured_mirrors
from ingot.digest import Digest
from ingot.errors import OWN_SOURCE, IngotError, MachineError
from ingot.progress import Progress
from ingot.source.debian.deb_index import IndexedFile, find_tarballs, listed_versions
from ingot.source.debian.deb_suite import DebianSuite, Mirrors
from ingot.source.origin import Archive, check_pin, trust_in
from ingot.source.releases import Release
from ingot.source.transfer.attempts import Attempts
from ingot.source.transfer.download import Wanted, download
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.tools import DEBIAN_KEYRING
from ingot.version import KernelVersion
from ingot.web import without_secrets

_Answer = TypeVar("_Answer")

_REPACKED = "repacked by Debian without some non-free files"


@dataclass(frozen=True, slots=True)
class DebianArchive:
    """The origin for `suites`, which are tried in order, and are signed by a key in `keyring`.

    `mirrors` are base URLs; None means the mirrors in apt's configuration.
    """

    suites: tuple[str, ...]
    keyring: Path = DEBIAN_KEYRING
    mirrors: tuple[str, ...] | None = None
    name: str = "debian"
    tells_ends: ClassVar[bool] = False

    @property
    def trust(self) -> str:
        return trust_in(self.name, (self.keyring,))

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. Each suite that fails is one note."""
        attempts = Attempts(progress, prefix=f"source: {self.name} ")

        def get(suite: DebianSuite) -> Archive:
            return self._from_suite(suite, version, downloads, expected, progress)

        for archive in self._ask_suites(get, attempts):
            return archive
        raise attempts.error(
            f"no Debian suite delivered linux {version}",
            hint="mirrors remove a version when the next one is released: choose a newer one, or"
            f" {OWN_SOURCE}",
        )

    def versions(self, downloads: Path, progress: Progress) -> dict[KernelVersion, tuple[str, ...]]:
        """Every version that the suites list, with the suites that list it, in their order.

        A listed version may not be on the mirror, any more or yet. Each suite that cannot be read
        is one note; an IngotError if all fail.
        """
        attempts = Attempts(progress, prefix=f"releases: {self.name} ")

        def read(suite: DebianSuite) -> tuple[str, set[KernelVersion]]:
            return suite.name, listed_versions(suite.sources(downloads, progress))

        answers = list(self._ask_suites(read, attempts))
        if not answers:
            raise attempts.error(
                "the list of kernels of no Debian suite could be read",
                hint="check the network, and the suites that the catalog names",
            )
        found: dict[KernelVersion, tuple[str, ...]] = {}
        for name, versions in answers:
            for version in versions:
                found[version] = (*found.get(version, ()), name)
        return found

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        """See Index.listed. The origin of a release is this archive, with only its suites."""
        found = self.versions(downloads, progress)
        return tuple(
            Release(version, (replace(self, suites=suites),)) for version, suites in found.items()
        )

    def _ask_suites(
        self, ask: Callable[[DebianSuite], _Answer], attempts: Attempts
    ) -> Iterator[_Answer]:
        """The result of `ask` for each suite, in order; a failure is noted."""
        mirrors = Mirrors(configured_mirrors() if self.mirrors is None else self.mirrors)
        for name in self.suites:
            try:
                answer = ask(mirrors.open(name, self.keyring))
            except IngotError as error:
                attempts.failed(name, error)
            else:
                yield answer
            if not mirrors.alive:
                break  # the other suites would fail in the same way

    def _from_suite(
        self,
        suite: DebianSuite,
        version: KernelVersion,
        downloads: Path,
        expected: Digest | None,
        progress: Progress,
    ) -> Archive:
        entries = find_tarballs(suite.sources(downloads, progress), version)
        if not entries:
            raise MachineError(
                f"the {self.name} suite {suite.name} does not have linux {version}",
                hint="mirrors remove a version when the next one is released: choose a newer one,"
                f" or {OWN_SOURCE}",
            )
        attempts = Attempts(progress, prefix=f"source: {self.name} {suite.name}: ")
        for entry in entries:
            try:
                return self._from_entry(suite, entry, downloads, expected, progress)
            except IngotError as error:
                if len(entries) == 1:
                    raise
                attempts.failed(entry.path, error)
        raise attempts.error("none of the listed files could be downloaded", hint="")

    def _from_entry(
        self,
        suite: DebianSuite,
        entry: IndexedFile,
        downloads: Path,
        expected: Digest | None,
        progress: Progress,
    ) -> Archive:
        check_pin(entry.digest, expected)
        name = entry.path.rpartition("/")[2]
        wanted = Wanted(f"{suite.mirror}/{entry.path}", name, entry.size, entry.digest)
        got = download(wanted, downloads, progress)
        evidence = f"listed in {suite.name}, signed by {suite.signer}; {_REPACKED}"
        url = without_secrets(wanted.url)
        return Archive(
            got.path, got.digest, self.name, url, evidence, TarballCompression.XZ, trust=self.trust
        )
