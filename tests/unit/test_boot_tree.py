"""Any directory as a guest's root, and the init in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingot.boot.guest.root_tree import find_init, pack
from ingot.errors import UserError
from tests.support.initramfs_entries import listed


def test_files_directories_and_links_are_packed_with_their_modes(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("x")
    (root / "bin/tool").chmod(0o755)
    (root / "sh").symlink_to("bin/tool")
    (root / "secret").write_text("x")
    (root / "secret").chmod(0o600)
    os.mkfifo(root / "pipe")
    found = listed(pack(root), tmp_path)
    assert found["bin/tool"] == "-rwxr-xr-x"
    assert found["secret"] == "-rw-------"
    assert found["sh"].startswith("l")
    assert found["bin"].startswith("d")
    assert found["dev/console"].startswith("c")
    assert "pipe" not in found


def test_modules_are_laid_where_they_belong(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "veth.ko").write_text("x")
    found = listed(pack(tmp_path / "root", (modules, "/lib/modules/6.1.176")), tmp_path)
    assert found["lib/modules/6.1.176/veth.ko"].startswith("-")
    assert found["lib"].startswith("d")


def test_what_leads_over_a_link_of_the_root_is_laid_where_the_link_leads(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib").chmod(0o711)
    (root / "usr/lib/ld.so").write_text("x")
    (root / "lib").symlink_to("usr/lib")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "veth.ko").write_text("x")
    archive = pack(root, (modules, "/lib/modules/6.1.176"))
    found = listed(archive, tmp_path)
    assert found["lib"].startswith("l")
    assert found["usr/lib"] == "drwx--x--x"
    assert found["usr/lib/modules/6.1.176/veth.ko"].startswith("-")
    assert not [name for name in found if name.startswith("lib/")]
    assert archive.count(b"usr/lib\0") == 2  # the directory's name, and what the link holds


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / os.fsdecode(b"caf\xe9")).write_text("x")
    assert b"caf\xe9\0" in pack(root)


def test_what_its_owner_may_not_read_is_packed_with_its_mode(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "closed").mkdir(parents=True)
    (root / "closed/shadow").write_text("secret")
    (root / "closed/shadow").chmod(0)
    (root / "closed").chmod(0o111)
    archive = pack(root)
    assert b"secret" in archive
    found = listed(archive, tmp_path)
    assert (found["closed"], found["closed/shadow"]) == ("d--x--x--x", "----------")
    assert (root / "closed").stat().st_mode & 0o777 == 0o111


def put(root: Path, name: str, target: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if target:
        path.symlink_to(target)
    else:
        path.write_text("x")


def test_an_init_is_found_where_kernels_look_for_it(tmp_path: Path) -> None:
    put(tmp_path, "bin/sh")
    assert find_init(tmp_path) == "/bin/sh"
    put(tmp_path, "sbin/init")
    assert find_init(tmp_path) == "/sbin/init"
    put(tmp_path, "init")
    assert find_init(tmp_path) == "/init"


def test_links_are_followed_inside_the_root(tmp_path: Path) -> None:
    put(tmp_path, "usr/lib/systemd/systemd")
    put(tmp_path, "usr/sbin/init", "../lib/systemd/systemd")
    put(tmp_path, "sbin", "/usr/sbin")
    assert find_init(tmp_path) == "/sbin/init"


@pytest.mark.parametrize("target", ["/bin/true", "../../../../bin/true", "init", "nothing"])
def test_a_link_leads_to_nothing_outside(tmp_path: Path, target: str) -> None:
    put(tmp_path, "sbin/init", target)
    with pytest.raises(UserError, match="has no init"):
        find_init(tmp_path)
