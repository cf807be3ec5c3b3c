"""The cache's folders, and build folders: new, empty, gone afterwards, on memory if it allows."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from ingot import workspace as workspaces
from ingot.errors import MachineError
from ingot.files import locked
from ingot.workspace import Workspace, remove_stale_builds
from tests.unit.conftest import python_child

GIB = 1 << 30

HOLD = """
import sys, time
from pathlib import Path
from ingot.workspace import Workspace
with Workspace(Path(sys.argv[1]), Path(sys.argv[2])).build_folder() as folder:
    (folder / "vmlinux").write_text("half")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "cache", tmp_path / "build")


class Machine:
    """How much memory and space a machine has, and where its shared memory is."""

    def __init__(self, root: Path) -> None:
        self.shared_memory = root / "shm"
        self.shared_memory.mkdir()
        self.memory = 16 * GIB
        self.on_shared_memory = 8 * GIB
        self.on_disk = 50 * GIB

    def free(self, folder: Path) -> int:
        below = folder.is_relative_to(self.shared_memory)
        return self.on_shared_memory if below else self.on_disk


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(workspaces, "_SHARED_MEMORY", machine.shared_memory)
    monkeypatch.setattr(workspaces, "_free_bytes", machine.free)
    monkeypatch.setattr(workspaces, "_available_memory", lambda: machine.memory)
    # wherever the tests run, programs may be run there
    monkeypatch.setattr("ingot.workspace.os.ST_NOEXEC", 0)
    return machine


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything_is_below_the_root(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folders = [
        workspace.downloads,
        workspace.sources,
        workspace.builders,
        workspace.configs,
        workspace.ccache,
        workspace.log("6.1.176-x86_64").parent,
        workspace.lock("use").parent,
    ]
    assert {folder.parent for folder in folders} == {tmp_path}
    assert len(set(folders)) == len(folders)
    assert workspace.log("6.1.176-x86_64").name == "6.1.176-x86_64.log"
    assert names(tmp_path) == []  # to ask where is not to make


def test_a_build_folder_is_new_empty_and_gone_afterwards(workspace: Workspace) -> None:
    with workspace.build_folder() as one, workspace.build_folder() as two:
        assert one != two
        assert names(one) == names(two) == []
        assert one.parent == two.parent == workspace.build_root
        (one / "folder").mkdir()
        (one / "folder" / "vmlinux").write_text("x")
        (one / "folder").chmod(0o555)
    assert workspace.build_root is not None
    assert names(workspace.build_root) == []


def test_a_build_folder_goes_when_the_build_fails(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.build_folder() as folder:
        raise RuntimeError
    assert names(folder.parent) == []


def test_a_live_builds_folder_stays_and_a_killed_ones_goes(workspace: Workspace) -> None:
    with python_child(HOLD, workspace.root, workspace.build_root) as child:
        assert workspace.build_root is not None
        (folder,) = workspace.build_root.glob("build-*/")
        assert remove_stale_builds(workspace.build_root) == 0
        with workspace.build_folder():
            pass
        assert (folder / "vmlinux").read_text() == "half"
        child.kill()
        child.wait()
        with workspace.build_folder():
            assert not folder.exists()
    assert names(workspace.build_root) == []


def test_stale_folders_are_counted_and_other_things_left_alone(tmp_path: Path) -> None:
    for name in ("build-a", "build-b", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "build-file").touch()
    assert remove_stale_builds(tmp_path) == 2
    assert names(tmp_path) == ["build-file", "other"]
    assert remove_stale_builds(tmp_path / "absent") == 0


@pytest.mark.xfail(strict=True, reason="the folder is there before its lock is held")
def test_a_folder_is_never_there_without_its_lock(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[int] = []

    def slow(path: Path) -> contextlib.AbstractContextManager[None]:
        removed.append(remove_stale_builds(path.parent))  # another build begins just now
        return locked(path)

    monkeypatch.setattr(workspaces, "locked", slow)
    with workspace.build_folder() as folder:
        assert removed == [0]
        assert folder.is_dir()


def test_builds_are_made_in_memory_when_it_has_room(tmp_path: Path, machine: Machine) -> None:
    with Workspace(tmp_path / "cache").build_folder() as folder:
        assert folder.parent == machine.shared_memory / f"ingot-{os.getuid()}"


@pytest.mark.parametrize(
    ("memory", "on_shared_memory"), [(2 * GIB, 8 * GIB), (5 * GIB, 8 * GIB), (64 * GIB, GIB // 16)]
)
def test_builds_fall_to_the_disk_when_memory_does_not_allow(
    tmp_path: Path, machine: Machine, memory: int, on_shared_memory: int
) -> None:
    machine.memory, machine.on_shared_memory = memory, on_shared_memory
    with Workspace(tmp_path / "cache").build_folder() as folder:
        assert folder.parent == tmp_path / "cache" / "build"


def test_builds_fall_to_the_disk_where_memory_may_not_run_programs(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = os.statvfs(machine.shared_memory).f_flag
    if not flags:
        pytest.skip("this file system has no flag to look at")
    monkeypatch.setattr("ingot.workspace.os.ST_NOEXEC", flags)
    with Workspace(tmp_path / "cache").build_folder() as folder:
        assert folder.parent == tmp_path / "cache" / "build"


def test_builds_fall_to_the_disk_where_there_is_no_shared_memory(
    tmp_path: Path, machine: Machine
) -> None:
    machine.shared_memory.rmdir()
    with Workspace(tmp_path / "cache").build_folder() as folder:
        assert folder.parent == tmp_path / "cache" / "build"


def test_too_little_space_anywhere_is_told_before_anything_is_built(
    tmp_path: Path, machine: Machine
) -> None:
    machine.memory, machine.on_disk = GIB, GIB // 2
    with pytest.raises(MachineError) as caught, Workspace(tmp_path / "cache").build_folder():
        pass
    assert "512 MiB" in caught.value.what
    assert "--build-dir" in caught.value.hint


def test_the_folder_the_user_names_is_used_whatever_the_memory(
    workspace: Workspace, machine: Machine
) -> None:
    machine.memory = machine.on_disk = 0
    with workspace.build_folder() as folder:
        assert folder.parent == workspace.build_root


@pytest.mark.xfail(strict=True, reason="only the folder chosen for the new build is looked at")
def test_what_a_killed_build_left_in_memory_goes_also_when_memory_is_short(
    tmp_path: Path, machine: Machine
) -> None:
    stale = machine.shared_memory / f"ingot-{os.getuid()}" / "build-stale"
    stale.mkdir(parents=True)
    machine.memory = GIB  # it is this folder that fills it
    with Workspace(tmp_path / "cache").build_folder():
        assert not stale.exists()


def test_every_place_that_builds_may_have_been_left_in_is_known(
    tmp_path: Path, machine: Machine
) -> None:
    workspace = Workspace(tmp_path / "cache")
    roots = workspace.build_roots()
    with workspace.build_folder() as folder:
        assert folder.parent in roots
    machine.memory = 0
    with workspace.build_folder() as folder:
        assert folder.parent in roots


def test_the_available_memory_of_this_machine_is_read() -> None:
    assert workspaces._available_memory() > 1 << 20
