"""The initramfs: what cpio reads out of it, and that the same files give the same bytes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.initramfs import write_initramfs
from ingot.digest import Digest

FILES = {"/init": b"\x7fELF", "/lib/modules/6.1/veth.ko": b"", "/ingot/plan": b"reboot\n"}
GOLDEN = "5ec3d1ed89fa7df8fbeaab97ef84a3cc002cf57c0d00248927d287811c02a401"


@dataclass(frozen=True)
class Record:
    """One record of a "new ASCII" archive (kernel: buffer-format.rst)."""

    mode: int
    owner: tuple[int, int]
    links: int
    mtime: int
    device: tuple[int, int]
    data: bytes


def read(archive: bytes) -> Iterator[tuple[str, Record]]:
    at = 0
    while True:
        assert at % 4 == 0
        assert archive[at : at + 6] == b"070701"
        field = [int(archive[n : n + 8], 16) for n in range(at + 6, at + 110, 8)]
        _, mode, uid, gid, links, mtime, size, _, _, major, minor, length, check = field
        name = archive[at + 110 : at + 110 + length]
        assert name[-1:] == b"\0"
        begin = at + 110 + length + (-(110 + length) % 4)
        data = archive[begin : begin + size]
        assert len(data) == size
        assert check == 0
        at = begin + size + (-size % 4)
        if name == b"TRAILER!!!\0":
            assert at == len(archive)
            return
        yield (
            name[:-1].decode(),
            Record(mode, (uid, gid), links, mtime, (major, minor), data),
        )


def test_files_are_executable_and_belong_to_root() -> None:
    records = dict(read(write_initramfs(FILES)))
    init = records["init"]
    assert init.data == b"\x7fELF"
    assert stat.S_ISREG(init.mode)
    assert init.mode & 0o111 == 0o111
    assert all(r.owner == (0, 0) and r.mtime == 0 for r in records.values())


def test_the_console_that_the_kernel_opens_for_init_is_there() -> None:
    console = dict(read(write_initramfs({})))["dev/console"]
    assert stat.S_ISCHR(console.mode)
    assert console.device == (5, 1)


def test_directories_come_before_what_is_in_them_and_each_name_once() -> None:
    names = [name for name, _ in read(write_initramfs(FILES))]
    assert len(names) == len(set(names))
    assert {"dev", "ingot", "lib", "lib/modules", "lib/modules/6.1"} <= set(names)
    for name in names:
        for parent in Path(name).parents:
            if parent.name:
                assert names.index(str(parent)) < names.index(name)


paths = st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), min_size=1, max_size=3).map(
    lambda parts: "/x/" + "/".join(parts) + ".f"
)


@given(st.dictionaries(paths, st.binary(max_size=9), max_size=5))
def test_what_is_written_reads_back_in_any_order(files: dict[str, bytes]) -> None:
    archive = write_initramfs(files)
    found = {f"/{n}": r.data for n, r in read(archive) if stat.S_ISREG(r.mode)}
    assert found == files
    assert write_initramfs(dict(reversed(files.items()))) == archive


def test_the_same_files_give_the_bytes_they_always_gave() -> None:
    assert Digest.of(write_initramfs(FILES)).hex == GOLDEN


@pytest.mark.skipif(not shutil.which("cpio"), reason="cpio is not installed")
def test_cpio_reads_it() -> None:
    done = subprocess.run(["cpio", "-t"], input=write_initramfs(FILES), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.decode().splitlines()) == {
        "dev",
        "dev/console",
        "ingot",
        "ingot/plan",
        "init",
        "lib",
        "lib/modules",
        "lib/modules/6.1",
        "lib/modules/6.1/veth.ko",
    }
