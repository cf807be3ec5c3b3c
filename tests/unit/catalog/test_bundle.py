"""A catalog of one's own: all that is needed to build, whole or not at all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ingot import __version__, catalog
from ingot.catalog import bundled, bundled_catalog, starter
from ingot.errors import UserError
from tests.support.places import REPOSITORY

COMPANIONS = ("README.md", ".gitignore", ".github/workflows/kernels.yml")


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_bundled_catalog_is_that_of_the_checkout() -> None:
    assert bundled() == REPOSITORY / "kernels"


@pytest.mark.parametrize("into", ["new", "new/deep", "."])
def test_a_new_catalog_has_all_that_the_bundled_one_has(tmp_path: Path, into: str) -> None:
    made = starter(tmp_path / into)
    assert made == tmp_path / into / "kernels"
    ours = files(REPOSITORY / "kernels")
    assert files(made) == {
        name: data for name, data in ours.items() if not name.startswith("configs/")
    }
    found = catalog.load(made)
    for kernel in found.kernels:
        assert found.requests(kernel)
    assert found.keyring.is_file()
    assert {name.partition("/")[0] for name in files(tmp_path / into)} == {
        "kernels",
        *(name.partition("/")[0] for name in COMPANIONS),
    }


def test_resolved_configs_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "package" / "kernels"
    (source / "configs").mkdir(parents=True)
    (source / "patches" / "configs").mkdir(parents=True)
    (source / "configs" / "a.config").touch()
    (source / "patches" / "configs" / "b").touch()
    monkeypatch.setattr("ingot.catalog.bundled_catalog.bundled", lambda: source)
    assert list(files(starter(tmp_path / "new"))) == ["patches/configs/b"]


def test_a_catalog_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "kernels.toml").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        starter(tmp_path)
    assert files(tmp_path) == {"kernels/kernels.toml": b"mine"}


def test_an_empty_directory_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    assert catalog.load(starter(tmp_path)).kernels


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "kernels").touch()
    with pytest.raises(UserError, match="already exists"):
        starter(tmp_path)


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: object, target: str, **_: object) -> None:
        Path(target).mkdir()
        (Path(target) / "half").touch()
        raise OSError("the disk is gone")

    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(OSError, match="gone"):
        starter(tmp_path)
    assert list(tmp_path.iterdir()) == []


# The files beside a catalog


def test_the_files_beside_a_catalog_are_filled_in(tmp_path: Path) -> None:
    starter(tmp_path)
    texts = {name: (tmp_path / name).read_text() for name in COMPANIONS}
    for text in texts.values():
        assert not re.search(r"@[A-Z]+@", text)
    assert f"ingot@v{__version__}\n" in texts[".github/workflows/kernels.yml"]
    assert bundled_catalog.HOME in texts["README.md"]
    assert "/images/" in texts[".gitignore"].splitlines()


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_file_beside_a_catalog_that_exists_is_left_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    starter(tmp_path)
    assert path.read_text() == "mine"
    assert all((tmp_path / other).is_file() for other in COMPANIONS)


def test_a_link_that_leads_nowhere_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to("elsewhere")
    starter(tmp_path)
    assert (tmp_path / "README.md").is_symlink()
    assert not (tmp_path / "elsewhere").exists()
