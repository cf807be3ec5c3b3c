"""Small releases of kernels, as tarballs."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from hashlib import sha256

from ingot.version import KernelVersion

VERSION = KernelVersion.parse("6.1.176")
EPOCH = 1_700_000_000
Member = tuple[str, bytes | None, dict[str, object]]


def make_tar(members: list[Member]) -> bytes:
    """A tar of (name, content, fields of TarInfo); no content unless it is a file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, fields in members:
            info = tarfile.TarInfo(name)
            info.mtime = EPOCH
            info.mode = 0o664
            for key, value in fields.items():
                setattr(info, key, value)
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


def kernel_members(version: str = "6.1.176", padding: int = 0) -> list[Member]:
    major, minor, patch = (*version.split("."), "0")[:3]
    makefile = f"# SPDX\nVERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = {patch}\n"
    top = f"linux-{version}"
    return [
        (f"{top}", None, {"type": tarfile.DIRTYPE, "mode": 0o775}),
        (f"{top}/Makefile", makefile.encode(), {}),
        (f"{top}/Kconfig", b"mainmenu\n", {}),
        (f"{top}/scripts", None, {"type": tarfile.DIRTYPE, "mode": 0o775}),
        (f"{top}/scripts/run.sh", b"#!/bin/sh\n", {"mode": 0o775}),
        (f"{top}/link", None, {"type": tarfile.SYMTYPE, "linkname": "scripts/run.sh"}),
        (f"{top}/pad", _noise(padding), {}),
    ]


def _noise(size: int) -> bytes:
    """Bytes that do not compress, the same ones every time."""
    blocks = (sha256(str(number).encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


@dataclass
class Release:
    """A kernel.org release: the tar, its compressed form, and where both are served."""

    tar: bytes
    xz: bytes
    path: str = "/v6.x/linux-6.1.176.tar.xz"
    sign: str = "/v6.x/linux-6.1.176.tar.sign"
