"""Any folder as a guest's root, and the init in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ingot.boot.tree import find_init, pack
from ingot.errors import UserError


def listed(archive: bytes, folder: Path) -> dict[str, str]:
    """What cpio(1) finds in an archive: mode by name."""
    done = subprocess.run(
        ["cpio", "--quiet", "-tv"], input=archive, capture_output=True, check=True, cwd=folder
    )
    found = {}
    for line in done.stdout.decode().splitlines():
        name = line.partition(" -> ")[0].split()[-1]
        found[name.lstrip("/")] = line.split()[0]
    return found


def test_files_folders_and_links_are_packed_with_their_modes(tmp_path: Path) -> None:
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
