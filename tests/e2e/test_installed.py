"""The two commands that the README gives for an installed Ingot, in an empty directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.installed import install, make_release

pytestmark = pytest.mark.e2e


def test_an_installed_ingot_builds_a_kernel(tmp_path: Path) -> None:
    installed = install(make_release(tmp_path / "dist"), tmp_path)
    output = installed.run("ingot", "build", "6.1-minimal", "--json", at="mine")
    (built,) = json.loads(output)["built"]
    assert {image["image"].partition(":")[0] for image in built["images"]} >= {
        *("flintlock-kernel", "kernel-bin", "kernel-modules")
    }
    assert (installed.directory / "mine" / "images" / "index.json").is_file()
    assert "<html" in installed.run("ingot", "report", "--to", "-", at="mine")
