"""Reads the kernel config of a file, an image of the store or an image in a registry.

Images that Ingot publishes have their config as an annotation of the manifest, so it is read
without downloading the kernel. Any other image is downloaded, and its config read from
`/boot/config-*` or from the kernel itself (CONFIG_IKCONFIG).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import registry
from ingot.arch import Arch, arch, arch_called
from ingot.errors import UserError
from ingot.images import KERNEL_FILE, TITLE, KernelLabels, read_config
from ingot.kconfig import Config
from ingot.kconfig.config_mistakes import require_values
from ingot.kernel_file import DecompressError, compression_of, decompress, embedded_config
from ingot.oci import Image, Layout, list_files, read_file
from ingot.version import KernelVersion, Series

_TITLE = re.compile(r"^# Linux/(\S+) (\d+\.\d+(?:\.\d+)?)\S* Kernel Configuration", re.MULTILINE)
_INSTALLED = re.compile(r"(?:vmlinu[xz]|bzImage|Image|kernel)-(?P<release>.+)")
"""The names of installed kernels (kernel: scripts/package, and installkernel(8))."""
_KERNEL_BYTES = 1 << 30
_CONFIG_BYTES = 4 << 20
_TRIED = 5
"""The most files of an image that are searched: each one means reading the image again."""


@dataclass(frozen=True, slots=True)
class NamedConfig:
    """A config, the name that the user gave for it, and its kernel's `series` and `arch`, which
    are None if unknown. `kind` is the kind of image that it was read from, if Ingot made that."""

    name: str
    config: Config
    series: Series | None
    arch: Arch | None
    kind: str = ""

    def value(self, option: str) -> str:
        """The value of an option in the config; `n` if it is not set."""
        return self.config.value(option)


def config_of_file(path: Path) -> NamedConfig:
    """The config in a file: a `.config`, or a kernel with an embedded config.

    The config of a kernel without one is in its directory: that of the same release, as
    distributions install them (`vmlinuz-6.1.0-28-amd64` and `config-6.1.0-28-amd64`), or the only
    one beside the `vmlinux` of an export.
    """
    try:
        return _config_within(path)
    except UserError:
        if beside := _config_beside(path):
            return _config_within(beside)
        raise


def _config_beside(path: Path) -> Path | None:
    for kernel in (path, path.resolve()):  # /vmlinuz is a link
        if match := _INSTALLED.fullmatch(kernel.name):
            named = kernel.with_name(f"config-{match['release']}")
            if named.is_file():
                return named
    # what `ingot export` writes: boot/vmlinux and boot/config-6.1.176
    found = list(path.parent.glob("config-*")) if path.name == Path(KERNEL_FILE).name else []
    return found[0] if len(found) == 1 else None


def _config_within(path: Path) -> NamedConfig:
    with path.open("rb") as file:
        data = file.read(_KERNEL_BYTES + 1)  # the size of a pipe is not known
    if len(data) > _KERNEL_BYTES:
        raise UserError(
            f"{path} is too large for a kernel or its config",
            why=f"it is larger than {_KERNEL_BYTES >> 30} GiB",
            hint="name a kernel or a .config",
        )
    if (text := _as_text(data)) is not None:
        require_values(Config(text), str(path))
    return _config_of_bytes(data, str(path))


def config_of_image(layout: Layout, image: Image, name: str) -> NamedConfig:
    """The config of an image in a layout: from its annotation, else from its files."""
    config = read_config(image.annotations)
    if config is not None:
        return _of_facts(name, config, KernelLabels.from_labels(image.labels), image.annotations)
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
        hint="name an image that has one, or the kernel's .config as a file",
    )


def config_of_reference(reference: str, platform: Arch, *, insecure: bool = False) -> NamedConfig:
    """The config of an image in a registry; `platform` selects one from a multi-platform image."""
    reference = reference.removeprefix(registry.TRANSPORT)
    manifest = registry.read_manifest(reference, platform.oci, insecure=insecure)
    annotations = registry.annotations_of(manifest)
    config = read_config(annotations)
    if config is not None:
        return _of_facts(reference, config, KernelLabels.from_labels(annotations), annotations)
    with tempfile.TemporaryDirectory(prefix="ingot-fetch-") as directory:
        layout = registry.fetch_image(
            reference, platform.oci, Path(directory) / "layout", insecure=insecure
        )
        return config_of_image(layout, registry.read_fetched(layout, reference), reference)


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
    """The bytes as a `.config`, which may be compressed like /proc/config.gz; None if not one."""
    if compression := compression_of(data):
        with contextlib.suppress(DecompressError):
            data = decompress(data, compression, _CONFIG_BYTES)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if re.search(r"^(?:# )?CONFIG_\w+[= ]", text, re.MULTILINE) else None


def _of_facts(
    name: str, config: Config, facts: KernelLabels | None, annotations: Mapping[str, str]
) -> NamedConfig:
    return NamedConfig(
        name,
        config,
        KernelVersion.parse(facts.version).series if facts else None,
        arch(facts.arch) if facts else None,
        annotations.get(TITLE, "") if facts else "",
    )


def _series(version: str) -> Series | None:
    """The series of the version in a config's title; None if it is not a valid version."""
    try:
        return KernelVersion.parse(version).series
    except UserError:
        return None


def _arch(name: str) -> Arch | None:
    """The arch in a config's title (`Linux/x86`); None for an arch that Ingot does not know."""
    try:
        return arch_called(name)
    except UserError:
        return None
