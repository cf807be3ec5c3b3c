"""The config that a kernel carries: found in every format and compression."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.errors import UserError
from ingot.kernel_file import KernelCompression, embedded_config, read_kernel
from ingot.kernel_file.ikconfig import search_config
from tests.support import kernel_files as samples

CONFIG = "CONFIG_A=y\n# CONFIG_B is not set\n"
EVERY = pytest.mark.parametrize("compression", KernelCompression, ids=lambda each: each.value)


def kernel(config: bytes = CONFIG.encode()) -> bytes:
    return (
        b"\x7fELF..IKCFG_STno."
        + b"IKCFG_ST"
        + gzip.compress(config, mtime=0)
        + b"IKCFG_ED"
        + bytes(99)
    )


@pytest.mark.parametrize(
    "image",
    [
        kernel(),
        gzip.compress(kernel(), mtime=0) + b"trailing",
        b"MZ setup code" + gzip.compress(kernel(), mtime=0),
        b"MZ" + lzma.compress(kernel()) + b"trailing",
        b"MZ" + lzma.compress(kernel(), format=lzma.FORMAT_ALONE, preset=9),
        b"MZ" + bz2.compress(kernel()),
        b"\x1f\x8b\x08 by chance " + gzip.compress(kernel(), mtime=0),
    ],
    ids=["plain", "gzip", "behind setup code", "xz", "lzma", "bzip2", "after a false start"],
)
def test_a_kernel_gives_the_config_it_carries(image: bytes) -> None:
    assert embedded_config(image, "kernel") == CONFIG


@pytest.mark.parametrize(
    "image",
    [
        b"",
        os.urandom(4096),
        b"IKCFG_STIKCFG_ED",
        b"IKCFG_ST" + gzip.compress(b"x", mtime=0),
        b"IKCFG_ST\x1f\x8bnonsenseIKCFG_ED",
        gzip.compress(b"no config", mtime=0),
        gzip.compress(kernel(), mtime=0)[:40],
    ],
)
def test_what_carries_none_is_named(image: bytes) -> None:
    with pytest.raises(UserError, match=r"^kernel (has no kernel config|cannot be decompressed)"):
        embedded_config(image, "kernel")


def test_marks_of_compression_without_end_cost_no_memory() -> None:
    """A list of all of them would be fifty times the kernel."""
    kernel = b"\x1f\x8b\x08" * (1 << 20)
    tracemalloc.start()
    assert search_config(kernel) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(kernel)


@EVERY
def test_a_bzimage_gives_its_config(compression: KernelCompression) -> None:
    plain = samples.vmlinux()
    payload = samples.with_size(samples.compress(plain, compression), plain)
    assert embedded_config(samples.bzimage(payload), "bzImage") == samples.CONFIG


@pytest.mark.parametrize(
    ("named", "compression"),
    [
        *((each.value.encode(), each) for each in KernelCompression),
        (b"xzkern", KernelCompression.XZ),
        (b"zstd22", KernelCompression.ZSTD),
    ],
)
def test_an_efi_zboot_image_gives_its_config(named: bytes, compression: KernelCompression) -> None:
    image = samples.zboot(samples.compress(samples.image(), compression), named)
    assert embedded_config(image, "vmlinuz.efi") == samples.CONFIG


@EVERY
def test_a_kernel_that_is_compressed_as_a_whole_gives_its_config(
    compression: KernelCompression,
) -> None:
    for plain in (samples.image(), samples.vmlinux()):
        packed = samples.compress(plain, compression)
        assert embedded_config(samples.with_size(packed, plain), "kernel") == samples.CONFIG


@EVERY
def test_a_file_of_an_unknown_format_is_searched(compression: KernelCompression) -> None:
    old = samples.bzimage(samples.compress(samples.vmlinux(), compression), protocol=0x207)
    assert embedded_config(old, "bzImage") == samples.CONFIG
    other = b"a loader for another arch" + samples.compress(samples.vmlinux(), compression)
    assert embedded_config(other, "kernel") == samples.CONFIG


def test_a_search_has_a_limit_for_all_that_it_decompresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.kernel_file.ikconfig._SEARCH_BYTES", 1 << 20)
    large = gzip.compress(bytes(1 << 20), mtime=0)
    assert search_config(b"MZ" + large + gzip.compress(kernel(), mtime=0)) is None
    assert search_config(b"MZ" + gzip.compress(kernel(), mtime=0)) == CONFIG


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (samples.vmlinux(b""), "a vmlinux of Linux 6.1.176-x, built without CONFIG_IKCONFIG"),
        (samples.image(b""), "an arm64 Image of Linux 6.1.176-x, built without"),
        (gzip.compress(samples.image(b"")), "compressed with gzip, built without"),
        (b"hello", "is not a .config and not a vmlinux"),
    ],
)
def test_a_kernel_without_a_config_is_told_from_what_is_not_a_kernel(
    content: bytes, why: str
) -> None:
    with pytest.raises(UserError, match="file has no kernel config") as caught:
        embedded_config(content, "file")
    assert why in caught.value.why


PLAIN = samples.vmlinux(b"")
PAYLOAD = samples.with_size(samples.compress(PLAIN, KernelCompression.ZSTD), PLAIN)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (samples.bzimage(PAYLOAD, size=1 << 31), "its payload is cut off"),
        (samples.bzimage(PAYLOAD, size=3), "its payload is cut off"),
        (samples.bzimage(PAYLOAD, size=len(PAYLOAD) - 20), "it ends too early"),
        (samples.bzimage(PAYLOAD[:-4] + bytes(4)), "bytes instead of 0"),
        (samples.bzimage(b"unknown payload"), "its payload begins with 75 6e 6b 6e"),
        (samples.zboot(PAYLOAD, b"gzip"), "it is damaged"),
        (samples.zboot(PAYLOAD, b"new"), "a compression that Ingot does not know: 'new'"),
        (samples.zboot(PAYLOAD, b"zstd22")[:200], "its payload is cut off"),
        (PAYLOAD[:-20], "it ends too early"),
    ],
)
def test_a_damaged_kernel_is_named_with_what_is_wrong(content: bytes, why: str) -> None:
    with pytest.raises(UserError, match="file cannot be decompressed") as caught:
        embedded_config(content, "file")
    assert why in caught.value.why
    assert caught.value.hint


MUTATED = [
    samples.vmlinux(notes=samples.PVH_NOTE),
    samples.image(),
    *(samples.compress(samples.image(), each) for each in KernelCompression),
    *(
        samples.bzimage(samples.with_size(samples.compress(samples.vmlinux(), each), PLAIN))
        for each in KernelCompression
    ),
    *(
        samples.zboot(samples.compress(samples.image(), each), each.value.encode())
        for each in KernelCompression
    ),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(MUTATED),
    st.lists(st.tuples(st.integers(0, 2000) | st.integers(0, 20000), st.binary(max_size=6))),
    st.none() | st.integers(0, 20000),
)
def test_no_damage_gives_another_error_than_a_users(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    changes: list[tuple[int, bytes]],
    size: int | None,
) -> None:
    for at, piece in changes:
        at %= len(content)
        content = content[:at] + piece + content[at + len(piece) :]
    content = content[:size]
    path = tmp_path_factory.getbasetemp() / "mutated-kernel"
    path.write_bytes(content)
    try:
        kernel = read_kernel(path)
        kernel.has_pvh_entry()
        kernel.config()
    except UserError as error:
        assert path.name in str(error)
    try:
        embedded_config(content, path.name)
    except UserError as error:
        assert path.name in str(error)
