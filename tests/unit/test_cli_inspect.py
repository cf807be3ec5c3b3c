"""`ingot inspect` of an image of a registry: verified like an image of the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingot import registry
from ingot.cli.main import app
from ingot.errors import UserError, VerificationError
from ingot.oci import Descriptor, Layout, copy_image
from tests.support.shops import Shop, open_shop

IMAGE = "localhost:5000/foobar/kernel-bin:6.1"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A store; the current directory has no catalog."""
    monkeypatch.delenv("INGOT_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path / "..")
    return open_shop(tmp_path)


def serve(monkeypatch: pytest.MonkeyPatch, shop: Shop, image: Descriptor, *, damage: bool) -> None:
    """Make every registry answer with this image of the store."""

    def fetch(_reference: str, _architecture: str, to: Path, *, insecure: bool) -> Layout:
        assert insecure
        layout = Layout(to)
        copy_image(shop.layout, image, layout)
        layout.tag({registry.FETCHED: image})
        if damage:
            for blob in layout.blobs.names():
                if blob.stat().st_size > 100_000:
                    blob.write_bytes(bytes(blob.stat().st_size))
        return layout

    monkeypatch.setattr(registry, "fetch_image", fetch)


def inspect(*words: str) -> Result:
    return CliRunner().invoke(app, ["inspect", *words])


def test_an_image_of_a_registry_is_shown_without_a_catalog(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = shop.put("6.1.9")["kernel-bin"]
    serve(monkeypatch, shop, image, damage=False)
    result = inspect(IMAGE, "--insecure", "--files", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["image"] == IMAGE
    assert document["digest"] == str(image.digest)
    assert [file["name"] for file in document["files"] if file["kind"] == "file"] == [
        "boot/vmlinux"
    ]
    assert document["problems"] == []
    error = inspect(IMAGE, "--insecure", "--arch", "arm64").exception
    assert isinstance(error, UserError)
    assert "is for linux/amd64, not for arm64" in error.what


def test_a_damaged_image_of_a_registry_is_reported(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, shop, shop.put("6.1.9")["kernel-bin"], damage=True)
    error = inspect(IMAGE, "--insecure").exception
    assert isinstance(error, VerificationError)
    assert error.what == f"{IMAGE} is damaged"
    assert "publisher" in error.hint


def test_the_arch_of_an_image_of_the_store_cannot_be_chosen() -> None:
    error = inspect("kernel-bin:6.1", "--arch", "arm64").exception
    assert isinstance(error, UserError)
    assert error.what == "--arch cannot be used with kernel-bin:6.1"
