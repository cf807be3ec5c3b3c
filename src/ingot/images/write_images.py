"""Writes the images of one kernel."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingot.arch import Arch
from ingot.arch import arch as find_arch
from ingot.compile.compile_kernel import Artifacts
from ingot.compile.devel_tree import BUILD_LINK, devel_directory
from ingot.images.annotations import pack
from ingot.images.image_kinds import (
    CONFIG_LAYER,
    DEVEL,
    DEVEL_COMMON_LAYER,
    DEVEL_OWN_LAYER,
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULE_LINKS_LAYER,
    MODULES_LAYER,
    SYMBOLS_LAYER,
)
from ingot.images.kernel_labels import KERNEL_FILE, KernelLabels
from ingot.kconfig import Config
from ingot.oci import (
    Descriptor,
    Image,
    Layer,
    LayerEntry,
    Layout,
    Platform,
    file_entry,
    link_entry,
    tree_entries,
    write_image,
    write_layer,
)
from ingot.progress import Step

_HOST = "dev.ingot.devel.host"


def write_images(
    layout: Layout,
    artifacts: Artifacts,
    facts: KernelLabels,
    arch: Arch,
    step: Step,
    packages: Iterable[str] = (),
    *,
    host: Arch,
) -> dict[str, Descriptor]:
    """Write the images, untagged; returns the manifest of each by the image's name.

    `packages` are the builder's. `host` is the arch that the builder ran on: the programs of the
    devel tree run on it.
    """
    written = _write_layers(layout, artifacts, step)
    packed = pack(
        Config(artifacts.config.read_text(encoding="utf-8")), artifacts.size_map, packages
    )
    more = {DEVEL: {_HOST: host.name}}
    return {
        kind.name: write_kernel_image(
            layout,
            kind.name,
            kind.about,
            [written[layer.name] for layer in kind.layers if layer.name in written],
            facts,
            arch=arch,
            epoch=artifacts.epoch,
            packed=packed,
            more_labels=more.get(kind.name),
        )
        for kind in KERNEL_IMAGES.values()
    }


def _write_layers(layout: Layout, artifacts: Artifacts, step: Step) -> dict[str, Layer]:
    """Write each layer once, even if several images have it; returns the layers by name."""
    kinds = {layer.name: layer for kind in KERNEL_IMAGES.values() for layer in kind.layers}
    written = {}
    for name, kind in kinds.items():
        entries = _WRITERS[name](artifacts)
        if entries or not kind.optional:
            written[name] = write_layer(layout, entries, artifacts.epoch, step)
    return written


def read_devel_host(image: Image) -> str:
    """The arch (the kernel's name for it) that a devel image's programs run on; empty if unknown.

    UserError if the label names no known arch.
    """
    name = image.labels.get(_HOST, "")
    return find_arch(name).name if name else ""


def write_kernel_image(
    layout: Layout,
    name: str,
    about: str,
    layers: Sequence[Layer],
    facts: KernelLabels,
    *,
    arch: Arch,
    epoch: int,
    packed: Mapping[str, str],
    more_labels: Mapping[str, str] | None = None,
) -> Descriptor:
    """Write one image of a kernel or of modules for it, untagged.

    `packed` are annotations that only the manifest has (see `annotations`); `more_labels` are
    added to the labels in `facts`.
    """
    labels = {**facts.labels(), **(more_labels or {})}
    standard = {
        "title": name,
        "description": f"Linux {facts.version} for microVMs: {about}",
        "version": facts.version,
        "created": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licenses": "GPL-2.0-only",
        "vendor": "Ingot",
    }
    annotations = {f"org.opencontainers.image.{key}": text for key, text in standard.items()}
    return write_image(
        layout,
        layers,
        Platform("linux", arch.oci),
        labels={**annotations, **labels},
        annotations={**annotations, **labels, **packed},
        created=epoch,
    )


# The writers of layers


def _kernel(artifacts: Artifacts) -> list[LayerEntry]:
    return [file_entry(KERNEL_FILE, artifacts.kernel, 0o644)]


def _config(artifacts: Artifacts) -> list[LayerEntry]:
    return [file_entry(f"boot/config-{artifacts.release}", artifacts.config)]


def _modules(artifacts: Artifacts) -> list[LayerEntry]:
    return list(tree_entries(artifacts.modules, f"lib/modules/{artifacts.release}"))


def _module_links(artifacts: Artifacts) -> list[LayerEntry]:
    """Symlinks at the root, to each entry of the modules directory."""
    return [
        link_entry(path.name, f"lib/modules/{artifacts.release}/{path.name}")
        for path in sorted(artifacts.modules.iterdir())
    ]


def _symbols(artifacts: Artifacts) -> list[LayerEntry]:
    release = artifacts.release
    return [
        file_entry(f"usr/lib/debug/lib/modules/{release}/vmlinux", artifacts.symbols, 0o644),
        file_entry(f"usr/lib/debug/boot/System.map-{release}", artifacts.system_map),
    ]


def _devel_common(artifacts: Artifacts) -> list[LayerEntry]:
    """Most of the devel tree: the files that all kernels of a source have in common."""
    return _tree(devel_directory(artifacts.release), artifacts.devel.common)


def _devel_own(artifacts: Artifacts) -> list[LayerEntry]:
    """The rest of the devel tree, and the link that builds of modules follow to it."""
    directory = devel_directory(artifacts.release)
    # absolute: if /lib is a symlink to /usr/lib, a relative path would resolve differently
    link = link_entry(BUILD_LINK.format(release=artifacts.release), f"/{directory}")
    return [*_tree(directory, artifacts.devel.own), link]


def _tree(directory: str, files: Mapping[str, Path]) -> list[LayerEntry]:
    """These files below the directory; executable files stay executable."""
    return [
        file_entry(
            f"{directory}/{name}", path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
        )
        for name, path in files.items()
    ]


_WRITERS: Mapping[str, Callable[[Artifacts], list[LayerEntry]]] = {
    KERNEL_LAYER.name: _kernel,
    CONFIG_LAYER.name: _config,
    MODULES_LAYER.name: _modules,
    MODULE_LINKS_LAYER.name: _module_links,
    SYMBOLS_LAYER.name: _symbols,
    DEVEL_COMMON_LAYER.name: _devel_common,
    DEVEL_OWN_LAYER.name: _devel_own,
}
"""The function that returns the entries of each layer, by the layer's name."""
