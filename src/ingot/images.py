"""From artifacts to the three images of a kernel, and back to what they say of themselves.

    flintlock-kernel   boot/vmlinux, boot/config-<release>, lib/modules/<release>   the base
    kernel-bin         boot/vmlinux
    kernel-modules     lib/modules/<release>, and links to its files at the root

The links let kernel-modules serve both ways platforms use it: laid over `/`, and mounted at
/lib/modules/<release>, where modprobe finds modules.dep and kernel/ through them. Layers are
shared by digest: a kernel and its modules are stored once. Every image has two
tags: `<version>`, which moves, and `<version>-<12 digits of the recipe key>`, which does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from ingot.arch import Arch
from ingot.builder.sandbox import Builder
from ingot.compile import Artifacts
from ingot.digest import Digest
from ingot.oci import (
    Descriptor,
    Entry,
    Image,
    Layer,
    Layout,
    Platform,
    file_entry,
    link_entry,
    read_image,
    tree_entries,
    write_image,
    write_layer,
)
from ingot.progress import Step
from ingot.source.model import Source
from ingot.version import KernelVersion

BASE, BIN, MODULES = "flintlock-kernel", "kernel-bin", "kernel-modules"
KERNEL_IMAGES = (BASE, BIN, MODULES)
KERNEL_FILE = "boot/vmlinux"
"""Where the kernel is in an image: what a spec calls its `filename`."""

_PREFIX = "dev.ingot."
_NEEDED = {
    "version",
    "release",
    "arch",
    "recipe-key",
    "config-digest",
    "source-digest",
    "builder-digest",
    "command-line",
}
_DESCRIPTIONS = {
    BASE: "Linux {} for microVMs: kernel, config and modules",
    BIN: "Linux {} for microVMs: the kernel",
    MODULES: "Linux {} for microVMs: the modules",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image says of the kernel it was cut from; labels and annotations alike.

    Nothing in it depends on the machine that built, so the same recipe gives the same
    digests everywhere.
    """

    version: str
    release: str
    arch: str
    recipe_key: Digest
    config_digest: Digest
    source_digest: Digest
    builder_digest: Digest
    command_line: str

    def labels(self) -> dict[str, str]:
        """The facts as `dev.ingot.*` labels."""
        values = {
            "version": self.version,
            "series": str(KernelVersion.parse(self.version).series),
            "release": self.release,
            "arch": self.arch,
            "recipe-key": str(self.recipe_key),
            "config-digest": str(self.config_digest),
            "source-digest": str(self.source_digest),
            "builder-digest": str(self.builder_digest),
            "filename": KERNEL_FILE,
            "mount-path": f"/lib/modules/{self.release}",
            "command-line": self.command_line,
        }
        return {f"{_PREFIX}{name}": value for name, value in values.items()}

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """The facts an image carries; None if it is not one of a kernel's images."""
        value = {
            name.removeprefix(_PREFIX): text
            for name, text in labels.items()
            if name.startswith(_PREFIX)
        }
        if not _NEEDED.issubset(value):
            return None
        return cls(
            version=value["version"],
            release=value["release"],
            arch=value["arch"],
            recipe_key=Digest.parse(value["recipe-key"]),
            config_digest=Digest.parse(value["config-digest"]),
            source_digest=Digest.parse(value["source-digest"]),
            builder_digest=Digest.parse(value["builder-digest"]),
            command_line=value["command-line"],
        )


def facts_of(
    source: Source, builder: Builder, arch: Arch, artifacts: Artifacts, recipe_key: Digest
) -> Facts:
    """Gather what the images of one build say of themselves."""
    return Facts(
        version=str(source.version),
        release=artifacts.release,
        arch=arch.name,
        recipe_key=recipe_key,
        config_digest=Digest.of_file(artifacts.config),
        source_digest=source.digest,
        builder_digest=builder.digest,
        command_line=arch.command_line,
    )


def write_images(
    layout: Layout, artifacts: Artifacts, facts: Facts, arch: Arch, step: Step
) -> dict[str, Descriptor]:
    """Write the three images, untagged; returns the manifest of each by the image's name."""
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
    layers = {BASE: [kernel, config, modules], BIN: [kernel], MODULES: [modules]}
    if links := _root_links(artifacts, modules_path):
        layers[MODULES].append(write_layer(layout, links, artifacts.epoch))
    return {
        name: _write(layout, name, parts, facts, arch, artifacts.epoch)
        for name, parts in layers.items()
    }


def _root_links(artifacts: Artifacts, modules_path: str) -> list[Entry]:
    return [
        link_entry(path.name, f"{modules_path}/{path.name}")
        for path in sorted(artifacts.modules.iterdir())
    ]


def _write(
    layout: Layout, name: str, layers: list[Layer], facts: Facts, arch: Arch, epoch: int
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
        annotations={**annotations, **labels},
        created=epoch,
    )


def tags_for(images: Mapping[str, Descriptor], facts: Facts) -> dict[str, Descriptor]:
    """The tags of a kernel's images: the moving one and the immutable one of each."""
    tags = {}
    for name, descriptor in images.items():
        tags[f"{name}:{facts.version}"] = descriptor
        tags[f"{name}:{facts.version}-{facts.recipe_key.short}"] = descriptor
    return tags


def find_images(
    layout: Layout, version: KernelVersion, recipe_key: Digest
) -> dict[str, Descriptor] | None:
    """The images that were built from this very recipe, if the store has each of them whole."""
    tags = layout.tags()
    found = {name: tags.get(f"{name}:{version}-{recipe_key.short}") for name in KERNEL_IMAGES}
    images = {
        name: descriptor
        for name, descriptor in found.items()
        if descriptor and layout.is_complete(descriptor)
    }
    if len(images) < len(KERNEL_IMAGES):
        return None
    facts = [read_facts(read_image(layout, descriptor)) for descriptor in images.values()]
    return images if all(fact and fact.recipe_key == recipe_key for fact in facts) else None


def read_facts(image: Image) -> Facts | None:
    """What the image says of its kernel; None for an image of something else."""
    return Facts.from_labels(image.labels)
