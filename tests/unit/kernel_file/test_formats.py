"""What a file is, before any machine is started with it."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.kernel_file import Format, KernelCompression, KernelFile, read_bootable, read_kernel
from tests.support import kernel_files as samples

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
        (elf(62), KernelFile("kernel", Format.VMLINUX, "x86_64", "6.1.176-x")),
        (elf(183), KernelFile("kernel", Format.VMLINUX, "arm64", "6.1.176-x")),
        (elf(243), KernelFile("kernel", Format.VMLINUX, None, "6.1.176-x")),
        (bzimage(), KernelFile("kernel", Format.BZIMAGE, "x86_64", "6.1.176")),
        (bzimage(b""), KernelFile("kernel", Format.BZIMAGE, "x86_64", None)),
        (bytes(56) + b"ARM\x64" + BANNER, KernelFile("kernel", Format.IMAGE, "arm64", "6.1.176-x")),
        (bytes(56) + b"ARM\x64", KernelFile("kernel", Format.IMAGE, "arm64", None)),
    ],
)
def test_a_kernel_file_says_its_arch_and_release(
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
def test_what_is_not_a_kernel_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "kernel").write_bytes(data)
    with pytest.raises(UserError, match="kernel is not a kernel"):
        read_kernel(tmp_path / "kernel")


def test_a_header_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kernel").write_bytes(bzimage()[:0x206])
    with pytest.raises(UserError, match="is not a kernel"):
        read_kernel(tmp_path / "kernel")


@pytest.mark.parametrize("compression", KernelCompression, ids=lambda each: each.value)
@pytest.mark.parametrize("plain", [samples.vmlinux(), samples.image()], ids=["vmlinux", "Image"])
def test_a_kernel_that_is_compressed_as_a_whole(
    plain: bytes, compression: KernelCompression, tmp_path: Path
) -> None:
    path = tmp_path / "kernel"
    path.write_bytes(samples.with_size(samples.compress(plain, compression), plain))
    found = read_kernel(path)
    assert (found.release, found.compression) == ("6.1.176-x", compression)
    assert found.content == plain
    assert not found.bootable
    with pytest.raises(UserError, match=f"compressed with {compression.value}, which no VMM"):
        read_bootable(path)


@pytest.mark.parametrize(("machine", "arch"), [(0xAA64, "arm64"), (0x5064, None)])
def test_an_efi_zboot_image_is_recognised_and_not_booted(
    machine: int, arch: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(samples.zboot(b"", b"gzip", machine))
    assert read_kernel(path) == KernelFile("vmlinuz", Format.ZBOOT, arch)
    with pytest.raises(UserError, match="an EFI zboot image, which no VMM"):
        read_bootable(path)


def test_a_pe_header_outside_the_file_names_no_arch(tmp_path: Path) -> None:
    data = bytearray(samples.zboot(b"", b"gzip"))
    struct.pack_into("<I", data, 60, 0xFFFFFFFF)
    (tmp_path / "vmlinuz").write_bytes(data)
    assert read_kernel(tmp_path / "vmlinuz").arch is None


@pytest.mark.parametrize("size", [10, 30, 200])
def test_a_compressed_kernel_that_is_cut_off_is_named(size: int, tmp_path: Path) -> None:
    path = tmp_path / "vmlinux.zst"
    path.write_bytes(samples.compress(samples.vmlinux(), KernelCompression.ZSTD)[:size])
    with pytest.raises(UserError, match=r"vmlinux.zst cannot be decompressed.*zstd.*too early"):
        read_kernel(path)


def test_something_else_that_is_compressed_is_not_a_kernel(tmp_path: Path) -> None:
    (tmp_path / "tree.tar.xz").write_bytes(samples.compress(b"a tree", KernelCompression.XZ))
    with pytest.raises(UserError, match="is not a kernel"):
        read_kernel(tmp_path / "tree.tar.xz")


def test_a_device_is_not_a_kernel() -> None:
    with pytest.raises(UserError, match="not a regular file"):
        read_kernel(Path("/dev/null"))


def test_a_pvh_entry_is_found_compressed_or_not(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    for data in (plain := samples.vmlinux(notes=samples.PVH_NOTE), gzip.compress(plain)):
        path.write_bytes(data)
        assert read_kernel(path).has_pvh_entry()
    for data in (samples.vmlinux(), samples.image(), samples.bzimage(b"")):
        path.write_bytes(data)
        assert not read_kernel(path).has_pvh_entry()
