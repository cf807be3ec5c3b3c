"""A catalog that is found and not named: whose it must be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingot.catalog import ownership
from ingot.catalog.ownership import (
    require_own_catalog,
    require_own_repository,
    require_own_store,
    trusted_users,
)
from ingot.cli.shared import common_options
from ingot.cli.shared.completion import complete_kernels
from ingot.errors import UserError

ME = os.geteuid()
STRANGER = 12345
OURS = frozenset({ME})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "kernels"
    (root / "patches" / "6.1").mkdir(parents=True)
    (root / "kernels.toml").write_text("")
    (root / "patches" / "6.1" / "a.patch").write_text("")
    return root


@pytest.fixture
def owned_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a file, as it is itself, a stranger's."""
    real = Path.lstat

    def make(foreign: Path) -> None:
        def lstat(path: Path) -> os.stat_result:
            found = real(path)
            if path != foreign:
                return found
            return os.stat_result((*found[:4], STRANGER, *found[5:10]))

        monkeypatch.setattr(Path, "lstat", lstat)

    return make


def test_ones_own_is_taken(root: Path) -> None:
    require_own_catalog(root, OURS)


def test_a_strangers_is_refused_and_told_how_to_be_taken(root: Path) -> None:
    with pytest.raises(UserError, match="belongs to another user") as caught:
        require_own_catalog(root, frozenset({STRANGER}))
    assert f"--catalog {root}" in caught.value.hint
    assert "INGOT_CATALOG" in caught.value.hint


@pytest.mark.parametrize("name", ["", "kernels.toml", "patches", "patches/6.1/a.patch"])
def test_a_single_file_of_a_stranger(
    root: Path, owned_by: Callable[[Path], None], name: str
) -> None:
    owned_by(root / name)
    with pytest.raises(UserError) as caught:
        require_own_catalog(root, OURS)
    assert str(root / name) in caught.value.why


def test_a_link_of_ones_own_to_a_strangers_file(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "rules"
    target.write_text("")
    (root / "rules.toml").symlink_to(target)
    (root / "nowhere").symlink_to(tmp_path / "none")
    require_own_catalog(root, OURS)
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        found = real(path, **options)
        if path.name != "rules.toml":
            return found
        return os.stat_result((*found[:4], STRANGER, *found[5:10]))

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(UserError, match=r"rules\.toml belongs to another user"):
        require_own_catalog(root, OURS)


def test_a_directory_that_is_no_catalog(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "_MOST", 2)
    with pytest.raises(UserError, match="more than 2 files"):
        require_own_catalog(root, OURS)


@pytest.mark.parametrize(
    ("uid", "sudo", "trusted"),
    [
        (0, "", {0}),
        (0, "1000", {0, 1000}),
        (0, "0", {0}),
        (1000, "", {0, 1000}),
        (1000, "1001", {0, 1000}),  # only root was made root by sudo
        (0, "\u00b2", {0}),
        (0, "-1", {0}),
        (0, "1000 1001", {0}),
        (0, "9" * 40, {0}),
    ],
)
def test_who_is_trusted(
    monkeypatch: pytest.MonkeyPatch, uid: int, sudo: str, trusted: set[int]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert trusted_users(sudo) == trusted


@pytest.mark.parametrize("marker", ["directory", "file", "link"])
def test_the_repository_around_it(
    root: Path, tmp_path: Path, owned_by: Callable[[Path], None], marker: str
) -> None:
    require_own_repository(root, OURS)  # there is none
    git = tmp_path / ".git"
    if marker == "directory":
        git.mkdir()
        (git / "config").write_text("")
    elif marker == "file":
        git.write_text("gitdir: elsewhere\n")
    else:
        git.symlink_to(tmp_path / "none")
    require_own_repository(root, OURS)
    for foreign in (tmp_path, git, *([git / "config"] if marker == "directory" else [])):
        owned_by(foreign)
        if foreign != git or marker != "link":
            with pytest.raises(UserError, match="git is not run"):
                require_own_repository(root, OURS)


def test_what_is_found_is_looked_at_and_what_is_named_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common_options, "users_trusted", lambda: frozenset({STRANGER}))
    (root / "deep").mkdir()
    monkeypatch.chdir(root / "deep")
    with pytest.raises(UserError, match="is not used"):
        common_options.find_catalog(None)
    with pytest.raises(UserError, match="has mistakes"):
        common_options.find_catalog(root)  # it is read, and found to be empty
    assert complete_kernels(SimpleNamespace(params={}, parent=None), "6") == []


# The store beside a catalog


@pytest.mark.parametrize("name", ["", "index.json", "blobs", "blobs/sha256"])
def test_a_store_of_a_strangers_is_not_used(tmp_path: Path, name: str) -> None:
    """Builders are taken out of it, and blobs are written into it."""
    store = tmp_path / "images"
    (store / "blobs/sha256").mkdir(parents=True)
    (store / "index.json").touch()
    require_own_store(store, frozenset({os.geteuid()}))
    with pytest.raises(UserError, match="image store"):
        require_own_store(store, frozenset({os.geteuid() + 1}))
    # a link is whose it is, and so is what it leads to
    place = store / name if name else store
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    require_own_store(store, frozenset({os.geteuid()}))
    if os.geteuid() == 0:
        os.chown(place, 65534, 65534, follow_symlinks=False)
        with pytest.raises(UserError, match="image store"):
            require_own_store(store, frozenset({0}))


def test_a_catalog_with_a_link_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "inner").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="is not used"):
        require_own_catalog(tmp_path, frozenset({os.geteuid()}))
    (tmp_path / "loop").unlink()
    require_own_catalog(tmp_path, frozenset({os.geteuid()}))


def test_a_store_that_is_not_there_yet_is_nobodys(tmp_path: Path) -> None:
    require_own_store(tmp_path / "images", frozenset({os.geteuid()}))
