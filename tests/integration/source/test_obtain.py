"""Obtaining a source: cache first, then origins in order, safely by several processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import IngotError, MachineError, UserError, VerificationError
from ingot.files import disk_errors
from ingot.progress import Progress
from ingot.source.debian.debian_origin import DebianArchive
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.obtain import obtain
from ingot.source.origin import Archive, Origin, Source
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion
from tests.support.debian_archives import Suite
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import EPOCH, VERSION, Release, kernel_members
from tests.support.web_servers import Web

MakeArchive = Callable[..., Archive]


@dataclass
class FakeOrigin:
    """Delivers one archive, or raises one error, and counts how often it was asked."""

    name: str
    answer: Archive | IngotError
    asked: list[Digest | None] = field(default_factory=list)

    @property
    def trust(self) -> str:
        return f"who vouches for {self.name}"

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        self.asked.append(expected)
        if isinstance(self.answer, IngotError):
            raise self.answer
        return self.answer


def test_the_first_origin_that_has_it_wins(
    archive: MakeArchive, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    origins = [
        FakeOrigin("a", MachineError("HTTP 404", why="some\nlines")),
        FakeOrigin("b", VerificationError("bad signature")),
        FakeOrigin("c", archive(origin="c")),
        FakeOrigin("d", archive(origin="d")),
    ]
    source = obtain(VERSION, origins, {}, cache, downloads, notes)
    assert source.origin == "c"
    assert notes.notes == ["source: a: HTTP 404: some; lines", "source: b: bad signature"]
    assert origins[3].asked == []


@pytest.mark.parametrize(
    "errors, kind",
    [
        ([MachineError("x"), UserError("y")], MachineError),
        ([MachineError("x"), VerificationError("y")], VerificationError),
        ([VerificationError("x")], VerificationError),
        ([UserError("x", hint="use `--source PATH`")], UserError),
        ([], UserError),
    ],
)
def test_when_all_fail(
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
    errors: list[IngotError],
    kind: type[IngotError],
) -> None:
    origins = [FakeOrigin(f"o{number}", error) for number, error in enumerate(errors)]
    with pytest.raises(kind) as caught:
        obtain(VERSION, origins, {}, cache, downloads, notes)
    assert len(notes.notes) == len(errors)
    if len(errors) > 1:
        assert caught.value.why == "o0: x\no1: y"
        assert "--source PATH" in caught.value.hint


def test_a_full_disk_is_not_blamed_on_an_origin(
    archive: MakeArchive, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    try:
        with disk_errors(downloads):
            raise OSError(28, "No space left on device")
    except MachineError as error:
        full = error
    second = FakeOrigin("b", archive())
    with pytest.raises(MachineError, match="no space left"):
        obtain(VERSION, [FakeOrigin("a", full), second], {}, cache, downloads, notes)
    assert second.asked == []


def test_what_is_cached_is_not_fetched(
    archive: MakeArchive, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    made = archive(origin="b")
    cache.add(made, VERSION, Notes())
    a, b = FakeOrigin("a", MachineError("no")), FakeOrigin("b", MachineError("no"))

    def get(pins: dict[str, Digest]) -> Source:
        return obtain(VERSION, [a, b], pins, cache, downloads, notes)

    assert get({"b": made.digest}).origin == "b"
    assert get({}).origin == "b"
    assert get({"a": made.digest}).origin == "b"  # the same bytes, wherever they came from
    assert not a.asked and not b.asked
    with pytest.raises(MachineError):
        get({"b": Digest.of(b"another")})  # what is cached is not what is pinned
    assert b.asked == [Digest.of(b"another")]


def test_a_local_file_with_the_pinned_digest(
    archive: MakeArchive, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    made = archive(origin="local", url="", evidence="none")
    cache.add(made, VERSION, Notes())
    origin = FakeOrigin("a", MachineError("no"))
    source = obtain(VERSION, [origin], {"a": made.digest}, cache, downloads, notes)
    assert (source.origin, source.evidence) == ("a", "a local file with the pinned digest")
    with pytest.raises(MachineError):  # without a pin nothing vouches for it
        obtain(VERSION, [origin], {}, cache, downloads, notes)


def test_a_tarball_of_another_version_is_one_more_failure(
    archive: MakeArchive, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    wrong = archive(kernel_members("6.1.175"), name="downloads/wrong.tar", origin="a")
    origins = [FakeOrigin("a", wrong), FakeOrigin("b", archive(origin="b"))]
    assert obtain(VERSION, origins, {}, cache, downloads, notes).origin == "b"
    assert "its Makefile says 6.1.175" in notes.notes[0]
    assert not wrong.path.exists()


def test_kernel_org_then_debian_with_a_pin_that_does_not_match(
    web: Web,
    keys: Keys,
    published: Release,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    Suite("a", published.xz).publish(web, keys)
    origins: list[Origin] = [
        KernelOrg(keys.good.keyring, web.url),
        DebianArchive(("a",), keys.good.keyring, (f"{web.url}/debian",)),
    ]
    pins = {"kernel.org": Digest.of(b"pinned"), "debian": Digest.of(published.xz)}
    source = obtain(VERSION, origins, pins, cache, downloads, notes)
    assert (source.origin, source.epoch) == ("debian", EPOCH)
    assert len(notes.notes) == 1
    assert notes.notes[0].startswith("source: kernel.org: linux-6.1.176.tar.xz was refused")
    assert list(downloads.glob("linux*")) == []  # tarballs go once they are unpacked


_OBTAIN = """
import sys
from pathlib import Path
from ingot.progress import Silent
from ingot.source.trees.source_cache import SourceCache
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.obtain import obtain
from ingot.version import KernelVersion
url, keyring, root, downloads = sys.argv[1:]
source = obtain(KernelVersion.parse("6.1.176"), [KernelOrg(Path(keyring), url)], {},
                SourceCache(Path(root)), Path(downloads), Silent())
print(source.digest, source.tree)
"""


def test_processes_that_want_the_same_source_at_once(
    web: Web, keys: Keys, published: Release, cache: SourceCache, downloads: Path
) -> None:
    argv = [sys.executable, "-c", _OBTAIN, web.url, str(keys.good.keyring)]
    running = [
        subprocess.Popen([*argv, str(cache.root), str(downloads)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(outputs) == 1
    assert len(web.of(".tar.xz")) == 1
    assert len(cache.entries()) == 1
    assert [path.name for path in cache.root.iterdir() if path.name.startswith(".")] == []
