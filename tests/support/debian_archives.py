"""A signed Debian archive, and fetching from it."""

from __future__ import annotations

import gzip
import lzma
from dataclasses import dataclass, field
from pathlib import Path

from ingot.digest import Digest
from ingot.source.debian.debian_origin import DebianArchive
from ingot.source.origin import Archive
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION
from tests.support.web_servers import Web

TARBALL = "linux_6.1.176.orig.tar.xz"


@dataclass
class Suite:
    """One suite to serve below /debian (or /debian-security)."""

    name: str
    tarball: bytes
    versions: tuple[str, ...] = ("6.1.176-1",)
    served: bool = True
    base: str = "/debian"
    listed: dict[str, str] = field(default_factory=dict)

    @property
    def pool(self) -> str:
        return f"pool/{self.name}/main/l/linux"

    def sources(self) -> bytes:
        paragraphs = ["Package: linux-firmware\nVersion: 6.1.176-1\nDirectory: x\n"]
        for version in self.versions:
            upstream = version.split("-")[0]
            paragraphs.append(
                f"Package: linux\nBinary: linux-doc\nVersion: {version}\nDirectory: {self.pool}\n"
                "Checksums-Sha256:\n"
                f" {'0' * 64} 123 linux_{version}.dsc\n"
                f" {Digest.of(self.tarball).hex} {len(self.tarball)} linux_{upstream}.orig.tar.xz\n"
            )
        return "\n".join(paragraphs).encode()

    def publish(self, web: Web, keys: Keys, by_hash: bool = True, compress: str = "xz") -> None:
        index = self.sources()
        packed = lzma.compress(index) if compress == "xz" else gzip.compress(index)
        component = "updates/main" if self.name.endswith("-security") else "main"
        text = (
            f"Origin: Debian\nSuite: whatever\nCodename: {self.name}\n"
            f"Valid-Until: Sat, 01 Jan 2000 00:00:00 UTC\nComponents: {component}\n"
            f"Acquire-By-Hash: {'yes' if by_hash else 'no'}\nSHA256:\n"
            f" {'1' * 64} 5 main/source/Release\n"
            f" {Digest.of(packed).hex} {len(packed)} main/source/Sources.{compress}\n"
        )
        at = f"{self.base}/dists/{self.name}"
        web.files[f"{at}/InRelease"] = keys.good.inline(text.encode())
        if by_hash:
            name = f"{at}/main/source/by-hash/SHA256/{Digest.of(packed).hex}"
        else:
            name = f"{at}/main/source/Sources.{compress}"
        web.files[name] = packed
        if self.served:
            web.files[f"{self.base}/{self.pool}/{TARBALL}"] = self.tarball


def fetch(
    web: Web,
    keys: Keys,
    downloads: Path,
    *suites: str,
    notes: Notes | None = None,
    expected: Digest | None = None,
) -> Archive:
    mirrors = (f"{web.url}/debian", f"{web.url}/debian-security/")
    origin = DebianArchive(
        suites or ("a",), keys.good.keyring, tuple(m.rstrip("/") for m in mirrors)
    )
    return origin.fetch(VERSION, downloads, expected, notes or Notes())
