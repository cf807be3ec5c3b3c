"""`import ingot`: what docs/python.md shows runs, and what it names is all there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import ingot
from ingot import api
from tests.support.houses import House
from tests.support.places import REPOSITORY
from tests.support.registries import serve

PAGE = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SERVER = "localhost:5000"


def test_the_examples_run(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(house.root)
    build, publish = BLOCKS
    names: dict[str, object] = {}
    exec(build, names)
    printed = capsys.readouterr().out
    assert "6.1.999 x86_64" in printed
    assert "kernel-bin:6.1.999 sha256:" in printed
    assert "passed" in printed
    assert "has no image 'kernel-bin:1.2.3'" in printed
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed")
    assert SERVER in publish
    with serve(tmp_path / "registry") as served:
        exec(publish.replace(SERVER, served.address), names)
    assert "kernel-bin:6.1.999 new" in capsys.readouterr().out


def test_a_config_that_is_not_sound_has_findings_and_is_not_built(house: House) -> None:
    house.fragment("base/x86_64", "CONFIG_CHILD=m", "CONFIG_NO_SUCH_OPTION=y")
    project = ingot.open_project(house.kernels, cache=house.cache)
    (kernel,) = ingot.list_kernels(project)
    (finding,) = ingot.check_config(project, kernel)
    assert "NO_SUCH_OPTION" in str(finding)
    with pytest.raises(ingot.UserError, match="NO_SUCH_OPTION"):
        ingot.build_kernel(project, kernel)


def test_a_project_without_a_catalog_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ingot.UserError, match="there is no catalog"):
        ingot.open_project(tmp_path, cache=tmp_path / "cache")


def test_the_package_offers_what_the_api_does_and_each_function_is_on_the_page() -> None:
    assert set(ingot.__all__) == {*api.__all__, "__version__"}
    for name in api.__all__:
        assert getattr(ingot, name) is getattr(api, name)
        assert getattr(api, name).__doc__
        assert not name[0].islower() or f"| `{name}(" in PAGE


def test_no_name_of_the_api_is_that_of_a_module() -> None:
    """A module that is imported would hide it."""
    modules = {path.name.removesuffix(".py") for path in (REPOSITORY / "src" / "ingot").iterdir()}
    assert not modules & set(ingot.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        ingot.nothing  # type: ignore[attr-defined]  # noqa: B018
