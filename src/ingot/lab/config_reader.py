"""The config of whatever a person points at: a file, an image, a kernel of the catalog.

A published image is asked for it without pulling the kernel where that is possible: Ingot's
images carry their config as an annotation of the manifest. Any other is fetched, and its
config taken from `/boot/config-*` or from the kernel itself (CONFIG_IKCONFIG).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ingot import registry
from ingot.arch import Arch, arch, arch_called
from ingot.errors import UserError
from ingot.images import KernelLabels, read_config
from ingot.kconfig import Config
from ingot.kernel_file import DecompressError, compression_of, decompress, embedded_config
from ingot.oci import Image, Layout, list_files, read_file, read_image
from ingot.version import KernelVersion, Series

_TITLE = re.compile(r"^# Linux/(\S+) (\d+\.\d+(?:\.\d+)?)\S* Kernel Configuration", re.MULTILINE)
_KERNEL_BYTES = 1 << 30
_CONFIG_BYTES = 4 << 20
_TRIED = 5
"""Files of an image that are looked into: each takes reading the image once more."""


@dataclass(frozen=True, slots=True)
class NamedConfig:
    """A config under the name that a person gave, and what is known of its kernel: `series` and
    `arch` are None if nothing is."""

    name: str
    config: Config
    series: Series | None
    arch: Arch | None

    def value(self, option: str) -> str:
        """The value of an option in the config; `n` if it is not set."""
        return self.config.value(option)


def config_of_file(path: Path) -> NamedConfig:
    """The config that a file is, or that a kernel file carries within itself."""
    with path.open("rb") as file:
        data = file.read(_KERNEL_BYTES + 1)  # a pipe does not tell its size
    if len(data) > _KERNEL_BYTES:
        raise UserError(f"{path} is too large for a kernel or its config")
    return _config_of_bytes(data, str(path))


def config_of_image(layout: Layout, image: Image, name: str) -> NamedConfig:
    """The config of an image of a store: from its annotation, else from its files."""
    config = read_config(image.annotations)
    if config is not None:
        return _of_facts(name, config, KernelLabels.from_labels(image.labels))
    files = list_files(layout, image)
    names = [info.name for info in files if 0 < info.size <= _KERNEL_BYTES]
    configs = [file for file in names if re.fullmatch(r"(?:.*/)?(?:config-.*|\.config)", file)]
    kernels = [file for file in names if re.match(r"(?:boot/)?(?:vmlinu|bzImage|Image)", file)]
    first = sorted([*configs, *kernels], key=lambda file: not file.startswith("boot/"))
    for file in first[:_TRIED]:
        try:
            data = read_file(layout, image, file, _KERNEL_BYTES)
            return _config_of_bytes(data, f"{name} {file}")
        except UserError:
            continue
    raise UserError(
        f"{name} has no kernel config",
        why="it has no annotation dev.ingot.config, no boot/config-* and no kernel that was"
        " built with CONFIG_IKCONFIG",
    )


def config_of_reference(reference: str, platform: Arch) -> NamedConfig:
    """The config of an image in a registry, for a platform if there are several."""
    reference = reference.removeprefix(registry.TRANSPORT)
    annotations = registry.annotations_of(registry.read_manifest(reference, platform.oci))
    config = read_config(annotations)
    if config is not None:
        return _of_facts(reference, config, KernelLabels.from_labels(annotations))
    with tempfile.TemporaryDirectory(prefix="ingot-fetch-") as folder:
        layout = registry.fetch_image(reference, platform.oci, Path(folder) / "layout")
        descriptor = layout.tags()[registry.FETCHED]
        return config_of_image(layout, read_image(layout, descriptor), reference)


def _config_of_bytes(data: bytes, name: str) -> NamedConfig:
    text = _as_text(data)
    if text is None:
        text = embedded_config(data, name)
    title = _TITLE.search(text)
    return NamedConfig(
        name,
        Config(text),
        _series(title[2]) if title else None,
        _arch(title[1]) if title else None,
    )


def _as_text(data: bytes) -> str | None:
    """The bytes as a `.config`, perhaps compressed as /proc/config.gz is; None if they are not."""
    if compression := compression_of(data):
        with contextlib.suppress(DecompressError):
            data = decompress(data, compression, _CONFIG_BYTES)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if re.search(r"^(?:# )?CONFIG_\w+[= ]", text, re.MULTILINE) else None


def _of_facts(name: str, config: Config, facts: KernelLabels | None) -> NamedConfig:
    return NamedConfig(
        name,
        config,
        KernelVersion.parse(facts.version).series if facts else None,
        arch(facts.arch) if facts else None,
    )


def _series(version: str) -> Series | None:
    """The series that a config's title names; None for a version that is none."""
    try:
        return KernelVersion.parse(version).series
    except UserError:
        return None


def _arch(name: str) -> Arch | None:
    """The arch that a config's title names (`Linux/x86`); None for one Ingot does not know."""
    try:
        return arch_called(name)
    except UserError:
        return None
