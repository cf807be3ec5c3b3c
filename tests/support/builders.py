"""Builders of a few packages, and a machine to make them on."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ingot.builder import host_builder
from ingot.builder.builder_image import store
from ingot.builder.builder_lock import write_lock
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.oci import Image
from ingot.progress import Silent

SPEC = BuilderSpec("bookworm", "bookworm", ("bc",))
OLD = ("bc:amd64=1.0", "gcc:amd64=12.1")
NEW = ("bc:amd64=1.0", "gcc:amd64=12.2")


def status_of(packages: tuple[str, ...]) -> str:
    """dpkg's status file with these packages."""
    text = ""
    for line in packages:
        name, _, version = line.partition("=")
        name, _, where = name.partition(":")
        text += f"Package: {name}\nStatus: install ok installed\nArchitecture: {where}\n"
        text += f"Version: {version}\nDescription: something\n to do with: builders\n\n"
    return text


def put(
    site: Site,
    packages: tuple[str, ...] = OLD,
    spec: BuilderSpec = SPEC,
    status: str | None = None,
) -> Image:
    """An image of the store that says it is made of these packages."""
    tar = site.layout.root.parent / "root.tar"
    data = (status_of(packages) if status is None else status).encode()
    with tarfile.open(tar, "w") as archive:
        info = tarfile.TarInfo("./var/lib/dpkg/status")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    with Silent().step("store") as step:
        return store(spec, site, tar, packages, step)


def lock(site: Site, packages: tuple[str, ...], spec: BuilderSpec = SPEC) -> None:
    write_lock(site.lock_path(spec), spec.name, packages)


SAYS = {
    "x86_64-linux-gnu-gcc": "x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    "x86_64-linux-gnu-ld": "GNU ld (GNU Binutils for Debian) 2.40",
    "gcc": "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    "clang": "Debian clang version 14.0.6",
    "ld.lld": "Debian LLD 14.0.6 (compatible with GNU linkers)",
    "llvm-objcopy": "llvm-objcopy, compatible with GNU objcopy\nDebian LLVM version 14.0.6",
    "make": "GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu",
    "flex": "flex 2.6.4",
    "bison": "bison (GNU Bison) 3.8.2",
    "bc": "bc 1.07.1",
    "perl": "perl v5.36.0",
    "python3": "Python 3.11.2",
    "depmod": "kmod version 30",
}


class Machine:
    """A machine whose tools are a directory of programs that tell a version and do nothing else."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin = root / "bin"
        self.bin.mkdir()
        (root / "gelf.h").touch()
        for name, text in SAYS.items():
            self.has(name, text)
        monkeypatch.setattr(host_builder, "SEARCH_PATH", str(self.bin))
        monkeypatch.setattr(host_builder, "HEADERS", {"libelf": (str(root / "gelf.h"),)})

    def has(self, name: str, text: str, libc_a: str = "/usr/lib/libc.a") -> None:
        path = self.bin / name
        libc = f'case "$*" in *libc.a) echo {libc_a}; exit;; esac'
        path.write_text(f"#!/bin/sh\n{libc}\ncat <<'END'\n{text}\nEND\n")
        path.chmod(0o755)

    def lacks_libc(self) -> None:
        """Make the compilers answer as they do where there is no static libc."""
        for name, text in SAYS.items():
            self.has(name, text, "libc.a")

    def lacks(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def renames(self, name: str, new: str) -> None:
        (self.bin / name).rename(self.bin / new)
