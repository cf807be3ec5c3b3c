from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from ingot.digest import Digest
from ingot.errors import MachineError, VerificationError
from ingot.files import STAGING_PREFIX
from ingot.oci import Descriptor, Layout

TYPE = "application/octet-stream"


@pytest.mark.parametrize("content", [b"alteree", b"altered!", b"alter", b""])
@pytest.mark.parametrize("size", [-1, 1, 3, 100])
def test_altered_blobs_are_never_read_to_the_end(layout: Layout, content: bytes, size: int) -> None:
    blob = layout.write_blob([b"altered"], TYPE)
    layout.blobs.path(blob.digest).write_bytes(content)
    handed_out = b""
    with pytest.raises(VerificationError), layout.open_blob(blob) as reader:
        while chunk := reader.read(size):
            handed_out += chunk
    assert len(handed_out) < blob.size


def test_the_right_bytes_come_out(layout: Layout) -> None:
    blob = layout.write_blob([b"al", b"", b"tered"], TYPE)
    assert blob == Descriptor(TYPE, Digest.of(b"altered"), 7)
    with layout.open_blob(blob) as reader:
        assert [reader.read(4), reader.read(), reader.read()] == [b"alte", b"red", b""]
    empty = layout.write_blob([], TYPE)
    assert layout.read_blob(empty) == b""


def test_missing_blob(layout: Layout) -> None:
    with pytest.raises(VerificationError, match="missing"):
        layout.open_blob(Descriptor(TYPE, Digest.of(b"never"), 5))


def test_a_blob_is_written_once(layout: Layout) -> None:
    blob = layout.write_blob([b"same"], TYPE)
    path = layout.blobs.path(blob.digest)
    before = path.stat().st_ino
    assert layout.write_blob([b"same"], TYPE) == blob
    assert path.stat().st_ino == before
    path.write_bytes(b"sa")  # not whole: written anew
    layout.write_blob([b"same"], TYPE)
    assert layout.read_blob(blob) == b"same"


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_an_interrupted_write_leaves_nothing(layout: Layout, failure: BaseException) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"begun"
        raise failure

    expected = MachineError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        layout.write_blob(chunks(), TYPE)
    assert not list(layout.blobs.directory.iterdir())


def test_the_final_name_comes_after_the_flush(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ingot.oci.blobs as module

    def die(temporary: Path, file: BinaryIO, path: Path) -> None:
        assert temporary.name.startswith(STAGING_PREFIX)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(module, "commit_file", die)
    with pytest.raises(MachineError, match="no space left"):
        layout.write_blob([b"x"], TYPE)
    assert not list(layout.blobs.names())
