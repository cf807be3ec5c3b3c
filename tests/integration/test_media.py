"""The images of file systems, held against the programs that check such volumes for a living."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ingot.boot.media import IMAGES
from tests.support.places import REPOSITORY


@pytest.fixture
def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The image that the test's parameter names, as large as guests make it."""
    name, mebibytes = request.param
    path = tmp_path / str(name)
    path.write_bytes(IMAGES[name]())
    with path.open("rb+") as file:
        file.truncate(max(mebibytes << 20, path.stat().st_size))
    return path


def run(program: str, *words: str | Path) -> tuple[int, str]:
    found = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        pytest.skip(f"there is no {program} here")
    done = subprocess.run(
        [found, *words], capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"}
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("volume", [("ext2", 8), ("ext3", 8), ("ext4", 8)], indirect=True)
def test_e2fsck_finds_nothing(volume: Path) -> None:
    status, said = run("e2fsck", "-f", "-n", volume)
    assert status == 0, said
    assert f"{volume}: 12/16 files" in said


@pytest.mark.parametrize("volume", [("btrfs", 128)], indirect=True)
def test_btrfs_check_finds_nothing(volume: Path) -> None:
    status, said = run("btrfs", "check", "--check-data-csum", volume)
    assert status == 0, said
    assert "no error found" in said


@pytest.mark.parametrize("volume", [("xfs", 64)], indirect=True)
def test_xfs_repair_finds_nothing(volume: Path) -> None:
    status, said = run("xfs_repair", "-n", "-f", "-o", "force_geometry", volume)
    assert status == 0, said
    assert "Phase 7" in said
    wrong = ("bad ", "would ", "invalid", "unknown", "corrupt", "mismatch in")
    assert [line for line in said.splitlines() if any(word in line.lower() for word in wrong)] == []


@pytest.mark.parametrize("volume", [("vfat", 1)], indirect=True)
def test_fsck_fat_finds_nothing(volume: Path) -> None:
    status, said = run("fsck.fat", "-n", "-v", volume)
    assert status == 0, said
    assert "3 files" in said


@pytest.mark.parametrize(
    ("volume", "names"),
    [(("iso9660-joliet", 0), "-J"), (("iso9660-rock-ridge", 0), "-R")],
    indirect=["volume"],
)
def test_isoinfo_finds_the_file_by_its_long_name(volume: Path, names: str) -> None:
    status, said = run("isoinfo", names, "-f", "-i", volume)
    assert (status, said) == (0, "/meta-data\n")
    assert run("isoinfo", names, "-i", volume, "-x", "/meta-data") == (0, "proof\n")
    # what has none of these extensions has another name for it
    assert run("isoinfo", "-f", "-i", volume)[1] == "/META_DAT.;1\n"


@pytest.mark.parametrize(
    "volume", [(f"squashfs-{name}", 0) for name in ("lz4", "xz", "zlib", "zstd")], indirect=True
)
def test_unsquashfs_finds_the_file(volume: Path) -> None:
    assert run("unsquashfs", "-cat", volume, "file") == (0, "proof\n")


@pytest.mark.parametrize("volume", [("erofs", 0)], indirect=True)
def test_fsck_erofs_finds_nothing(volume: Path) -> None:
    status, said = run("fsck.erofs", volume)
    assert status == 0, said


def test_the_script_makes_the_packaged_images_again_to_the_byte() -> None:
    done = subprocess.run(
        [REPOSITORY / "scripts" / "make-media-images", "--check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode == 3:
        pytest.skip(f"not the programs that the images were made with: {done.stderr}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
