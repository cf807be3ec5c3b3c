from __future__ import annotations

import gzip
import io
import json
import os
import socket
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.errors import MachineError, UserError
from ingot.oci import (
    Layer,
    LayerEntry,
    Layout,
    file_entry,
    link_entry,
    tree_entries,
    write_layer,
    write_tar_layer,
)
from tests.support.sample_images import GOLDEN, LONG_NAME, MTIME, digests, entries, layer


def members(layout: Layout, written: Layer) -> dict[str, tarfile.TarInfo]:
    data = gzip.decompress(layout.read_blob(written.descriptor))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: info for info in tar}


def test_digests_are_the_golden_ones(layout: Layout) -> None:
    assert digests(layout) == json.loads(GOLDEN.read_text()), "see tests/support/update_golden.py"


def test_nothing_of_this_machine_is_in_a_layer(layout: Layout) -> None:
    found = members(layout, layer(layout))
    assert list(found) == sorted(found, key=str.encode)
    for info in found.values():
        assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
        assert info.mtime == MTIME
        assert not info.pax_headers
    assert found["boot"].isdir()
    assert found["boot"].mode == 0o755
    assert found["boot/vmlinux"].mode == 0o644
    assert found["usr/bin/tool"].mode == 0o755
    assert found[LONG_NAME].size == 5
    assert len(found["lib/modules/long"].linkname) == 161


_NAMES = st.text("abc", min_size=1, max_size=3)
_TREES = st.dictionaries(
    st.tuples(_NAMES, _NAMES), st.tuples(st.binary(max_size=40), st.booleans()), min_size=1
)


def make_tree(root: Path, files: list[tuple[tuple[str, str], tuple[bytes, bool]]]) -> None:
    root.mkdir()
    for (directory, name), (content, executable) in files:
        (root / directory).mkdir(exist_ok=True)
        path = root / directory / name
        path.write_bytes(content)
        if executable:
            path.chmod(0o750 if len(content) % 2 else 0o711)
        os.utime(path, (len(content), len(content)))


@settings(max_examples=12, deadline=None)
@given(_TREES, st.randoms(use_true_random=False), st.sampled_from([0o022, 0o077, 0o002]))
def test_order_times_and_umask_do_not_matter(
    tree: dict[tuple[str, str], tuple[bytes, bool]], random: object, umask: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = list(tree.items())
        make_tree(Path(directory) / "one", files)
        random.shuffle(files)  # type: ignore[attr-defined]
        before = os.umask(umask)
        try:
            make_tree(Path(directory) / "two", files)
        finally:
            os.umask(before)
        layout = Layout(Path(directory) / "images")
        one = write_layer(layout, tree_entries(Path(directory) / "one", "lib/modules"), 1)
        two = tree_entries(Path(directory) / "two", "lib/modules")
        random.shuffle(two)  # type: ignore[attr-defined]
        assert write_layer(layout, two, 1) == one


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_does_not_matter(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"x")
    before = write_layer(layout, tree_entries(tmp_path / "tree"), 1)
    os.chown(tmp_path / "tree/file", 1234, 4321)
    assert write_layer(layout, tree_entries(tmp_path / "tree"), 1) == before


def test_hard_links_and_their_copies_are_the_same_layer(layout: Layout, tmp_path: Path) -> None:
    for name in ("linked", "copied"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_bytes(b"x")
    (tmp_path / "linked/b").hardlink_to(tmp_path / "linked/a")
    (tmp_path / "copied/b").write_bytes(b"x")
    linked = write_layer(layout, tree_entries(tmp_path / "linked"), 1)
    assert linked == write_layer(layout, tree_entries(tmp_path / "copied"), 1)


def test_tree_keeps_links_and_does_not_follow_them(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/build").symlink_to("/usr/src")
    found = {entry.name: entry for entry in tree_entries(tmp_path / "tree", "/lib/")}
    assert set(found) == {"lib", "lib/build"}
    assert found["lib/build"].target == "/usr/src"


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_only_files_directories_and_links_go_in(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    Path("tree").mkdir()
    if kind == "fifo":
        os.mkfifo("tree/odd")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("tree/odd")
    with pytest.raises(UserError, match="odd cannot be put into an image"):
        tree_entries(Path("tree"))


@pytest.mark.parametrize("name", ["", "/etc", "a//b", "a/../b", ".", "a/./b", "a\0", "x/.wh.y"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        file_entry(name, b"")


@pytest.mark.parametrize(
    "contradiction",
    [
        [file_entry("a", b"1"), file_entry("a", b"2")],
        [file_entry("a", b"1"), file_entry("a/b", b"2")],
        [link_entry("a", "b"), file_entry("a/b", b"2")],
    ],
)
def test_contradictions_are_refused(layout: Layout, contradiction: list[LayerEntry]) -> None:
    with pytest.raises(UserError):
        write_layer(layout, contradiction, 1)


def test_a_file_that_changes_meanwhile_is_an_error(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for before, after in ((b"long", b"s"), (b"s", b"long")):
        path.write_bytes(before)
        entry = file_entry("file", path)
        path.write_bytes(after)
        with pytest.raises(MachineError, match="changed"):
            write_layer(layout, [entry], 1)
    assert not list(layout.blobs.directory.iterdir())


def test_a_file_that_becomes_a_link_is_an_error(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    entry = file_entry("file", path)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(MachineError, match="cannot read"):
        write_layer(layout, [entry], 1)


def test_a_ready_made_tar_is_kept_to_the_byte(layout: Layout, tmp_path: Path) -> None:
    tar = tmp_path / "rootfs.tar"
    with tarfile.open(tar, "w") as file:
        file.add(__file__, "etc/thing")
    written = write_tar_layer(layout, tar)
    assert gzip.decompress(layout.read_blob(written.descriptor)) == tar.read_bytes()
    (tmp_path / "no.tar").write_bytes(gzip.compress(tar.read_bytes()))
    with pytest.raises(UserError, match="not an uncompressed tar"):
        write_tar_layer(layout, tmp_path / "no.tar")


def test_progress_reaches_its_total(layout: Layout) -> None:
    class Steps:
        def __init__(self) -> None:
            self.seen: list[tuple[float, float | None]] = []

        def advance(
            self, done: float, total: float | None = None, detail: str = "", *, unit: str = ""
        ) -> None:
            self.seen.append((done, total))

        def result(self, text: str) -> None: ...

    steps = Steps()
    write_layer(layout, entries(), MTIME, steps)
    done, total = steps.seen[-1]
    assert done == total
