"""The source of modules: what counts of a directory, and that it stays as it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.source.trees.out_of_tree import copy_module_source, require_module_source


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "hello"
    (directory / "inner").mkdir(parents=True)
    (directory / "Kbuild").write_text("obj-m += hello.o\n")
    (directory / "hello.c").write_text("int x;\n")
    (directory / "inner" / "gen.sh").write_text("#!/bin/sh\n")
    (directory / "inner" / "gen.sh").chmod(0o755)
    (directory / "link.h").symlink_to("inner/gen.sh")
    return directory


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_copy_has_all_of_it_and_one_time(directory: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    copy_module_source(directory, to)
    assert names(to) == names(directory)
    assert (to / "link.h").readlink() == Path("inner/gen.sh")
    assert os.access(to / "inner" / "gen.sh", os.X_OK)
    assert not os.access(to / "hello.c", os.X_OK)
    files = [path for path in to.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len({path.stat().st_mtime for path in files}) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("hello.o", "hello.ko", "hello.mod", "hello.mod.c", ".hello.o.cmd", "Module.symvers"),
        *("modules.order", "built-in.a", "inner/x.o", ".git/config", ".tmp_versions/x", ".x.o.d"),
    ],
)
def test_what_an_earlier_make_left_is_no_source(directory: Path, tmp_path: Path, name: str) -> None:
    digest = copy_module_source(directory, tmp_path / "before")
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).write_text("left")
    assert copy_module_source(directory, tmp_path / "after") == digest
    assert names(tmp_path / "after") == names(tmp_path / "before")


@pytest.mark.parametrize("name", ["hello.o_shipped", ".hidden", "new.c", "inner/Makefile"])
def test_all_else_counts(directory: Path, tmp_path: Path, name: str) -> None:
    digest = copy_module_source(directory, tmp_path / "before")
    (directory / name).write_text("new")
    assert copy_module_source(directory, tmp_path / "after") != digest


def test_a_link_that_leads_out_is_no_way_in(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    (directory / "out").symlink_to(tmp_path / "secret")
    copy_module_source(directory, tmp_path / "copy")
    assert (tmp_path / "copy" / "out").is_symlink()


def test_what_is_no_file_is_refused(directory: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(directory / "door"))
        with pytest.raises(UserError, match="door is neither a file"):
            copy_module_source(directory, tmp_path / "copy")


@pytest.mark.parametrize("name", ["Kbuild", "Makefile"])
def test_one_of_two_files_says_what_is_compiled(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="neither a Kbuild nor a Makefile"):
        require_module_source(tmp_path)
    (tmp_path / name).touch()
    require_module_source(tmp_path)
    with pytest.raises(UserError, match="no directory"):
        require_module_source(tmp_path / name)
