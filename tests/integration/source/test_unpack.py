"""What unpacking makes, and what it refuses."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import disk_errors
from ingot.progress import Silent
from ingot.source.origin import Archive
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.source.trees import unpack_tarball as module
from ingot.source.trees.unpack_tarball import Unpacked, unpack
from tests.support.tarballs import EPOCH, Member, kernel_members, make_tar

TOP = "linux-6.1.176"
MakeArchive = Callable[..., Archive]


def unpacked(archive: Archive, tmp_path: Path) -> Unpacked:
    staging = tmp_path / "staging"
    staging.mkdir()
    return unpack(archive, staging, Silent())


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_and_times_do_not_depend_on_the_umask(
    archive: MakeArchive, tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        tree = unpacked(archive(), tmp_path).tree
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.lstat().st_mode) for p in (tree, *tree.rglob("*"))}
    modes.pop("link")
    assert modes == {
        "tree": 0o755,
        "scripts": 0o755,
        "run.sh": 0o755,
        "Makefile": 0o644,
        "Kconfig": 0o644,
        "pad": 0o644,
    }
    assert (tree / "Makefile").stat().st_mtime == EPOCH
    assert (tree / "link").readlink() == Path("scripts/run.sh")


@pytest.mark.parametrize(
    "form", [TarballCompression.XZ, TarballCompression.GZIP, TarballCompression.ZSTD]
)
def test_compressions(archive: MakeArchive, tmp_path: Path, form: TarballCompression) -> None:
    plain = archive()
    data = plain.path.read_bytes()
    argv = [form.value, "-c"]
    packed = subprocess.run(argv, input=data, check=True, capture_output=True).stdout
    plain.path.write_bytes(packed)
    made = replace(plain, digest=Digest.of(packed), form=form)
    assert (unpacked(made, tmp_path).tree / "Makefile").exists()


def test_setuid_is_dropped_and_unreadable_is_readable(archive: MakeArchive, tmp_path: Path) -> None:
    members = [
        *kernel_members(),
        (f"{TOP}/sudo", b"", {"mode": 0o6777}),
        (f"{TOP}/dark", None, {"type": tarfile.DIRTYPE, "mode": 0}),
        (f"{TOP}/dark/file", b"", {"mode": 0}),
    ]
    tree = unpacked(archive(members), tmp_path).tree
    assert stat.S_IMODE((tree / "sudo").stat().st_mode) == 0o755
    assert stat.S_IMODE((tree / "dark").stat().st_mode) == 0o755
    assert stat.S_IMODE((tree / "dark/file").stat().st_mode) == 0o644


BAD: dict[str, tuple[list[Member], str]] = {
    "dotdot": ([(f"{TOP}/../../evil", b"", {})], "leads outside"),
    "dotdot first": ([("../evil", b"", {})], "leads outside"),
    "absolute link": (
        [(f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})],
        "leads outside",
    ),
    "escaping link": (
        [(f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": "../../x"})],
        "leads outside",
    ),
    "out and in again by the old name": (
        [(f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": f"../{TOP}/Makefile"})],
        "leads outside",
    ),
    "link through a link": (
        [
            (f"{TOP}/up", None, {"type": tarfile.SYMTYPE, "linkname": "scripts/.."}),
            (f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": "up/../x"}),
        ],
        "leads outside",
    ),
    "write through a link": (
        [
            (f"{TOP}/l", None, {"type": tarfile.SYMTYPE, "linkname": "/tmp"}),
            (f"{TOP}/l/ingot-evil", b"evil", {}),
        ],
        "",
    ),
    "hard link out": (
        [(f"{TOP}/h", None, {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})],
        "",
    ),
    "hard link up": (
        [(f"{TOP}/h", None, {"type": tarfile.LNKTYPE, "linkname": f"{TOP}/../../secret"})],
        "",
    ),
    "fifo": ([(f"{TOP}/p", None, {"type": tarfile.FIFOTYPE})], "a device, a pipe"),
    "two directories": ([("other/file", b"", {})], "one top-level directory"),
    "a file beside": ([("file", b"", {})], "one top-level directory"),
    "absolute": ([("/evil/file", b"", {})], "one top-level directory"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(archive: MakeArchive, tmp_path: Path, name: str) -> None:
    members, why = BAD[name]
    (tmp_path / "secret").write_text("secret")
    with pytest.raises((VerificationError, UserError)) as caught:
        unpacked(archive([*kernel_members(), *members]), tmp_path)
    assert why in str(caught.value)
    if why:
        assert isinstance(caught.value, VerificationError)
    assert caught.value.hint
    assert not Path("/tmp/ingot-evil").exists()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"linux.tar", "secret", "staging"}
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_device_is_refused(archive: MakeArchive, tmp_path: Path) -> None:
    device: Member = (f"{TOP}/d", None, {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})
    with pytest.raises((VerificationError, UserError)):  # whether mknod is allowed here or not
        unpacked(archive([*kernel_members(), device]), tmp_path)


def test_a_hard_link_inside_is_fine(archive: MakeArchive, tmp_path: Path) -> None:
    link: Member = (f"{TOP}/h", None, {"type": tarfile.LNKTYPE, "linkname": f"{TOP}/Makefile"})
    tree = unpacked(archive([*kernel_members(), link]), tmp_path).tree
    assert (tree / "h").samefile(tree / "Makefile")


@pytest.mark.parametrize("limit", ["MAX_ENTRIES", "MAX_BYTES"])
def test_too_much(
    archive: MakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 4)
    with pytest.raises(VerificationError, match="more than"):
        unpacked(archive(kernel_members(padding=12_000_000)), tmp_path)


def test_a_sparse_file_counts_as_long_as_it_is(archive: MakeArchive, tmp_path: Path) -> None:
    """It takes no place in the tar nor on the disk, and hours to read."""
    tree = unpacked(archive(), tmp_path).tree.rename(tmp_path / TOP)
    with (tree / "sparse.h").open("wb") as file:
        file.truncate(1 << 42)
    made = archive()
    words = ["tar", "--sparse", "-C", str(tmp_path), "-cf", str(made.path), TOP]
    subprocess.run(words, check=True)
    assert made.path.stat().st_size < 1 << 20
    shutil.rmtree(tmp_path / "staging", ignore_errors=True)
    with pytest.raises(VerificationError, match="GiB"):
        unpacked(replace(made, digest=Digest.of_file(made.path)), tmp_path)


@pytest.mark.parametrize("how", ["cut", "cut xz", "corrupt xz", "page", "empty"])
def test_truncated_or_corrupt(archive: MakeArchive, tmp_path: Path, how: str) -> None:
    good = archive(kernel_members(padding=300_000))
    tar = good.path.read_bytes()
    xz = lzma.compress(tar, preset=0)
    bad = {
        "cut": tar[:100_000],
        "cut xz": xz[: len(xz) // 2],
        "corrupt xz": xz[:50_000] + b"garbage!" + xz[50_008:],
        "page": b"<html>not found</html>",
        "empty": b"",
    }[how]
    good.path.write_bytes(bad)
    with pytest.raises(UserError) as caught:
        form = TarballCompression.XZ if "xz" in how else TarballCompression.TAR
        unpacked(replace(good, digest=Digest.of(bad), form=form), tmp_path)
    assert "truncated or corrupt" in caught.value.what
    assert caught.value.why and caught.value.hint


def test_a_file_that_changed_after_it_was_verified(archive: MakeArchive, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="changed after"):
        unpacked(replace(archive(), digest=Digest.of(b"verified")), tmp_path)


def test_a_full_disk(archive: MakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tar's words for it become the error that the rest of Ingot makes of a full disk."""
    fake = tmp_path / "bin" / "tar"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\necho 'tar: linux/a: Cannot write: No space left on device' >&2; sleep 20\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(MachineError, match="no space left"), disk_errors(tmp_path):
        unpacked(archive(), tmp_path)


def test_a_missing_program(
    archive: MakeArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.process._search_path", lambda: "/nonexistent")
    with pytest.raises(MachineError, match="'tar' is not installed"):
        unpacked(archive(), tmp_path)


def test_make_tar_is_deterministic() -> None:
    assert make_tar(kernel_members()) == make_tar(kernel_members())
