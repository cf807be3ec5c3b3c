"""Any directory as an ext4 disk, made by the real mke2fs and debugfs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.boot.guest.tree_disk import make_tree_disk
from ingot.builder.sandbox import Builder, Sandbox
from tests.support import fakes
from tests.support.digests import digest
from tests.support.places import FAKES


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of a root whose files have all kinds of modes and names, with a kernel's modules."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        directory = tmp_path_factory.mktemp("disk")
        record = str(directory / "record")
        fakes.install(monkeypatch, directory / "fakes", FAKES, FAKE_RECORD=record)
        yield make_disk(directory)


def make_disk(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "closed").mkdir()
    (root / "closed/shadow").write_text("secret")
    (root / "closed/shadow").chmod(0)
    (root / "closed").chmod(0o700)
    (root / "su").write_text("x")
    (root / "su").chmod(0o4755)
    (root / "sudo").hardlink_to(root / "su")
    (root / 'a "b" c').write_text("quoted")
    (root / 'a "b" c').chmod(0o640)
    (root / "new\nline").write_text("x")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "veth.ko").write_text("VETH")
    (tmp_path / "work").mkdir()
    sandbox = Sandbox.below(tmp_path / "work", Builder("test", digest("builder")))
    made = make_tree_disk(root, (modules, "/lib/modules/6.1"), sandbox)
    assert not root.exists()
    return made


def debugfs(disk: Path, request: str) -> str:
    words = ["debugfs", "-R", request, str(disk)]
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("/closed", "0700"),
        ("/closed/shadow", "0000"),
        ("/su", "04755"),
        ("/sudo", "04755"),
        ('"/a ""b"" c"', "0640"),
        ("/lib", "0777"),
        ("/usr/lib/modules/6.1/veth.ko", "0644"),
        ("/", "0755"),
        ("/dev", "0755"),
    ],
)
def test_files_have_the_modes_of_the_image_and_belong_to_root(
    disk: Path, name: str, mode: str
) -> None:
    words = debugfs(disk, f"stat {name}").split()
    found = {key: words[words.index(key) + 1] for key in ("Mode:", "User:", "Group:")}
    assert found == {"Mode:": mode, "User:": "0", "Group:": "0"}


def test_files_have_their_content(disk: Path) -> None:
    assert debugfs(disk, "cat /closed/shadow") == "secret"
    assert debugfs(disk, 'cat "/a ""b"" c"') == "quoted"
    assert debugfs(disk, "cat /usr/lib/modules/6.1/veth.ko") == "VETH"


def test_the_disk_is_sound_and_does_not_use_its_empty_space(disk: Path) -> None:
    checked = ["e2fsck", "-f", "-n", str(disk)]
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    assert subprocess.run(checked, env=env, capture_output=True, check=False).returncode == 0
    status = disk.stat()
    assert status.st_size > 256 << 20
    assert status.st_blocks * 512 < 64 << 20
