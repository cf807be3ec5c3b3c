"""`--source PATH`: a tarball or a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.source.local_source import LocalTarball, local_source
from ingot.source.origin import Archive
from ingot.source.trees.source_cache import SourceCache
from tests.support.progress import Notes
from tests.support.tarballs import EPOCH, VERSION

MakeArchive = Callable[..., Archive]
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 176\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "linux"
    tree.mkdir()
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "Kconfig").write_text("mainmenu\n")
    return tree


def test_a_tree_is_used_where_it_is(tree: Path, cache: SourceCache, notes: Notes) -> None:
    source = local_source(tree, VERSION, cache, notes)
    assert (source.tree, source.origin, source.epoch, source.url) == (tree, "local", 0, "")
    assert "no signature" in source.evidence
    assert not cache.root.exists()
    (tree / "Kconfig").write_text("changed\n")
    assert local_source(tree, VERSION, cache, notes).digest != source.digest


def test_a_tarball_is_cached_and_stays(
    archive: MakeArchive, cache: SourceCache, notes: Notes
) -> None:
    made = archive()
    source = local_source(made.path, VERSION, cache, notes)
    assert (source.digest, source.epoch, source.origin) == (made.digest, EPOCH, "local")
    assert source.tree.parent.parent == cache.root
    assert made.path.exists()


def test_a_pinned_tarball(archive: MakeArchive, tmp_path: Path, notes: Notes) -> None:
    made = archive()
    origin = LocalTarball(made.path)
    assert origin.fetch(VERSION, tmp_path, made.digest, notes).digest == made.digest
    with pytest.raises(VerificationError, match="not the pinned"):
        origin.fetch(VERSION, tmp_path, Digest.of(b"x"), notes)


@pytest.mark.parametrize(
    "file, text, word, hint",
    [
        ("Makefile", None, "no top-level Makefile", "directory that has"),
        ("Kconfig", None, "no top-level Kconfig", "directory that has"),
        ("Makefile", MAKEFILE.replace("176", "175"), "says 6.1.175", "request that version"),
        ("Makefile", "all:\n", r"says \?\.\?\.\?", "request that version"),
        (".config", "", "it has .config", "mrproper"),
        ("include/config/auto.conf", "", "it has include/config", "mrproper"),
        ("arch/x86/include/generated/x.h", "", "include/generated", "mrproper"),
    ],
)
def test_trees_that_cannot_be_built(
    tree: Path, cache: SourceCache, notes: Notes, file: str, text: str | None, word: str, hint: str
) -> None:
    path = tree / file
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(UserError, match=word) as caught:
        local_source(tree, VERSION, cache, notes)
    assert hint in caught.value.hint


def test_nothing_there_and_no_tarball(tmp_path: Path, cache: SourceCache, notes: Notes) -> None:
    with pytest.raises(UserError, match="there is no source"):
        local_source(tmp_path / "none", VERSION, cache, notes)
    (tmp_path / "file").write_text("text")
    with pytest.raises(UserError, match="not a tarball"):
        local_source(tmp_path / "file", VERSION, cache, notes)
