"""The config of whatever somebody points at: files, images with an annotation, images without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot import lab, registry
from ingot.arch import arch
from ingot.errors import UserError
from ingot.images import BASE, BIN
from ingot.oci import Layout, Platform, file_entry, read_image, write_image, write_layer
from ingot.version import Series
from tests.support.configured_kernels import CONFIG, KERNEL
from tests.support.kernel_images import make_kernel

X86 = arch("x86_64")


def put(directory: Path, content: bytes, name: str = "boot/vmlinux") -> tuple[Layout, str]:
    """A store with an image that Ingot did not make, which holds one file."""
    layout = Layout(directory / "images")
    file = directory / "file"
    file.write_bytes(content)
    layer = write_layer(layout, [file_entry(name, file)], 0)
    written = write_image(
        layout, [layer], Platform("linux", "amd64"), labels={}, annotations={}, created=0
    )
    layout.tag({"foreign:1": written})
    return layout, "foreign:1"


@pytest.mark.parametrize("content", [CONFIG.encode(), KERNEL])
def test_a_file_is_a_config_or_a_kernel_that_carries_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    config = lab.config_of_file(path)
    assert config.config.options == {"VETH": "m"}
    assert config.series == Series.parse("5.10")
    assert config.arch == X86


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\x7fELF" + bytes(1000)])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UserError, match="has no kernel config"):
        lab.config_of_file(path)


def test_a_kernel_as_distributions_install_it_has_its_config_beside_it(tmp_path: Path) -> None:
    kernel = tmp_path / "vmlinuz-6.1.0-28-amd64"
    kernel.write_bytes(b"no config within")
    link = tmp_path / "vmlinuz"
    link.symlink_to(kernel.name)
    with pytest.raises(UserError):
        lab.config_of_file(kernel)
    (tmp_path / "config-6.1.0-29-amd64").write_text("CONFIG_OTHER=y\n")
    beside = tmp_path / "config-6.1.0-28-amd64"
    beside.write_text(CONFIG)
    for path in (kernel, link):
        config = lab.config_of_file(path)
        assert config.config.options == {"VETH": "m"}
        assert config.name == str(beside)


def test_so_has_an_exported_kernel_if_there_is_only_one(tmp_path: Path) -> None:
    kernel = tmp_path / "vmlinux"
    kernel.write_bytes(b"no config within")
    (tmp_path / "config-6.1.176").write_text(CONFIG)
    assert lab.config_of_file(kernel).config.options == {"VETH": "m"}
    (tmp_path / "config-6.1.177").write_text(CONFIG)
    with pytest.raises(UserError):
        lab.config_of_file(kernel)


def test_a_config_that_does_not_say_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("CONFIG_A=y\n")
    config = lab.config_of_file(path)
    assert (config.series, config.arch) == (None, None)


@pytest.mark.parametrize("name", [BASE, BIN])
def test_an_image_of_ingots_tells_its_own(tmp_path: Path, name: str) -> None:
    kernel = make_kernel(tmp_path)
    image = read_image(kernel.layout, kernel.build()[name])
    config = lab.config_of_image(kernel.layout, image, name)
    assert config.config.options == {"A": "y", "C": '"ä"'}
    assert (config.series, config.arch) == (Series.parse("6.1"), X86)


@pytest.mark.parametrize(
    ("name", "content"), [("boot/vmlinux", KERNEL), ("boot/config-5.10.77", CONFIG.encode())]
)
def test_another_image_is_looked_into(tmp_path: Path, name: str, content: bytes) -> None:
    layout, tag = put(tmp_path, content, name)
    config = lab.config_of_image(layout, read_image(layout, layout.tags()[tag]), tag)
    assert config.config.options == {"VETH": "m"}


def test_an_image_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    layout, tag = put(tmp_path, b"nothing", "etc/hostname")
    with pytest.raises(UserError, match="has no kernel config"):
        lab.config_of_image(layout, read_image(layout, layout.tags()[tag]), tag)


def test_a_published_image_is_asked_without_pulling_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = make_kernel(tmp_path)
    digest = kernel.build()[BIN].digest
    manifest = json.loads(kernel.layout.blobs.path(digest).read_bytes())
    asked: list[tuple[str, str, bool]] = []

    def read(reference: str, architecture: str, *, insecure: bool) -> object:
        asked.append((reference, architecture, insecure))
        return manifest

    monkeypatch.setattr(registry, "read_manifest", read)
    config = lab.config_of_reference("docker://example.org/kernel-bin:6.1", X86)
    assert config.config.options["A"] == "y"
    assert (config.series, config.arch) == (Series.parse("6.1"), X86)
    lab.config_of_reference("example.org/kernel-bin:6.1", X86, insecure=True)
    assert asked == [("example.org/kernel-bin:6.1", "amd64", each) for each in (False, True)]


def test_a_published_image_of_somebody_else_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(reference: str, architecture: str, to: Path, *, insecure: bool) -> Layout:
        layout, tag = put(tmp_path, KERNEL)
        layout.tag({registry.FETCHED: layout.tags()[tag]})
        return layout

    monkeypatch.setattr(registry, "read_manifest", lambda *_, **__: {"schemaVersion": 2})
    monkeypatch.setattr(registry, "fetch_image", fetch)
    config = lab.config_of_reference("example.org/kernel:5.10", X86)
    assert config.config.options == {"VETH": "m"}
