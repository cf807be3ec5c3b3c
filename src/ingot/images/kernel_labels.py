"""What an image says of the kernel it was cut from: labels of its config, `dev.ingot.*`.

Images come from anywhere, and what they say becomes part of paths, command lines and pages. So
each value has a form, and there are no Facts with a value of another.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ingot.arch import Arch, arch
from ingot.builder.sandbox import Builder
from ingot.compile import Artifacts
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci import Image
from ingot.source.origin import Source
from ingot.version import KernelVersion, is_release

KERNEL_FILE = "boot/vmlinux"
"""Where the kernel is in an image: what a spec calls its `filename`."""

_PREFIX = "dev.ingot."
_VERSION, _ARCH = f"{_PREFIX}version", f"{_PREFIX}arch"
SHARED_LABELS = (_VERSION, *(f"{_PREFIX}{name}" for name in ("series", "filename", "mount-path")))
"""What the images of one version say alike on every arch, unless their builds differ in it."""

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
_DIGESTS = ("recipe-key", "config-digest", "source-digest", "builder-digest")

_COMMAND_LINE = re.compile(r"[ -~]{0,2047}")
"""Printable, and as long as kernels take it (COMMAND_LINE_SIZE, 2048 on x86 and arm64)."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KernelLabels:
    """What an image says of the kernel it was cut from; labels and annotations alike.

    Nothing in it depends on the machine that built, so the same recipe gives the same
    digests everywhere. `hermetic` is whether the builder was: a machine's own compiler is not.
    UserError for a value that no kernel has.
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

    def __post_init__(self) -> None:
        if str(KernelVersion.parse(self.version)) != self.version:
            raise _untrue("version", self.version, "versions are written as in 6.1.176")
        if not is_release(self.release):
            raise _untrue(
                *("release", self.release),
                "it begins with a digit, and is up to 64 letters, digits and . _ + ~ -",
            )
        if not _COMMAND_LINE.fullmatch(self.command_line):
            raise _untrue(
                *("command-line", self.command_line),
                "it is up to 2,047 printable ASCII characters",
            )
        arch(self.arch)

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
        """The facts an image carries; None if it is not one of a kernel's images.

        UserError if it says something that cannot be, or that contradicts the rest.
        """
        value = {
            name.removeprefix(_PREFIX): text
            for name, text in labels.items()
            if name.startswith(_PREFIX)
        }
        if not _NEEDED.issubset(value):
            return None
        for name in _DIGESTS:
            if not _DIGEST.fullmatch(value[name]):
                raise _untrue(name, value[name], "a digest is sha256: and 64 hexadecimal digits")
        facts = cls(
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
        for name, text in facts.labels().items():
            if (told := labels.get(name, text)) != text:
                raise _untrue(name.removeprefix(_PREFIX), told, f"by its other labels it is {text}")
        return facts


def read_version(labels: Mapping[str, str]) -> KernelVersion | None:
    """The version that an image, or an index of images, says it is of; None for any other."""
    with contextlib.suppress(UserError):
        return KernelVersion.parse(labels.get(_VERSION, ""))
    return None


def read_arch(labels: Mapping[str, str]) -> Arch | None:
    """The arch that an image says its kernel is for; None if it names none that Ingot knows."""
    with contextlib.suppress(UserError):
        return arch(labels.get(_ARCH, ""))
    return None


def _untrue(name: str, text: str, why: str) -> UserError:
    return UserError(
        f"the image's label {_PREFIX}{name} is not that of a kernel: {text!r:.100}",
        why=why,
        hint="Ingot does not write such a label: the image is damaged, or somebody made it so",
    )


def facts_of(
    source: Source, builder: Builder, arch: Arch, artifacts: Artifacts, recipe_key: Digest
) -> KernelLabels:
    """Gather what the images of one build say of themselves."""
    return KernelLabels(
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


def read_facts(image: Image) -> KernelLabels | None:
    """What the image says of its kernel; None for an image of something else.

    UserError if it says what cannot be.
    """
    return KernelLabels.from_labels(image.labels)
