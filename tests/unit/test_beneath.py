"""Nothing below a directory that others filled leads out of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ingot.confined_files import ConfinedDirectory, UnsafeFileError

LIMIT = 1 << 20


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the host's with a secret."""
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_bytes(b"secret")
    return directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    (directory / "a/b").mkdir(parents=True)
    (directory / "a/b/file").write_bytes(b"content")
    return directory


def test_a_regular_file_is_read(root: Path) -> None:
    assert ConfinedDirectory(root).read("a/b/file", LIMIT) == b"content"


def test_what_is_not_there_is_told_as_such(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ConfinedDirectory(root).read("a/b/none", LIMIT)
    with pytest.raises(FileNotFoundError):
        ConfinedDirectory(root).read("a/none/file", LIMIT)
    assert ConfinedDirectory(root).find("a/b/none") is None


@pytest.mark.parametrize(
    "name", ["", "/", "/etc/passwd", "..", "../outside/secret", "a/../../outside/secret", "a//b",
             "./a/b/file", "a/b/file/", "a\0b"],
)  # fmt: skip
def test_a_name_that_could_lead_out_is_refused(root: Path, outside: Path, name: str) -> None:
    for use in (
        lambda: ConfinedDirectory(root).read(name, LIMIT),
        lambda: ConfinedDirectory(root).write(name, b""),
        lambda: ConfinedDirectory(root).make_directory(name),
        lambda: ConfinedDirectory(root).find(name),
        lambda: ConfinedDirectory(root).remove(name),
    ):
        with pytest.raises(UnsafeFileError):
            use()


@pytest.mark.parametrize("target", ["../outside/secret", "b", "nothing"])
def test_a_link_is_not_followed_whatever_it_points_to(
    root: Path, outside: Path, target: str
) -> None:
    (root / "a/link").symlink_to(target)
    with pytest.raises(UnsafeFileError, match="link"):
        ConfinedDirectory(root).read("a/link", LIMIT)


def test_a_directory_that_is_a_link_is_not_entered(root: Path, outside: Path) -> None:
    (root / "a/out").symlink_to(outside)
    beneath = ConfinedDirectory(root)
    with pytest.raises(UnsafeFileError):
        beneath.read("a/out/secret", LIMIT)
    with pytest.raises(UnsafeFileError):
        beneath.write("a/out/new", b"planted")
    with pytest.raises(UnsafeFileError):
        beneath.remove("a/out/secret")
    with pytest.raises(UnsafeFileError):
        beneath.make_directory("a/out/new")
    with pytest.raises(UnsafeFileError):
        beneath.make_directory("a/out")
    assert [each.name for each in outside.iterdir()] == ["secret"]
    found = {each.name: each for each in beneath.walk(most=100)}
    assert sorted(found) == ["a", "a/b", "a/b/file", "a/out"]
    assert found["a/out"].is_link


def test_a_pipe_does_not_make_anybody_wait(root: Path) -> None:
    os.mkfifo(root / "a/pipe")
    with pytest.raises(UnsafeFileError, match="pipe"):
        ConfinedDirectory(root).read("a/pipe", LIMIT)


def test_a_socket_and_a_directory_are_no_files(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        with pytest.raises(UnsafeFileError, match="socket"):
            ConfinedDirectory(root).read("s", LIMIT)
    with pytest.raises(UnsafeFileError, match="directory"):
        ConfinedDirectory(root).read("a/b", LIMIT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_not_read(root: Path) -> None:
    os.mknod(root / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    with pytest.raises(UnsafeFileError, match="device"):
        ConfinedDirectory(root).read("zero", LIMIT)


def test_a_file_is_read_up_to_its_limit_only(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnsafeFileError, match="bytes"):
        ConfinedDirectory(root).read("sparse", LIMIT)
    assert ConfinedDirectory(root).read("a/b/file", 7) == b"content"
    with pytest.raises(UnsafeFileError):
        ConfinedDirectory(root).read("a/b/file", 6)


def test_a_copy_is_a_new_file_without_special_bits(root: Path, tmp_path: Path) -> None:
    (root / "a/b/file").chmod(0o6755)
    copied = ConfinedDirectory(root).copy("a/b/file", tmp_path / "copy", LIMIT)
    assert copied == 7
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert (tmp_path / "copy").stat().st_mode & 0o7777 == 0o755
    with pytest.raises(FileExistsError):
        ConfinedDirectory(root).copy("a/b/file", tmp_path / "copy", LIMIT)


def test_writing_replaces_a_link_and_leaves_its_target(root: Path, outside: Path) -> None:
    (root / "a/link").symlink_to(outside / "secret")
    ConfinedDirectory(root).write("a/link", b"ours")
    assert (outside / "secret").read_bytes() == b"secret"
    assert (root / "a/link").read_bytes() == b"ours"
    assert not (root / "a/link").is_symlink()


def test_writing_over_a_hard_link_leaves_the_other_name(root: Path, outside: Path) -> None:
    os.link(outside / "secret", root / "a/hard")
    ConfinedDirectory(root).write("a/hard", b"ours")
    assert (outside / "secret").read_bytes() == b"secret"


def test_writing_where_a_directory_is_says_so(root: Path) -> None:
    with pytest.raises(UnsafeFileError, match="directory"):
        ConfinedDirectory(root).write("a/b", b"")
    assert [each.name for each in (root / "a").iterdir()] == ["b"]


def test_directories_are_made_where_they_are_missing(root: Path) -> None:
    ConfinedDirectory(root).make_directory("a/b/c/d")
    assert (root / "a/b/c/d").is_dir()
    ConfinedDirectory(root).write("a/b/c/d/file", b"x", 0o755)
    assert (root / "a/b/c/d/file").stat().st_mode & 0o7777 == 0o755


def test_a_walk_lists_directories_before_what_is_in_them(root: Path) -> None:
    (root / "z").write_bytes(b"")
    names = [each.name for each in ConfinedDirectory(root).walk(most=10)]
    assert sorted(names) == ["a", "a/b", "a/b/file", "z"]
    assert names.index("a") < names.index("a/b") < names.index("a/b/file")
    assert [each.name for each in ConfinedDirectory(root).walk("a", most=10)] == ["a/b", "a/b/file"]


def test_a_walk_ends_where_there_is_too_much(root: Path) -> None:
    for number in range(20):
        (root / f"a/{number}").write_bytes(b"")
    with pytest.raises(UnsafeFileError, match="too many"):
        list(ConfinedDirectory(root).walk(most=10))


def test_a_walk_ends_where_it_is_too_deep(root: Path) -> None:
    (root / ("d/" * 300)).mkdir(parents=True)
    with pytest.raises(UnsafeFileError, match="deep"):
        list(ConfinedDirectory(root).walk(most=1000))


def test_a_tree_is_copied_without_what_is_left(root: Path, outside: Path, tmp_path: Path) -> None:
    (root / "a/build").symlink_to(outside)
    (root / "a/b/program").write_bytes(b"x")
    (root / "a/b/program").chmod(0o4755)
    ConfinedDirectory(root).copy_tree("a", tmp_path / "copy", most=10, limit=LIMIT, leave={"build"})
    copied = {p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*")}
    assert copied == {"b", "b/file", "b/program"}
    assert (tmp_path / "copy/b/program").stat().st_mode & 0o7777 == 0o755


def test_a_tree_with_a_link_in_it_is_not_copied(root: Path, outside: Path, tmp_path: Path) -> None:
    (root / "a/b/link").symlink_to(outside / "secret")
    with pytest.raises(UnsafeFileError, match="link"):
        ConfinedDirectory(root).copy_tree("a", tmp_path / "copy", most=10, limit=LIMIT)


def test_a_tree_is_copied_up_to_its_limit_in_all(root: Path, tmp_path: Path) -> None:
    (root / "a/b/second").write_bytes(b"content")
    with pytest.raises(UnsafeFileError, match="bytes"):
        ConfinedDirectory(root).copy_tree("a", tmp_path / "copy", most=10, limit=13)
