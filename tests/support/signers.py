"""Keys that sign releases, and keyrings that trust them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Signer:
    """A GnuPG home with one key."""

    home: Path
    fingerprint: str
    keyring: Path

    def _gpg(self, *arguments: str, data: bytes, faked: str = "") -> bytes:
        time = ["--faked-system-time", faked] if faked else []
        argv = ["gpg", "--homedir", str(self.home), "--batch", "-q", *time, *arguments]
        return subprocess.run(argv, input=data, check=True, capture_output=True).stdout

    def detached(self, data: bytes, faked: str = "") -> bytes:
        return self._gpg("--detach-sign", "--armor", data=data, faked=faked)

    def inline(self, data: bytes) -> bytes:
        return self._gpg("--clearsign", data=data)


@dataclass
class Keys:
    good: Signer
    other: Signer
    expired: Signer
    """Its signatures were good when made, but the key has expired since."""
    revoked: Signer

    def both(self, directory: Path) -> Path:
        """A keyring with two keys, as Debian's has many."""
        path = directory / "both.gpg"
        path.write_bytes(self.good.keyring.read_bytes() + self.expired.keyring.read_bytes())
        return path
