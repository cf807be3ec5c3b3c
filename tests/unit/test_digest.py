"""Digests: one way to write them, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.digest import Digest
from ingot.errors import UserError

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_nothing_is_the_well_known_one() -> None:
    assert str(Digest.of(b"")) == f"sha256:{EMPTY}"
    assert Digest.of(b"").short == "e3b0c44298fc"


@given(st.binary())
def test_a_digest_reads_back_with_and_without_its_prefix(data: bytes) -> None:
    digest = Digest.of(data)
    assert Digest.parse(str(digest)) == Digest.parse(digest.hex) == digest
    assert digest.hex == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        EMPTY[:-1],
        EMPTY + "0",
        EMPTY.upper(),
        f"sha512:{EMPTY}",
        f"sha256:sha256:{EMPTY}",
        EMPTY + "\n",
        EMPTY[:-1] + "g",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a sha256 digest"):
        Digest.parse(text)


def test_a_file_has_the_digest_of_its_bytes_and_tells_how_many_were_read(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000  # more than one read
    path = tmp_path / "file"
    path.write_bytes(data)
    read: list[int] = []
    assert Digest.of_file(path, read.append) == Digest.of(data)
    assert sum(read) == len(data)
    assert len(read) > 1
