"""`scripts/release`: what it refuses, and that the project as it is could be released."""

from __future__ import annotations

import importlib.util
import re
import tomllib
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from ingot import __version__
from ingot.catalog import bundled_catalog
from tests.support.places import REPOSITORY

CHANGELOG = """# Changelog

## Unreleased

- later

## 1.2.3 - 2026-01-02

### Added

- a thing

## 1.2.2 - 2026-01-01

- an older thing
"""


def load_script() -> ModuleType:
    loader = SourceFileLoader("release_script", str(REPOSITORY / "scripts" / "release"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


release = load_script()


def project(root: Path, version: str = "1.2.3", changelog: str = CHANGELOG) -> Path:
    package = root / "src" / "ingot"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'"""Doc."""\n\n__version__ = "{version}"\n')
    (root / "CHANGELOG.md").write_text(changelog)
    return root


def test_a_tag_that_agrees_is_taken(tmp_path: Path) -> None:
    assert release.check("v1.2.3", project(tmp_path)) == "1.2.3"


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.4", "v1.2.3-rc1", "v1.2.3\n", "", "v1.2"])
def test_a_tag_that_differs_from_the_version_is_refused(tmp_path: Path, tag: str) -> None:
    with pytest.raises(release.ReleaseError, match=r"must be v1\.2\.3"):
        release.check(tag, project(tmp_path))


@pytest.mark.parametrize(
    ("changelog", "says"),
    [
        (CHANGELOG.replace("## 1.2.3 -", "## 1.2.30 -"), "has no heading"),
        (CHANGELOG.replace("## 1.2.3 - 2026-01-02", "## 1.2.3"), "has no heading"),
        (CHANGELOG.replace("2026-01-02", "soon"), "not YYYY-MM-DD"),
        (CHANGELOG.replace("### Added\n\n- a thing\n", ""), "an empty section"),
    ],
)
def test_a_changelog_that_is_not_ready_is_refused(
    tmp_path: Path, changelog: str, says: str
) -> None:
    with pytest.raises(release.ReleaseError, match=says):
        release.check("v1.2.3", project(tmp_path, changelog=changelog))


def test_notes_are_the_section_of_the_release(tmp_path: Path) -> None:
    assert release.notes("v1.2.3", project(tmp_path)) == "### Added\n\n- a thing"


def test_a_version_that_is_not_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(release.ReleaseError, match="no __version__"):
        release.version_of(project(tmp_path, version="1.2.3.dev0"))


def test_the_command_line_reports_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["check", "v0"]) == 1
    assert capsys.readouterr().err.startswith("release: the tag is 'v0'")


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.whl").touch()
    with pytest.raises(release.ReleaseError, match="is not empty"):
        release.build(tmp_path)


def wheel_with(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_wheel_with_other_files_is_refused(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path / "a.whl", **{"ingot/a": "", "ingot-1.dist-info/RECORD": ""})
    release.require_files(wheel, {"ingot/a"})
    for wanted in (set[str](), {"ingot/a", "ingot/b"}):
        with pytest.raises(release.ReleaseError, match="lacks"):
            release.require_files(wheel, wanted)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Metadata-Version: 2.4\nName: ingot\nVersion: 1.2.4\n\nText", "not 1.2.3"),
        ("Metadata-Version: 2.4\nName: ingot\nVersion: 1.2.3\n\n", "no description"),
    ],
)
def test_metadata_that_an_index_would_refuse_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    wheel = wheel_with(tmp_path / "a.whl", **{"ingot-1.dist-info/METADATA": text})
    with pytest.raises(release.ReleaseError, match=says):
        release.require_metadata(wheel, "1.2.3")


# The project as it is


def test_the_project_can_be_released() -> None:
    assert release.check(f"v{__version__}") == __version__
    assert release.notes(f"v{__version__}")


def test_no_other_file_of_the_build_states_the_version() -> None:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" not in document["project"]
    assert document["project"]["dynamic"] == ["version"]


def test_the_address_of_the_project_is_the_same_everywhere() -> None:
    urls = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Homepage"] == bundled_catalog.HOME
    assert all(url.startswith(bundled_catalog.HOME) for url in urls.values())


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file, each with its version and hashes."""
    text = re.sub(r"^ *#.*\n", "", (REPOSITORY / name).read_text(), flags=re.MULTILINE)
    return dict(re.findall(r"^([\w-]+)==(.*(?:\n .*)*)", text, re.MULTILINE))


def test_what_is_installed_is_a_part_of_what_is_developed_with() -> None:
    developing, installed = locked("requirements.lock"), locked("requirements-runtime.lock")
    assert installed
    assert installed.items() <= developing.items()
    assert "pytest" not in installed


@pytest.mark.parametrize("package", ["deflate", "kconfiglib"])
def test_what_decides_bytes_is_pinned_exactly(package: str) -> None:
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    version = locked("requirements.lock")[package].split(" ")[0]
    assert f"{package}=={version}" in document["project"]["dependencies"]
