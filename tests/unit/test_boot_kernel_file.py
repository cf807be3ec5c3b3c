"""What a file is, before any machine is started with it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ingot.boot.kernel_file import KernelFile, read_kernel
from ingot.errors import UserError

BANNER = b"Linux version 6.1.176-x (ingot@ingot) #1\n"


def elf(machine: int, rest: bytes = BANNER) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + bytes(44) + rest


def bzimage(release: bytes = b"6.1.176 (ingot@ingot)\0") -> bytes:
    data = bytearray(0x400)
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x20E, 0x100 if release else 0)
    data[0x300 : 0x300 + len(release)] = release
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (elf(62), KernelFile("vmlinux", "x86_64", "6.1.176-x")),
        (elf(183), KernelFile("vmlinux", "arm64", "6.1.176-x")),
        (elf(243), KernelFile("vmlinux", None, "6.1.176-x")),
        (bzimage(), KernelFile("bzImage", "x86_64", "6.1.176")),
        (bzimage(b""), KernelFile("bzImage", "x86_64", None)),
        (bytes(56) + b"ARM\x64" + BANNER, KernelFile("Image", "arm64", "6.1.176-x")),
        (bytes(56) + b"ARM\x64", KernelFile("Image", "arm64", None)),
    ],
)
def test_a_kernel_tells_its_arch_and_release(
    data: bytes, found: KernelFile, tmp_path: Path
) -> None:
    (tmp_path / "kernel").write_bytes(data)
    assert read_kernel(tmp_path / "kernel") == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        elf(62, b"a program"),
        b"#!/bin/sh\n",
        b"\x1f\x8b" + bytes(600),
        b"Linux version 6.1.176 (but no kernel)",
        bzimage()[:0x203],
        bytes(59),
    ],
)
def test_what_is_no_kernel_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "kernel").write_bytes(data)
    with pytest.raises(UserError, match="kernel is no kernel"):
        read_kernel(tmp_path / "kernel")


def test_a_header_that_is_cut_off_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "kernel").write_bytes(bzimage()[:0x206])
    with pytest.raises(UserError, match="is no kernel"):
        read_kernel(tmp_path / "kernel")
