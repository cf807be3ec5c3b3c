"""Kernels that the programs compressed which the kernel's build calls, and as it calls them.

Source of the command lines: kernel, scripts/Makefile.lib and scripts/xz_wrap.sh.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from ingot.kernel_file import KernelCompression, embedded_config, read_kernel
from tests.support import kernel_files as samples

COMMANDS = {
    KernelCompression.GZIP: "gzip -n -f -9",
    KernelCompression.XZ: "xz --check=crc32 --x86 --lzma2=dict=32MiB",
    KernelCompression.LZMA: "xz --format=lzma -9",
    KernelCompression.BZIP2: "bzip2 -9",
    KernelCompression.LZO: "lzop -9",
    KernelCompression.LZ4: "lz4 -l -9 - -",
    KernelCompression.ZSTD: "zstd -19",
}
EVERY = pytest.mark.parametrize("compression", KernelCompression, ids=lambda each: each.value)
LARGE = samples.vmlinux().ljust(9 << 20, b"\0")
"""More than a block of any of them."""


def compress(data: bytes, compression: KernelCompression) -> bytes:
    done = subprocess.run(
        COMMANDS[compression].split(), input=data, capture_output=True, check=True, timeout=60
    )
    return done.stdout


@EVERY
@pytest.mark.parametrize("plain", [samples.vmlinux(), LARGE], ids=["small", "large"])
def test_a_kernel_is_read_as_its_build_compresses_it(
    tmp_path: Path, plain: bytes, compression: KernelCompression
) -> None:
    packed = compress(plain, compression)
    path = tmp_path / "vmlinux.packed"
    for data in (packed, packed + struct.pack("<I", len(plain))):
        path.write_bytes(data)
        kernel = read_kernel(path)
        assert kernel.compression is compression
        assert kernel.content == plain
    payload = samples.with_size(packed, plain)
    assert embedded_config(samples.bzimage(payload), "bzImage") == samples.CONFIG
