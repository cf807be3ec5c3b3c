"""A copy of a user's tree: all of it that a build sees, nothing that a mode or a link brings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingot.confined_files import UnsafeFileError
from ingot.source.trees.tree_copy import copy_tree
from ingot.source.trees.tree_digest import tree_digest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "scripts").mkdir(parents=True)
    (tree / "Makefile").write_text("all:\n")
    (tree / "scripts/run.sh").write_text("true\n")
    (tree / "scripts/run.sh").chmod(0o4700)
    (tree / "link").symlink_to("scripts/run.sh")
    (tree / ".git").mkdir()
    (tree / ".git/config").write_text("[core]\n")
    (tree / "Makefile").chmod(0o600)
    os.utime(tree / "Makefile", (1_700_000_000, 1_700_000_000))
    return tree


def test_it_has_the_same_digest_and_times_and_can_be_read(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_tree(tree, copy)
    assert tree_digest(copy) == tree_digest(tree)
    assert (copy / "Makefile").stat().st_mtime == 1_700_000_000
    assert (copy / "Makefile").stat().st_mode & 0o7777 == 0o644
    assert (copy / "scripts/run.sh").stat().st_mode & 0o7777 == 0o755
    assert (copy / "link").is_symlink()
    assert not (copy / ".git").exists()
    assert (tree / "Makefile").stat().st_mode & 0o7777 == 0o600


def test_a_link_is_not_gone_through(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("secret")
    (tree / "out").symlink_to(tmp_path / "secrets")
    copy_tree(tree, tmp_path / "copy")
    assert (tmp_path / "copy/out").is_symlink()
    assert (tmp_path / "copy/out").readlink() == tmp_path / "secrets"


def test_a_pipe_is_no_part_of_a_tree(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tree / "pipe")
    with pytest.raises(UnsafeFileError, match="pipe"):
        copy_tree(tree, tmp_path / "copy")
