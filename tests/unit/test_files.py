"""Writes are whole or absent, directories of any mode are removed, locks end with their holder."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingot import files
from ingot.errors import MachineError, UserError
from ingot.files import (
    STAGING_PREFIX,
    disk_errors,
    locked,
    locked_if_free,
    read_text,
    remove_tree,
    staging_directory,
    staging_file,
    tree_size,
    write_atomic,
)
from tests.support.children import python_child

NOBODY = 65534


def as_nobody(directory: Path, act: Callable[[], None]) -> None:
    """Run `act` in a child that is an ordinary user and owns all below `directory`, its cwd."""
    for path in [directory, *directory.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(directory)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# Reading


def test_what_a_person_wrote_is_read_and_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("schön\n", encoding="utf-8")
    assert read_text(path) == "schön\n"
    assert read_text(tmp_path / "none") is None
    assert read_text(path / "below" / "a" / "file") is None


def test_what_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match=f"{path} is not UTF-8 text"):
        read_text(path)
    with pytest.raises(UserError, match=f"{tmp_path} cannot be read") as caught:
        read_text(tmp_path)
    assert "Is a directory" in caught.value.why


# Writing


def test_a_written_file_holds_the_data_and_everyone_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "directory" / "file"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("broken", ["os.fsync", "os.fchmod"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.EIO, "disk gone")])
def test_an_interrupted_write_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, failure: BaseException
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(f"ingot.files.{broken}", fail)
    with pytest.raises(type(failure)):
        write_atomic(path, b"new")
    with pytest.raises(type(failure)):
        write_atomic(tmp_path / "other", b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_the_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    real, seen = os.fsync, []

    def watch(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, path.exists()))
        real(descriptor)

    monkeypatch.setattr("ingot.files.os.fsync", watch)
    write_atomic(path, b"four")
    assert seen[0] == (4, False)
    assert len(seen) == 2  # the directory too, so that the name survives a power cut
    assert seen[1][1]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    code = """
import os, sys, time
from pathlib import Path
from ingot import files
def stop(descriptor):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = stop
files.write_atomic(Path(sys.argv[1]), b"new")
"""
    with python_child(code, path) as child:
        child.kill()
        child.wait()
    assert path.read_bytes() == b"old"
    assert [n for n in names(tmp_path) if not n.startswith(STAGING_PREFIX)] == ["file"]


def test_a_staging_file_that_is_not_committed_goes(tmp_path: Path) -> None:
    with staging_file(tmp_path) as (path, file):
        file.write(b"half")
        assert names(tmp_path) == [path.name]
        assert path.name.startswith(STAGING_PREFIX)
    assert names(tmp_path) == []


def test_a_staging_directory_goes_with_all_in_it_unless_it_was_renamed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging_directory(tmp_path / "parent") as directory:
        (directory / "file").write_text("half")
        raise RuntimeError
    assert names(tmp_path / "parent") == []
    with staging_directory(tmp_path / "parent") as directory:
        assert directory.name.startswith(STAGING_PREFIX)
        (directory / "file").write_text("whole")
        directory.rename(tmp_path / "parent" / "final")
    assert (tmp_path / "parent" / "final" / "file").read_text() == "whole"


def test_what_fails_within_a_staging_directory_is_not_taken_for_a_failure_to_make_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(PermissionError), staging_directory(tmp_path):
        raise PermissionError(errno.EACCES, "an input that may not be read")
    assert names(tmp_path) == []


def test_a_staging_directory_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> str:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("ingot.files.tempfile.mkdtemp", fail)
    with pytest.raises(MachineError, match="no space left"), staging_directory(tmp_path):
        pass


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "cannot write below"),
        (errno.EROFS, "cannot write below"),
    ],
)
def test_what_a_disk_refuses_becomes_an_error_with_a_next_step(number: int, says: str) -> None:
    with pytest.raises(MachineError) as caught, disk_errors(Path("/some/directory")):
        raise OSError(number, os.strerror(number))
    assert says in caught.value.what
    assert "/some/directory" in caught.value.what
    assert caught.value.hint


def test_other_failures_of_the_system_stay_what_they_are() -> None:
    with pytest.raises(FileNotFoundError), disk_errors(Path("/some/directory")):
        raise FileNotFoundError


# Removing


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "absent")


@needs_root
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_read_only_directories_are_removed_by_their_owner(tmp_path: Path, mode: int) -> None:
    deep = tmp_path / "tree" / "a" / "b"
    deep.mkdir(parents=True)
    for directory in (deep, deep.parent, deep.parent.parent):
        (directory / "file").write_text("x")
        (directory / "file").chmod(0o400)
        directory.chmod(mode)
    as_nobody(tmp_path, lambda: remove_tree(Path("tree")))
    assert names(tmp_path) == []


@needs_root
def test_removing_never_touches_what_links_point_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(outside)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "file").read_text() == "kept"


@needs_root
@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_removing_leaves_the_mode_of_a_file_outside_alone(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    target = outside if make is os.link else Path("../outside")
    outside.write_text("x")
    outside.chmod(0o444)
    tree = tmp_path / "tree"
    tree.mkdir()
    make(target, tree / "name")
    tree.chmod(0o555)
    as_nobody(tmp_path, lambda: remove_tree(Path("tree")))
    assert not tree.exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o444


@needs_root
def test_the_directory_around_a_tree_is_not_opened_to_remove_it(tmp_path: Path) -> None:
    tree = tmp_path / "outside" / "tree"
    tree.mkdir(parents=True)
    tree.parent.chmod(0o555)

    def act() -> None:
        with pytest.raises(PermissionError):
            remove_tree(Path("outside/tree"))

    as_nobody(tmp_path, act)
    assert stat.S_IMODE(tree.parent.stat().st_mode) == 0o555


def test_a_link_in_the_place_of_a_tree_is_removed_and_not_what_it_points_at(
    tmp_path: Path,
) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    link = tmp_path / "link"
    link.symlink_to(target)
    remove_tree(link)
    assert names(tmp_path) == ["target"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_a_directory_that_somebody_else_removes_meanwhile_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    real = os.open

    def vanish(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if path == "inner":
            os.rmdir("inner", dir_fd=dir_fd)
        return real(path, flags, *rest, dir_fd=dir_fd)

    monkeypatch.setattr("shutil.os.open", vanish)
    remove_tree(tmp_path / "tree")
    assert names(tmp_path) == []


def test_the_size_of_a_tree_is_that_of_its_blocks(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "directory").mkdir(parents=True)
    (tree / "one").write_bytes(b"x")
    (tree / "directory" / "two").write_bytes(b"x" * 10_000)
    blocks = [(tree / "one").stat().st_blocks, (tree / "directory" / "two").stat().st_blocks]
    assert tree_size(tree) == 512 * sum(blocks) > 0
    assert tree_size(tree / "one") == 512 * blocks[0]
    assert tree_size(tmp_path / "absent") == 0


# Locks

HOLD = """
import sys, time
from pathlib import Path
from ingot.files import locked
with locked(Path(sys.argv[1]), shared=len(sys.argv) > 2):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_another_process_out_and_ends_when_that_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "directory" / "lock"
    with python_child(HOLD, lock) as child:
        with locked_if_free(lock) as free:
            assert not free
        waited: list[str] = []

        def on_wait() -> None:
            waited.append("once")
            child.kill()

        with locked(lock, on_wait=on_wait):
            assert waited == ["once"]

    with locked_if_free(lock) as free:
        assert free


def test_a_lock_that_is_free_is_had_without_waiting(tmp_path: Path) -> None:
    waited: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "lock", on_wait=lambda: waited.append("waited")):
            pass
    assert waited == []


def test_shared_holders_keep_only_an_exclusive_one_out(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with python_child(HOLD, lock, "shared"):
        with locked(lock, shared=True, on_wait=pytest.fail):
            pass
        with locked_if_free(lock) as free:
            assert not free


def test_a_lock_ends_with_its_body_however_that_ends(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(RuntimeError), locked(lock):
        raise RuntimeError
    with locked_if_free(lock) as free:
        assert free
    with locked_if_free(lock) as free:
        assert free


def test_what_the_body_fails_with_is_not_taken_for_a_lock_that_is_held(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), locked_if_free(tmp_path / "lock") as free:
        assert free
        raise BlockingIOError


WAIT = """
import sys, time
from pathlib import Path
from ingot.files import locked
with locked(Path(sys.argv[1]), on_wait=lambda: print("waiting", flush=True)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_who_waited_for_a_lock_whose_file_was_unlinked_holds_the_next_one(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with contextlib.ExitStack() as ours:
        ours.enter_context(locked(lock))
        with python_child(WAIT, lock) as child:
            opened = Path(f"/proc/{child.pid}/fd")
            while str(lock) not in [str(file.readlink()) for file in opened.iterdir()]:
                time.sleep(0.01)
            lock.unlink()
            ours.close()
            assert child.stdout is not None
            assert child.stdout.readline() == "held\n"
            with locked_if_free(lock) as free:
                assert not free


@needs_root
def test_a_lock_can_be_opened_by_its_owner_only(tmp_path: Path) -> None:
    """Whoever can open it can hold it: flock(2) asks for no permission to write."""
    before = os.umask(0)
    try:
        with locked(tmp_path / "new"), locked_if_free(tmp_path / "other"):
            pass
    finally:
        os.umask(before)
    for name in ("new", "other"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o777, 0o640])
def test_a_lock_of_an_earlier_ingot_is_closed(tmp_path: Path, mode: int) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    lock.chmod(mode)
    with locked_if_free(lock) as free:
        assert free
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "somebodys"
    target.touch(mode=0o644)
    (tmp_path / "lock").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "made")
    for name in ("lock", "dangling"):
        with pytest.raises(OSError), locked(tmp_path / name):
            pass
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("lock", [locked, locked_if_free])
def test_a_lock_that_may_not_be_made_is_told(
    tmp_path: Path, lock: Callable[[Path], contextlib.AbstractContextManager[object]]
) -> None:
    directory = tmp_path / "directory"
    directory.mkdir(mode=0o555)

    def act() -> None:
        with (
            pytest.raises(MachineError, match="cannot write below directory"),
            lock(Path("directory/x")),
        ):
            pass

    as_nobody(tmp_path, act)


def test_programs_that_are_started_do_not_inherit_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock):
        # unlike the subprocess module, posix_spawn closes nothing of its own accord
        words = ["sh", "-c", "echo begun; exec sleep 60"]
        output, theirs = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, theirs, 1)]
        child = os.posix_spawn("/bin/sh", words, os.environ, file_actions=actions)
    try:
        assert os.read(output, 6) == b"begun\n"
        with locked_if_free(lock) as free:
            assert free
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(output)
        os.close(theirs)


def test_the_sync_of_a_directory_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    files.sync_directory(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# Trees deeper than a path is long, Python recurses, and descriptors can be open


@contextlib.contextmanager
def few_descriptors(most: int = 64) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def make_deep(top: Path, depth: int, mode: int = 0o755) -> int:
    """Directories within each other, a file in each; returns the bytes of the files on disk."""
    top.mkdir()
    size = 0
    current = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_RDONLY, dir_fd=current)
        file = os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=current)
        os.write(file, b"x")
        size += os.fstat(file).st_blocks * 512
        os.close(file)
        os.fchmod(current, mode)
        os.close(current)
        current = inner
    os.close(current)
    return size


def test_a_tree_of_any_depth_is_counted_and_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    size = make_deep(tmp_path / "tree", 3000)
    (tmp_path / "tree/d/d/link").symlink_to(outside)
    with few_descriptors():
        assert tree_size(tmp_path / "tree") == size
        remove_tree(tmp_path / "tree")
    assert names(tmp_path) == ["outside"]
    assert names(outside) == ["file"]


@needs_root
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111, 0o555])
def test_a_deep_tree_that_is_closed_is_removed_by_its_owner(tmp_path: Path, mode: int) -> None:
    def act() -> None:
        make_deep(Path("tree"), 1500, mode)
        remove_tree(Path("tree"))

    as_nobody(tmp_path, act)
    assert names(tmp_path) == []


def test_the_size_of_a_tree_that_is_a_link_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/again").symlink_to(tmp_path / "tree")
    assert tree_size(tmp_path / "tree") == 0


def test_a_directory_that_is_moved_away_while_it_is_removed_takes_nothing_else_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    (tree / "a/b").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept")
    real = os.open

    def move(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        descriptor = real(path, flags, *rest, dir_fd=dir_fd)
        if path == "b":
            (tree / "a/b").rename(elsewhere / "b")
        return descriptor

    monkeypatch.setattr("ingot.files.os.open", move)
    remove_tree(tree)
    assert names(tmp_path) == ["elsewhere"]
    assert (elsewhere / "precious").read_text() == "kept"
