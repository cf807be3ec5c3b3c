"""The cache: unpacked once, never half there, removed only when unused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import STAGING_PREFIX, locked
from ingot.source.origin import Archive
from ingot.source.transfer.download import lock_of
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion
from tests.support.progress import Notes
from tests.support.tarballs import EPOCH, VERSION, kernel_members

MakeArchive = Callable[..., Archive]
OTHER = KernelVersion.parse("6.12")


def test_add_then_find(cache: SourceCache, archive: MakeArchive, notes: Notes) -> None:
    made = archive()
    source = cache.add(made, VERSION, notes)
    assert source.tree == cache.root / made.digest.hex / "tree"
    assert (source.epoch, source.digest, source.origin) == (EPOCH, made.digest, "test")
    assert cache.find(VERSION, made.digest) == source
    assert cache.find(OTHER, made.digest) is None
    assert cache.find(VERSION, Digest.of(b"other")) is None
    assert cache.known(VERSION) == [source]
    assert cache.known(OTHER) == []
    (entry,) = cache.entries()
    assert entry.source == source
    assert entry.size > 0


def test_the_second_time_nothing_is_unpacked(
    cache: SourceCache, archive: MakeArchive, notes: Notes
) -> None:
    made = archive()
    cache.add(made, VERSION, Notes())
    cache.add(made, VERSION, notes)
    assert notes.steps == []


def test_an_empty_cache_is_no_error(cache: SourceCache) -> None:
    assert cache.entries() == []
    assert cache.known(VERSION) == []
    assert cache.remove_unused(set()) == []


@pytest.mark.parametrize(
    "members, word",
    [
        (kernel_members("6.1.175"), "not linux 6.1.176"),
        ([("x", None, {"type": b"5"}), ("x/README", b"", {})], "not a kernel tree"),
        ([("x/../../y", b"", {})], "refused"),
    ],
)
def test_what_is_refused_leaves_nothing(
    cache: SourceCache, archive: MakeArchive, notes: Notes, members: object, word: str
) -> None:
    with pytest.raises((UserError, VerificationError), match=word):
        cache.add(archive(members), VERSION, notes)
    assert [path for path in cache.root.iterdir() if path.is_dir()] == []
    assert cache.entries() == []


def test_another_version_of_the_same_tarball(
    cache: SourceCache, archive: MakeArchive, notes: Notes
) -> None:
    made = archive()
    source = cache.add(made, VERSION, notes)
    with pytest.raises(UserError, match=r"not linux 6\.12"):
        cache.add(made, OTHER, notes)
    assert cache.known(VERSION) == [source]


def test_a_killed_unpack_is_ignored_and_replaced(
    cache: SourceCache, archive: MakeArchive, notes: Notes
) -> None:
    made = archive()
    stale = cache.root / (STAGING_PREFIX + made.digest.hex)
    (stale / "linux-6.1.176").mkdir(parents=True)
    (stale / "linux-6.1.176" / "junk").write_text("half")
    assert cache.entries() == []
    source = cache.add(made, VERSION, notes)
    assert not stale.exists()
    assert not (source.tree / "junk").exists()


def test_a_real_kill_while_unpacking(
    cache: SourceCache, archive: MakeArchive, tmp_path: Path, notes: Notes
) -> None:
    made = archive()
    tool = tmp_path / "bin" / "tar"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n/bin/tar "$@"\nkill -9 $PPID\nsleep 30\n')
    tool.chmod(0o755)
    script = (
        "import sys; from pathlib import Path\n"
        "from ingot.source.local_source import local_source\n"
        "from ingot.source.trees.source_cache import SourceCache\n"
        "from ingot.progress import Silent\nfrom ingot.version import KernelVersion\n"
        "local_source(Path(sys.argv[1]), KernelVersion.parse('6.1.176'),"
        " SourceCache(Path(sys.argv[2])), Silent())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(made.path), str(cache.root)],
        env={"PATH": f"{tool.parent}:/usr/bin:/bin"},
        check=False,
    )
    assert ended.returncode == -9
    assert (cache.root / (STAGING_PREFIX + made.digest.hex)).is_dir()
    assert cache.entries() == []
    assert (cache.add(made, VERSION, notes).tree / "Makefile").is_file()
    assert notes.notes == []  # nobody to wait for: the lock went with the process


def test_an_unreadable_record_is_made_anew(
    cache: SourceCache, archive: MakeArchive, notes: Notes
) -> None:
    made = archive()
    source = cache.add(made, VERSION, notes)
    (source.tree.parent / "source.json").write_text("{")
    assert cache.find(VERSION, made.digest) is None
    assert cache.add(made, VERSION, notes) == source


def test_a_local_tarball_that_is_verified_later(
    cache: SourceCache, archive: MakeArchive, notes: Notes
) -> None:
    cache.add(archive(origin="local", url="", evidence="none"), VERSION, notes)
    source = cache.add(archive(origin="kernel.org"), VERSION, notes)
    assert source.origin == "kernel.org"
    assert cache.known(VERSION) == [source]
    assert cache.add(archive(origin="local"), VERSION, notes) == source


def test_prune(cache: SourceCache, archive: MakeArchive, notes: Notes) -> None:
    kept = cache.add(archive(), VERSION, notes)
    held = cache.add(archive(kernel_members(padding=1)), VERSION, notes)
    unused = cache.add(archive(kernel_members(padding=2)), VERSION, notes)
    stale = cache.root / (STAGING_PREFIX + Digest.of(b"stale").hex)
    stale.mkdir()
    (cache.root / "somebody-elses").mkdir()
    cache.downloads.mkdir()
    for name in ("a.part", "a.part.json", "busy.part", "old.tar.xz"):
        (cache.downloads / name).write_text("x")
    expected = {stale, unused.tree.parent}
    expected |= {cache.downloads / name for name in ("a.part", "a.part.json", "old.tar.xz")}
    with (
        locked(cache.root / f"{held.digest.hex}.lock"),
        locked(lock_of(cache.downloads, "busy")),
    ):
        planned = cache.remove_unused({kept.digest}, dry_run=True)
        assert unused.tree.exists()
        done = cache.remove_unused({kept.digest})
    assert planned == done
    assert {removed.path for removed in done} == expected
    assert not any(path.exists() for path in expected)
    assert cache.known(VERSION) == sorted([kept, held], key=lambda source: source.digest)
    assert (cache.downloads / "busy.part").exists()
    assert (cache.root / "somebody-elses").exists()
    assert next(r.what for r in done if r.path == unused.tree.parent) == "linux 6.1.176"
