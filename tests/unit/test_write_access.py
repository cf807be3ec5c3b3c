"""What cannot be written is found before the work, and what is only read needs no write."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import MachineError
from ingot.files import locked
from ingot.oci import (
    Layout,
    Platform,
    collect_garbage,
    directory_entry,
    write_image,
    write_layer,
)
from ingot.write_access import free_to_read, locked_to_read, require_writable


@pytest.fixture(params=[errno.EROFS, errno.EACCES])
def read_only(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A directory in which no file can be opened for writing, whoever the user is."""
    directory = tmp_path / "store"
    directory.mkdir()
    layout = Layout(directory)
    layer = write_layer(layout, [directory_entry("boot")], 0)
    layout.tag({"a:1": write_image(layout, [layer], Platform("linux", "amd64"), {}, {}, 0)})
    real = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(directory)):
            raise OSError(request.param, os.strerror(request.param), str(path))
        return real(path, flags, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(os, "access", lambda *_: False)
        yield directory


def test_a_store_that_is_read_only_can_be_read(read_only: Path) -> None:
    layout = Layout(read_only)
    with pytest.raises(MachineError), layout.in_use():
        pass
    with layout.being_read():
        assert list(layout.tags()) == ["a:1"]
    assert not collect_garbage(layout, dry_run=True).skipped
    with pytest.raises(MachineError):
        collect_garbage(layout)


def test_what_cannot_be_written_is_found_before_the_work(read_only: Path) -> None:
    with pytest.raises(MachineError, match=r"the image store .* cannot be written"):
        Layout(read_only).require_writable()
    with pytest.raises(MachineError, match=r"the catalog .* cannot be written"):
        require_writable(read_only / "not" / "there", "the catalog")


def test_a_store_that_does_not_exist_is_not_made_to_read_it(tmp_path: Path) -> None:
    with Layout(tmp_path / "store").being_read():
        pass
    assert not list(tmp_path.iterdir())
    require_writable(tmp_path / "store", "the image store")


def test_a_lock_that_can_be_taken_is_taken(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked_to_read(lock), free_to_read(lock) as free:
        assert not free
    with locked(lock, shared=True), locked_to_read(lock):
        pass
    with free_to_read(lock) as free:
        assert free
