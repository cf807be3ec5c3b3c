"""The origin kernel.org: `linux-<version>.tar.xz` and the signature on the tar inside.

kernel.org signs the *uncompressed* tar (https://www.kernel.org/signature.html), so checking
the signature means decompressing everything once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.progress import Progress, Step
from ingot.source.compression import unxz
from ingot.source.download import Wanted, download
from ingot.source.model import Archive
from ingot.source.signature import verify_detached
from ingot.version import KernelVersion

_SIGNATURE_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class KernelOrg:
    """Releases below `base_url`, signed by a key in the (binary) `keyring`."""

    keyring: Path
    base_url: str = "https://cdn.kernel.org/pub/linux/kernel"
    name: str = "kernel.org"

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch. The evidence is the fingerprint of the signer's primary key."""
        from ingot.source.http import fetch_bytes  # late: it loads requests

        stem = f"{self.base_url}/v{version.series.major}.x/linux-{version}.tar"
        # First, since it is small: a version that is not there is told at once.
        signature = fetch_bytes(f"{stem}.sign", _SIGNATURE_LIMIT)

        def verify(path: Path, step: Step) -> str:
            size = path.stat().st_size

            def report(done: int) -> None:
                step.advance(done, size, "checking the signature")

            what = f"linux-{version}.tar"
            signer = verify_detached(signature, unxz(path, report), self.keyring, what)
            return f"signed by {signer}"

        wanted = Wanted(f"{stem}.xz", f"linux-{version}.tar.xz", digest=expected)
        got = download(wanted, downloads, progress, verify)
        return Archive(got.path, got.digest, self.name, wanted.url, got.evidence)
