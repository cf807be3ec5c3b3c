"""Writing the images of one kernel, and those of modules that somebody compiled for it."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingot.arch import Arch
from ingot.arch import arch as find_arch
from ingot.compile import BUILD_LINK, Artifacts, devel_folder
from ingot.images.annotations import pack
from ingot.images.image_names import BASE, BIN, DEBUG, DEVEL, MODULES
from ingot.images.kernel_labels import KERNEL_FILE, KernelLabels
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

_ABOUT = {
    BASE: "kernel, config and modules",
    BIN: "the kernel",
    MODULES: "the modules",
    DEBUG: "symbols of the kernel, for debuggers",
    DEVEL: "what compiling modules for it needs",
}
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

    `packages` is what the builder was made of; `host` what it runs on, and so do the programs of
    the devel tree.
    """
    modules_path = f"lib/modules/{facts.release}"
    kernel = write_layer(
        layout, [file_entry(KERNEL_FILE, artifacts.kernel, 0o644)], artifacts.epoch, step
    )
    config = write_layer(
        layout, [file_entry(f"boot/config-{facts.release}", artifacts.config)], artifacts.epoch
    )
    modules = write_layer(
        layout, tree_entries(artifacts.modules, modules_path), artifacts.epoch, step
    )
    layers = {
        BASE: [kernel, config, modules],
        BIN: [kernel],
        MODULES: [modules],
        DEBUG: [write_layer(layout, _symbols(artifacts), artifacts.epoch, step)],
        DEVEL: _devel(layout, artifacts, step),
    }
    if links := _root_links(artifacts, modules_path):
        layers[MODULES].append(write_layer(layout, links, artifacts.epoch))
    told = pack(artifacts.config.read_text(encoding="utf-8"), artifacts.size_map, packages)
    more = {DEVEL: {_HOST: host.name}}
    return {
        name: write_kernel_image(
            layout, name, _ABOUT[name], parts, facts, arch, artifacts.epoch, told, more.get(name)
        )
        for name, parts in layers.items()
    }


def read_devel_host(image: Image) -> str:
    """The arch, by the kernel's name, that the programs of a devel image run on; empty if untold.

    UserError for what is no arch.
    """
    told = image.labels.get(_HOST, "")
    return find_arch(told).name if told else ""


def write_kernel_image(
    layout: Layout,
    name: str,
    about: str,
    layers: Sequence[Layer],
    facts: KernelLabels,
    arch: Arch,
    epoch: int,
    told: Mapping[str, str],
    more: Mapping[str, str] | None = None,
) -> Descriptor:
    """Write one image that has to do with a kernel, untagged.

    `told` are annotations of the manifest alone (see `annotations`), `more` are labels beside
    the facts.
    """
    labels = {**facts.labels(), **(more or {})}
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
        annotations={**annotations, **labels, **told},
        created=epoch,
    )


def _symbols(artifacts: Artifacts) -> list[LayerEntry]:
    release = artifacts.release
    return [
        file_entry(f"usr/lib/debug/lib/modules/{release}/vmlinux", artifacts.symbols, 0o644),
        file_entry(f"usr/lib/debug/boot/System.map-{release}", artifacts.system_map),
    ]


def _devel(layout: Layout, artifacts: Artifacts, step: Step) -> list[Layer]:
    """The devel tree at its place, and the link that builds of modules follow to it.

    What all kernels of a source have is most of it, and a layer that they share.
    """
    folder = devel_folder(artifacts.release)
    own = _tree(folder, artifacts.devel.own)
    # not relative: where /lib is a link to /usr/lib, the way up from here is another
    own.append(link_entry(BUILD_LINK.format(release=artifacts.release), f"/{folder}"))
    common = _tree(folder, artifacts.devel.common)
    return [write_layer(layout, part, artifacts.epoch, step) for part in (common, own)]


def _tree(folder: str, files: Mapping[str, Path]) -> list[LayerEntry]:
    """These files below the folder, as executable as they are."""
    return [
        file_entry(f"{folder}/{name}", path, 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        for name, path in files.items()
    ]


def _root_links(artifacts: Artifacts, modules_path: str) -> list[LayerEntry]:
    return [
        link_entry(path.name, f"{modules_path}/{path.name}")
        for path in sorted(artifacts.modules.iterdir())
    ]
