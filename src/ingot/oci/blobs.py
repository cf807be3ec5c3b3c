"""Content-addressed files: the `blobs/sha256` directory of an OCI layout.

    blobs/sha256/
      <64 hex digits>      one blob, which is never changed
      .staging-*           a blob that is being written, or that a killed writer left

A blob is renamed to its final name after all its bytes are on the disk, so that a blob with a
final name is complete. Source: OCI image-spec 1.1, image-layout.md, "Blobs".
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import STAGING_PREFIX, commit_file, disk_errors, staging_file
from ingot.oci.descriptor import Descriptor
from ingot.oci.limits import DOCUMENT_BYTES

_CHUNK = 1 << 20
_BLOB_NAME = re.compile(r"[0-9a-f]{64}")


class BlobReader:
    """Reads one blob; the last bytes are returned only if size and digest are right.

    Truncated, lengthened or altered content raises VerificationError.
    """

    def __init__(self, file: BinaryIO, descriptor: Descriptor, path: Path) -> None:
        self._file = file
        self._descriptor = descriptor
        self._path = path
        self._hasher = hashlib.sha256()
        self._left = descriptor.size
        self._check_if_done()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, or all that are left if negative; empty at the verified end."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        if wanted and not data:
            raise damaged(self._descriptor, self._path, f"{self._left} bytes are missing")
        self._hasher.update(data)
        self._left -= len(data)
        self._check_if_done()
        return data

    def drain(self) -> None:
        """Read the rest, so that the blob is verified."""
        for _ in self:
            pass

    def _check_if_done(self) -> None:
        if self._left:
            return
        if self._file.read(1):
            raise damaged(self._descriptor, self._path, "it has too many bytes")
        actual = Digest(self._hasher.hexdigest())
        if actual != self._descriptor.digest:
            raise damaged(self._descriptor, self._path, f"its content has the digest {actual}")

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def damaged(descriptor: Descriptor, path: Path, why: str) -> VerificationError:
    """The error for a blob that does not match its descriptor."""
    return VerificationError(
        f"blob {descriptor.digest.short} of the image store is damaged",
        why=why,
        hint=f"remove {path} and build the image again",
    )


@dataclass(frozen=True, slots=True)
class Blobs:
    """The directory of blobs, without locking: `Layout` holds the locks."""

    directory: Path

    def path(self, digest: Digest) -> Path:
        return self.directory / digest.hex

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob exists with the right size; its content is checked when it is read."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def write(self, chunks: Iterable[bytes], media_type: str) -> Descriptor:
        """Store a stream of bytes under its digest. MachineError if the disk is full."""
        hasher, size = hashlib.sha256(), 0
        with disk_errors(self.directory), staging_file(self.directory) as (temporary, file):
            for chunk in chunks:
                hasher.update(chunk)
                size += file.write(chunk)
            descriptor = Descriptor(media_type, Digest(hasher.hexdigest()), size)
            if not self.has(descriptor):
                commit_file(temporary, file, self.path(descriptor.digest))
        return descriptor

    def open(self, descriptor: Descriptor) -> BlobReader:
        """A reader that verifies; VerificationError at once if the blob is absent."""
        path = self.path(descriptor.digest)
        try:
            # not blocking, since opening a pipe would wait for a writer
            opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise VerificationError(
                f"blob {descriptor.digest.short} is missing from the image store",
                why=f"there is no {path}",
                hint="build the image again",
            ) from error
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise damaged(descriptor, path, "it is not a regular file")
        file = os.fdopen(opened, "rb")
        try:
            return BlobReader(file, descriptor, path)
        except BaseException:
            file.close()
            raise

    def read(self, descriptor: Descriptor, limit: int = DOCUMENT_BYTES) -> bytes:
        """All bytes of a small blob, verified. UserError if it has more than `limit`."""
        if descriptor.size > limit:
            raise UserError(
                f"blob {descriptor.digest.short} is too large to be read",
                why=f"it has {descriptor.size:,} bytes; a document of an image has at most"
                f" {limit:,}",
            )
        with self.open(descriptor) as reader:
            return b"".join(reader)

    def names(self) -> Iterator[Path]:
        """The files of all blobs; other files in the directory are left out."""
        if self.directory.is_dir():
            yield from (p for p in self.directory.iterdir() if _BLOB_NAME.fullmatch(p.name))

    def leftovers(self) -> Iterator[Path]:
        """Staging files. They are stale unless a process is writing."""
        if self.directory.is_dir():
            yield from self.directory.glob(f"{STAGING_PREFIX}*")
