"""The digest of a tree: the same for the same content, another for any other."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.errors import UserError
from ingot.files import remove_tree
from ingot.source.trees.tree_digest import tree_digest

names = st.text("abAB.-é/", min_size=1, max_size=6).map(lambda name: f"d/{name}".replace("/", "_"))
trees = st.dictionaries(names, st.tuples(st.binary(max_size=8), st.booleans()), max_size=6)


def write(root: Path, files: list[tuple[str, tuple[bytes, bool]]]) -> None:
    for name, (content, executable) in files:
        path = root / ("sub" if len(name) % 2 else ".") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o700 if executable else 0o600)


@given(trees, st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_creation_does_not_matter(
    files: dict[str, tuple[bytes, bool]], random: object
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        write(Path(one), list(files.items()))
        shuffled = list(files.items())
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        write(Path(two), shuffled)
        for path in Path(two).rglob("*"):
            os.utime(path, (1, 1))
        assert tree_digest(Path(one)) == tree_digest(Path(two))


def make(root: Path) -> Path:
    (root / "a").mkdir(parents=True)
    (root / "a" / "file").write_text("text")
    (root / "link").symlink_to("a/file")
    return root


def replace(link: Path, target: str = "", text: str = "") -> None:
    link.unlink()
    if target:
        link.symlink_to(target)
    else:
        link.write_text(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "a/file").write_text("other"),
    "executable": lambda root: (root / "a/file").chmod(0o755),
    "name": lambda root: (root / "a/file").rename(root / "a/other"),
    "place": lambda root: (root / "a/file").rename(root / "file"),
    "new file": lambda root: (root / "new").write_text(""),
    "target": lambda root: replace(root / "link", target="a"),
    "file for link": lambda root: replace(root / "link", text="a/file"),
    "nested .git": lambda root: (root / "a/.git").write_text("x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_it(tmp_path: Path, change: str) -> None:
    root = make(tmp_path / "tree")
    before = tree_digest(root)
    CHANGES[change](root)
    assert tree_digest(root) != before


def test_what_is_not_content(tmp_path: Path) -> None:
    root = make(tmp_path / "tree")
    before = tree_digest(root)
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("x")
    (root / "empty").mkdir()
    (root / "a" / "file").chmod(0o640)
    assert tree_digest(root) == before
    assert tree_digest(make(tmp_path / "elsewhere")) == before


def test_the_format_is_fixed(tmp_path: Path) -> None:
    """A change here changes the recipe of every kernel built from a local tree."""
    assert tree_digest(make(tmp_path / "tree")).short == "560eb282a7fa"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("s")
        with pytest.raises(UserError, match="neither a file"):
            tree_digest(tmp_path)


def test_a_tree_deeper_than_python_recurses(tmp_path: Path) -> None:
    inner = tmp_path
    for _ in range(1500):
        inner = inner / "d"
        inner.mkdir()
    (inner / "file").write_text("x")
    try:
        assert tree_digest(tmp_path)
    finally:
        remove_tree(tmp_path / "d")
