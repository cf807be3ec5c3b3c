"""Writing the images of one kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from ingot.arch import Arch
from ingot.compile import Artifacts
from ingot.images.annotations import pack
from ingot.images.facts import KERNEL_FILE, Facts
from ingot.images.names import BASE, BIN, DEBUG, MODULES
from ingot.oci import (
    Descriptor,
    Entry,
    Layer,
    Layout,
    Platform,
    file_entry,
    link_entry,
    tree_entries,
    write_image,
    write_layer,
)
from ingot.progress import Step

_DESCRIPTIONS = {
    BASE: "Linux {} for microVMs: kernel, config and modules",
    BIN: "Linux {} for microVMs: the kernel",
    MODULES: "Linux {} for microVMs: the modules",
    DEBUG: "Linux {} for microVMs: symbols of the kernel, for debuggers",
}


def write_images(
    layout: Layout,
    artifacts: Artifacts,
    facts: Facts,
    arch: Arch,
    step: Step,
    packages: Iterable[str] = (),
) -> dict[str, Descriptor]:
    """Write the images, untagged; returns the manifest of each by the image's name.

    `packages` is what the builder was made of.
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
    symbols = write_layer(
        layout,
        [
            file_entry(f"usr/lib/debug/{modules_path}/vmlinux", artifacts.symbols, 0o644),
            file_entry(f"usr/lib/debug/boot/System.map-{facts.release}", artifacts.system_map),
        ],
        artifacts.epoch,
        step,
    )
    layers = {
        BASE: [kernel, config, modules],
        BIN: [kernel],
        MODULES: [modules],
        DEBUG: [symbols],
    }
    if links := _root_links(artifacts, modules_path):
        layers[MODULES].append(write_layer(layout, links, artifacts.epoch))
    told = pack(artifacts.config.read_text(encoding="utf-8"), artifacts.makeup, packages)
    return {
        name: _write(layout, name, parts, facts, arch, artifacts.epoch, told)
        for name, parts in layers.items()
    }


def _root_links(artifacts: Artifacts, modules_path: str) -> list[Entry]:
    return [
        link_entry(path.name, f"{modules_path}/{path.name}")
        for path in sorted(artifacts.modules.iterdir())
    ]


def _write(
    layout: Layout,
    name: str,
    layers: list[Layer],
    facts: Facts,
    arch: Arch,
    epoch: int,
    told: Mapping[str, str],
) -> Descriptor:
    labels = facts.labels()
    standard = {
        "title": name,
        "description": _DESCRIPTIONS[name].format(facts.version),
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
