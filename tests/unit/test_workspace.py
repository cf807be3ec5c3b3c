"""The cache's directories, and build directories: new, empty, removed, in memory if it fits."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from ingot import workspace as workspaces
from ingot.errors import MachineError, UserError
from ingot.files import locked, locked_if_free, remove_tree
from ingot.workspace import Workspace, remove_stale_builds
from tests.support.children import python_child

GIB = 1 << 30

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

HOLD = """
import sys, time
from pathlib import Path
from ingot.workspace import Workspace
with Workspace(Path(sys.argv[1]), Path(sys.argv[2])).build_directory() as directory:
    (directory / "vmlinux").write_text("half")
    print(directory, flush=True)
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

    def free(self, directory: Path) -> int:
        below = directory.is_relative_to(self.shared_memory)
        return self.on_shared_memory if below else self.on_disk


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(workspaces, "_SHARED_MEMORY", machine.shared_memory)
    monkeypatch.setattr(workspaces, "free_bytes", machine.free)
    monkeypatch.setattr(workspaces, "available_memory", lambda: machine.memory)
    # wherever the tests run, programs may be run there
    monkeypatch.setattr("ingot.workspace.os.ST_NOEXEC", 0)
    return machine


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_everything_is_below_the_root(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    directories = [
        workspace.downloads,
        workspace.sources,
        workspace.builders,
        workspace.configs,
        workspace.ccache,
        workspace.log("6.1.176-x86_64").parent,
        workspace.lock("use").parent,
    ]
    assert {directory.parent for directory in directories} == {tmp_path}
    assert len(set(directories)) == len(directories)
    assert workspace.log("6.1.176-x86_64").name == "6.1.176-x86_64.log"
    assert names(tmp_path) == []  # to ask where is not to make


def test_a_build_directory_is_new_empty_and_gone_afterwards(workspace: Workspace) -> None:
    with workspace.build_directory() as one, workspace.build_directory() as two:
        assert one != two
        assert names(one) == names(two) == []
        assert one.parent == two.parent == workspace.build_root
        (one / "directory").mkdir()
        (one / "directory" / "vmlinux").write_text("x")
        (one / "directory").chmod(0o555)
    assert workspace.build_root is not None
    assert names(workspace.build_root) == []


def test_a_build_directory_goes_when_the_build_fails(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.build_directory() as directory:
        raise RuntimeError
    assert names(directory.parent) == []


def test_a_live_builds_directory_stays_and_a_killed_ones_goes(workspace: Workspace) -> None:
    with python_child(HOLD, workspace.root, workspace.build_root) as child:
        assert workspace.build_root is not None
        (directory,) = workspace.build_root.glob("build-*/")
        assert remove_stale_builds(workspace.build_root) == 0
        with workspace.build_directory():
            pass
        assert (directory / "vmlinux").read_text() == "half"
        child.kill()
        child.wait()
        with workspace.build_directory():
            assert not directory.exists()
    assert names(workspace.build_root) == []


def test_stale_directories_are_counted_and_other_things_left_alone(tmp_path: Path) -> None:
    for name in ("build-a", "build-b", "build-of-my-own", "other"):
        (tmp_path / name).mkdir()
    for name in (".build-a.lock", ".build-b.lock", "build-file"):
        (tmp_path / name).touch()
    assert remove_stale_builds(tmp_path) == 2
    assert names(tmp_path) == ["build-file", "build-of-my-own", "other"]
    assert remove_stale_builds(tmp_path / "absent") == 0


def test_a_directory_is_never_there_without_its_lock(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[int] = []

    def slow(path: Path) -> contextlib.AbstractContextManager[None]:
        removed.append(remove_stale_builds(path.parent))  # another build begins just now
        return locked(path)

    monkeypatch.setattr(workspaces, "locked", slow)
    with workspace.build_directory() as directory:
        assert removed == [0]
        assert directory.is_dir()


def test_a_directory_goes_before_its_lock_does(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def watch(path: Path) -> None:
        with locked_if_free(path.with_name(f".{path.name}.lock")) as free:
            seen.append(free)
        remove_tree(path)

    monkeypatch.setattr(workspaces, "remove_tree", watch)
    with workspace.build_directory() as directory:
        pass
    assert seen == [False]
    assert names(directory.parent) == []


def test_the_lock_of_a_build_that_was_killed_before_it_had_a_directory_goes(tmp_path: Path) -> None:
    (tmp_path / ".build-a.lock").touch()
    with locked(tmp_path / ".build-b.lock"):
        assert remove_stale_builds(tmp_path) == 0
        assert names(tmp_path) == [".build-b.lock"]


@needs_root
def test_what_is_another_users_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "build-a").mkdir()
    os.chown(tmp_path / "build-a", 65534, 65534)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "build-b").symlink_to("elsewhere")
    locks = [".build-a.lock", ".build-b.lock"]
    for name in locks:
        (tmp_path / name).touch()
    assert remove_stale_builds(tmp_path) == 0
    assert names(tmp_path) == [*locks, "build-a", "build-b", "elsewhere"]


def test_builds_are_made_in_memory_when_it_has_room(tmp_path: Path, machine: Machine) -> None:
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert directory.parent == machine.shared_memory / f"ingot-{os.getuid()}"


@pytest.mark.parametrize(
    ("memory", "on_shared_memory"), [(2 * GIB, 8 * GIB), (5 * GIB, 8 * GIB), (64 * GIB, GIB // 16)]
)
def test_builds_fall_to_the_disk_when_memory_does_not_allow(
    tmp_path: Path, machine: Machine, memory: int, on_shared_memory: int
) -> None:
    machine.memory, machine.on_shared_memory = memory, on_shared_memory
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert directory.parent == tmp_path / "cache" / "build"


def test_builds_fall_to_the_disk_where_memory_may_not_run_programs(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = os.statvfs(machine.shared_memory).f_flag
    if not flags:
        pytest.skip("this file system has no flag to look at")
    monkeypatch.setattr("ingot.workspace.os.ST_NOEXEC", flags)
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert directory.parent == tmp_path / "cache" / "build"


def test_builds_fall_to_the_disk_where_there_is_no_shared_memory(
    tmp_path: Path, machine: Machine
) -> None:
    machine.shared_memory.rmdir()
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert directory.parent == tmp_path / "cache" / "build"


def test_the_directory_in_memory_is_closed_to_others(tmp_path: Path, machine: Machine) -> None:
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@needs_root
@pytest.mark.parametrize("kind", ["another user's", "link", "file"])
def test_a_directory_in_memory_that_somebody_else_has_made_is_not_used(
    tmp_path: Path, machine: Machine, kind: str
) -> None:
    trap = machine.shared_memory / f"ingot-{os.getuid()}"
    stale = tmp_path / "elsewhere" / "build-precious"
    stale.mkdir(parents=True)
    (stale.parent / ".build-precious.lock").touch()
    if kind == "link":
        trap.symlink_to(stale.parent)
    elif kind == "file":
        trap.touch()
    else:
        trap.mkdir()
        os.chown(trap, 65534, 65534)
    with Workspace(tmp_path / "cache").build_directory() as directory:
        assert directory.parent == tmp_path / "cache" / "build"
    assert stale.is_dir()


def test_too_little_space_anywhere_is_told_before_anything_is_built(
    tmp_path: Path, machine: Machine
) -> None:
    machine.memory, machine.on_disk = GIB, GIB // 2
    with pytest.raises(MachineError) as caught, Workspace(tmp_path / "cache").build_directory():
        pass
    assert "512 MiB" in caught.value.what
    assert "--build-dir" in caught.value.hint


def test_the_directory_the_user_names_is_used_whatever_the_memory(
    workspace: Workspace, machine: Machine
) -> None:
    machine.memory = machine.on_disk = 0
    with workspace.build_directory() as directory:
        assert directory.parent == workspace.build_root


def test_what_a_killed_build_left_in_memory_goes_also_when_memory_is_short(
    tmp_path: Path, machine: Machine
) -> None:
    stale = machine.shared_memory / f"ingot-{os.getuid()}" / "build-stale"
    stale.mkdir(parents=True)
    (stale.parent / ".build-stale.lock").touch()
    machine.memory = GIB  # it is this directory that fills it
    with Workspace(tmp_path / "cache").build_directory():
        assert not stale.exists()


def test_every_place_that_builds_may_have_been_left_in_is_known(
    tmp_path: Path, machine: Machine
) -> None:
    workspace = Workspace(tmp_path / "cache")
    roots = workspace.build_roots()
    with workspace.build_directory() as directory:
        assert directory.parent in roots
    machine.memory = 0
    with workspace.build_directory() as directory:
        assert directory.parent in roots


def test_the_available_memory_of_this_machine_is_read() -> None:
    assert workspaces.available_memory() > 1 << 20


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of this process's cgroup and its parents: 8 GiB available, no limit so far."""
    (tmp_path / "own").write_text("4:memory:/elsewhere\n0::/slice/unit\n")
    (tmp_path / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {8 * GIB // 1024} kB\n")
    (tmp_path / "cgroup" / "slice" / "unit").mkdir(parents=True)
    monkeypatch.setattr(workspaces, "_OWN_CGROUP", tmp_path / "own")
    monkeypatch.setattr(workspaces, "_MEMORY_INFO", tmp_path / "meminfo")
    monkeypatch.setattr(workspaces, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path / "cgroup"


def limit(group: Path, limit: str, used: int, droppable: int = 0) -> None:
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {droppable}\n")


def test_without_a_limit_the_memory_is_that_of_the_machine(cgroups: Path) -> None:
    assert workspaces.available_memory() == 8 * GIB
    limit(cgroups / "slice" / "unit", "max", GIB)
    assert workspaces.available_memory() == 8 * GIB


@pytest.mark.parametrize("group", ["slice/unit", "slice"])
def test_a_limit_of_the_cgroup_or_one_above_it_counts(cgroups: Path, group: str) -> None:
    limit(cgroups / group, str(4 * GIB), 3 * GIB, GIB)
    assert workspaces.available_memory() == 2 * GIB


def test_a_limit_above_what_the_machine_has_gives_nothing(cgroups: Path) -> None:
    limit(cgroups / "slice", str(64 * GIB), GIB)
    assert workspaces.available_memory() == 8 * GIB


def test_memory_that_cannot_be_read_is_taken_for_none(cgroups: Path, tmp_path: Path) -> None:
    (tmp_path / "own").unlink()
    (tmp_path / "meminfo").unlink()
    assert workspaces.available_memory() == 0


# Who may look into the cache


def modes(workspace: Workspace) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in workspace.root.iterdir()}


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_the_cache_is_closed_to_others(tmp_path: Path, umask: int) -> None:
    workspace = Workspace(tmp_path / "deep" / "cache")
    before = os.umask(umask)
    try:
        workspace.prepare()
    finally:
        os.umask(before)
    found = modes(workspace)
    assert found.pop("CACHEDIR.TAG")
    assert found.pop("builders") | 0o011 == 0o711
    assert set(found.values()) == {0o700}
    assert set(found) == {
        *("ccache", "locks", "sources", "downloads", "configs", "cves", "logs", "build", "fleet"),
    }
    assert stat.S_IMODE(workspace.root.stat().st_mode) | 0o011 == 0o711


def test_what_an_earlier_ingot_left_open_is_closed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    tmp_path.chmod(0o755)
    for name in ("ccache", "locks", "builders"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    (tmp_path / "ccache" / "file").touch()
    workspace.prepare()
    found = modes(workspace)
    assert (found["ccache"], found["locks"], found["builders"]) == (0o700, 0o700, 0o711)
    assert (tmp_path / "ccache" / "file").exists()
    # it may be any directory that the user named
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_link_in_the_cache_leads_to_a_directory_that_stays_as_it_is(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (tmp_path / "cache" / "locks").mkdir(parents=True)
    (tmp_path / "cache" / "ccache").symlink_to(elsewhere)
    Workspace(tmp_path / "cache").prepare()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["downloads", "photos", "sources"])
def test_a_directory_with_other_files_does_not_become_a_cache(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="is not a cache of Ingot"):
        Workspace(tmp_path).prepare()
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("found", [[], ["lost+found"], [".keep"]])
def test_a_new_or_an_empty_directory_becomes_a_cache_with_a_mark(
    tmp_path: Path, found: list[str]
) -> None:
    for name in found:
        (tmp_path / name).mkdir()
    Workspace(tmp_path).prepare()
    mark = (tmp_path / "CACHEDIR.TAG").read_text()
    assert mark.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    (tmp_path / "mine").touch()
    Workspace(tmp_path).prepare()
