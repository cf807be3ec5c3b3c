"""Releases as kernel.org publishes them, and fetching them."""

from __future__ import annotations

from pathlib import Path

from ingot.digest import Digest
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.origin import Archive
from tests.support.progress import Notes
from tests.support.tarballs import VERSION
from tests.support.web_servers import Web

NAME = "linux-6.1.176.tar.xz"


def fetch(web: Web, keyring: Path, downloads: Path, expected: Digest | None = None) -> Archive:
    return KernelOrg(keyring, web.url).fetch(VERSION, downloads, expected, Notes())


def files(downloads: Path) -> list[str]:
    return sorted(path.name for path in downloads.iterdir() if not path.name.endswith(".lock"))


def list_of(*rows: tuple[str, bytes]) -> bytes:
    return "".join(f"{Digest.of(data).hex}  {name}\n" for name, data in rows).encode()
