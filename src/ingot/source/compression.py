"""What a tarball is compressed with, told by its first bytes, not by its name."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

from ingot.errors import UserError, VerificationError

MAX_BYTES = 8 << 30
"""The largest tar, in bytes uncompressed: five times a kernel of 2026."""

_CHUNK = 1 << 20
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xfd7zXZ\0", "xz -T0"),  # all cores, where the file has blocks and xz is 5.4 or newer
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (257, b"ustar", ""),
)


def decompressor(path: Path) -> str:
    """The command that decompresses a tarball (with `-d`); empty if it is not compressed.

    Raises UserError if the file is no tarball that Ingot reads.
    """
    with path.open("rb") as file:
        head = file.read(512)
    for offset, magic, command in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return command
    raise UserError(
        f"{path} is not a tarball",
        why="it starts like none of .tar, .tar.xz, .tar.gz and .tar.zst",
        hint="a download that is really an error page looks like this: check the file",
    )


def unxz(path: Path, on_bytes: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The decompressed bytes of an .xz file; `on_bytes` hears the compressed offset.

    Raises VerificationError if the file is truncated or corrupt, or if more than MAX_BYTES come
    of it: what a signature is to be checked over is not known to be good yet.
    """
    done = 0
    with path.open("rb") as raw, lzma.open(raw) as file:
        try:
            while chunk := file.read(_CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise VerificationError(
                        f"{path.name.removesuffix('.part')} was refused",
                        why=f"it holds more than {MAX_BYTES >> 30} GiB",
                        hint="no kernel release is as large: do not use this file",
                    )
                yield chunk
                if on_bytes:
                    on_bytes(raw.tell())
        except (EOFError, lzma.LZMAError) as error:
            raise VerificationError(
                f"{path.name.removesuffix('.part')} is truncated or corrupt",
                why=str(error),
                hint="run the same command again to download it anew",
            ) from error
