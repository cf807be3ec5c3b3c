"""`ingot config show` of images and files: what is read, and what needs no catalog."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingot import lab
from ingot.arch import Arch
from ingot.cli.main import app
from ingot.errors import MachineError, UserError
from ingot.kconfig import Config
from ingot.lab import NamedConfig
from tests.support.shops import open_shop


def show(*words: str) -> Result:
    return CliRunner().invoke(app, ["config", "show", *words])


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory without a catalog."""
    monkeypatch.delenv("INGOT_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_config_of_an_image_of_the_store_is_its_options(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.put("6.1.9")
    result = show("kernel-bin:6.1.9", "--catalog", str(shop.root / "kernels"))
    assert (result.exit_code, result.output) == (0, "CONFIG_A=y\n")


def test_a_file_needs_no_catalog(nowhere: Path) -> None:
    (nowhere / "my.config").write_text("CONFIG_B=m\n# CONFIG_C is not set\n")
    assert show("./my.config").output == "CONFIG_B=m\n# CONFIG_C is not set\n"


@pytest.mark.usefixtures("nowhere")
def test_an_image_of_a_registry_needs_no_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(reference: str, platform: Arch, *, insecure: bool) -> NamedConfig:
        asked.append((reference, platform.name, insecure))
        return NamedConfig(reference, Config("CONFIG_D=y\n"), None, None)

    monkeypatch.setattr(lab, "config_of_reference", read)
    image = "localhost:5000/kernel-bin:6.1"
    assert show(image, "--arch", "arm64", "--insecure").output == "CONFIG_D=y\n"
    assert asked == [(image, "arm64", True)]
    assert isinstance(show(image, "--offline").exception, MachineError)


@pytest.mark.parametrize("words", [["--asked"], ["--source", "x"], ["--patch", "x"]])
def test_options_of_a_kernel_of_the_catalog_are_refused_for_an_image(words: list[str]) -> None:
    error = show("kernel-bin:6.1.9", *words).exception
    assert isinstance(error, UserError)
    assert "need a kernel of the catalog" in error.what


def test_a_kernel_with_modules_is_not_a_kernel_of_the_catalog(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    error = show("6.1-plus-hello", "--catalog", str(shop.root / "kernels")).exception
    assert isinstance(error, UserError)
    assert error.hint == "name the kernel alone: 6.1"
