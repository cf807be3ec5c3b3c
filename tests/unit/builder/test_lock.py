"""The lock file of a builder: what is written is what is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingot.builder.builder_lock import read_lock, write_lock
from ingot.errors import UserError
from tests.support.builders import OLD


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "builders" / "bookworm-x86_64.lock"
    assert read_lock(path) is None
    write_lock(path, "bookworm", OLD)
    lock = read_lock(path)
    assert lock and lock.packages == OLD
    assert path.read_text().startswith("# The 2 packages of the builder 'bookworm'")


def test_its_digest_can_be_taken_by_anybody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    write_lock(path, "bookworm", OLD)
    lines = [line for line in path.read_text().splitlines(True) if not line.startswith("#")]
    lock = read_lock(path)
    assert lock and lock.digest.hex == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_order_of_lines_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("\n".join(["# mine", "", *reversed(OLD), ""]))
    lock = read_lock(path)
    assert lock and lock.packages == OLD


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bc:amd64=1\n<<<<<<< HEAD\n", "line 2, '<<<<<<< HEAD'"),
        ("bc amd64 1\n", "line 1"),
        ("bc:amd64=\n", "line 1"),
        ("bc:amd64=1 2\n", "line 1"),
    ],
)
def test_a_line_that_is_none_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "lock"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_lock(path)
    assert says in caught.value.why
    assert "ingot builder update" in caught.value.hint


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match="bytes is not UTF-8 text"):
        read_lock(tmp_path / "bytes")
    with pytest.raises(UserError, match="cannot be read"):
        read_lock(tmp_path)
