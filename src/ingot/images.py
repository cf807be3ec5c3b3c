"""From artifacts to the images of a kernel, and back to what they say of themselves.

    flintlock-kernel   boot/vmlinux, boot/config-<release>, lib/modules/<release>   the base
    kernel-bin         boot/vmlinux
    kernel-modules     lib/modules/<release>, and links to its files at the root
    kernel-debug       usr/lib/debug/lib/modules/<release>/vmlinux, with the symbols that the
                       kernel ships without, and usr/lib/debug/boot/System.map-<release>

The links let kernel-modules serve both ways platforms use it: laid over `/`, and mounted at
/lib/modules/<release>, where modprobe finds modules.dep and kernel/ through them. The debug
image laid over `/` is where perf, crash and drgn look. Layers are shared by digest: a kernel
and its modules are stored once.

Every image has two tags: `<version>[-<flavor>][-<arch>]`, which moves, and
`<version>-<12 digits of the recipe key>`, which does not. The options of the config travel
with each image as an annotation of its manifest, so that a registry can be asked for them
without the kernel:

    dev.ingot.config    base64 of gzip of the config's `CONFIG_...=...` lines
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from ingot.arch import Arch
from ingot.builder.sandbox import Builder
from ingot.compile import Artifacts
from ingot.digest import Digest
from ingot.errors import UserError
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
from ingot.oci.compression import compress, decompress
from ingot.progress import Step
from ingot.source.model import Source
from ingot.version import KernelVersion

BASE, BIN, MODULES, DEBUG = "flintlock-kernel", "kernel-bin", "kernel-modules", "kernel-debug"
KERNEL_IMAGES = (BASE, BIN, MODULES, DEBUG)
KERNEL_FILE = "boot/vmlinux"
"""Where the kernel is in an image: what a spec calls its `filename`."""

_PREFIX = "dev.ingot."
_CONFIG_ANNOTATION = "dev.ingot.config"
_CONFIG_LIMIT = 4 << 20
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
    DEBUG: "Linux {} for microVMs: symbols of the kernel, for debuggers",
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
    """Write the images, untagged; returns the manifest of each by the image's name."""
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
    options = _pack_config(artifacts.config.read_text(encoding="utf-8"))
    return {
        name: _write(layout, name, parts, facts, arch, artifacts.epoch, options)
        for name, parts in layers.items()
    }


def _root_links(artifacts: Artifacts, modules_path: str) -> list[Entry]:
    return [
        link_entry(path.name, f"{modules_path}/{path.name}")
        for path in sorted(artifacts.modules.iterdir())
    ]


def _pack_config(config: str) -> str:
    """The options that are on, as the annotation has them: the same text on every machine."""
    lines = [line for line in config.splitlines(keepends=True) if line.startswith("CONFIG_")]
    return base64.b64encode(b"".join(compress(["".join(lines).encode()]))).decode()


def read_config(annotations: Mapping[str, str]) -> str | None:
    """The `CONFIG_...=...` lines that an image's manifest carries; None if it has none.

    UserError for an annotation that cannot be read: the image may come from anywhere.
    """
    packed = annotations.get(_CONFIG_ANNOTATION)
    if packed is None:
        return None
    text = bytearray()
    try:
        for piece in decompress([base64.b64decode(packed, validate=True)]):
            text += piece
            if len(text) > _CONFIG_LIMIT:
                raise ValueError(f"it holds more than {_CONFIG_LIMIT} bytes")
        return text.decode()
    except (ValueError, zlib.error) as error:
        raise UserError(
            f"the image's annotation {_CONFIG_ANNOTATION} is not a kernel's config", why=str(error)
        ) from None


def _write(
    layout: Layout,
    name: str,
    layers: list[Layer],
    facts: Facts,
    arch: Arch,
    epoch: int,
    options: str,
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
        annotations={**annotations, **labels, _CONFIG_ANNOTATION: options},
        created=epoch,
    )


def tags_for(images: Mapping[str, Descriptor], facts: Facts, moving: str) -> dict[str, Descriptor]:
    """The tags of a kernel's images: the one that moves, after `:`, and the immutable one."""
    tags = {}
    for name, descriptor in images.items():
        tags[f"{name}:{moving}"] = descriptor
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
