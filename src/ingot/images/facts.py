"""What an image says of the kernel it was cut from: labels of its config, `dev.ingot.*`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ingot.arch import Arch
from ingot.builder.sandbox import Builder
from ingot.compile import Artifacts
from ingot.digest import Digest
from ingot.oci import Image
from ingot.source.model import Source
from ingot.version import KernelVersion

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


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image says of the kernel it was cut from; labels and annotations alike.

    Nothing in it depends on the machine that built, so the same recipe gives the same
    digests everywhere. `hermetic` is whether the builder was: a machine's own compiler is not.
    """

    version: str
    release: str
    arch: str
    recipe_key: Digest
    config_digest: Digest
    source_digest: Digest
    builder_digest: Digest
    command_line: str
    hermetic: bool = True

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
            "hermetic": "true" if self.hermetic else "false",
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
            hermetic=value.get("hermetic") != "false",
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
        hermetic=builder.hermetic,
    )


def read_facts(image: Image) -> Facts | None:
    """What the image says of its kernel; None for an image of something else."""
    return Facts.from_labels(image.labels)
