"""The labels `dev.ingot.*` of an image's config, which describe its kernel.

Images can come from any source, and their labels become part of paths, command lines and HTML
pages. So each value is validated, and a `KernelLabels` cannot have an invalid one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ingot.arch import Arch, arch
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci import Image
from ingot.version import KernelVersion, is_release

if TYPE_CHECKING:
    from ingot.builder.sandbox import Builder
    from ingot.compile.compile_kernel import Artifacts
    from ingot.source.origin import Source

KERNEL_FILE = "boot/vmlinux"
"""The path of the kernel in an image: the `filename` of a flintlock spec."""

_PREFIX = "dev.ingot."
_VERSION, _ARCH = f"{_PREFIX}version", f"{_PREFIX}arch"
SHARED_LABELS = (_VERSION, *(f"{_PREFIX}{name}" for name in ("series", "filename", "mount-path")))
"""The labels that usually have the same value in the images of every arch of a version."""

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
    """The description of a kernel in its images; labels and annotations are the same.

    No value depends on the machine that built it, so the same recipe gives the same digests
    everywhere. `hermetic` says whether the builder is; the host's own compiler is not. UserError
    for an invalid value.
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
            raise _invalid("version", self.version, "versions are written like 6.1.176")
        if not is_release(self.release):
            raise _invalid(
                *("release", self.release),
                "it begins with a digit, and is up to 64 letters, digits and . _ + ~ -",
            )
        if not _COMMAND_LINE.fullmatch(self.command_line):
            raise _invalid(
                *("command-line", self.command_line),
                "it is up to 2,047 printable ASCII characters",
            )
        arch(self.arch)

    def labels(self) -> dict[str, str]:
        """These values as `dev.ingot.*` labels."""
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
        """The values in an image's labels; None if it is not an image of a kernel.

        UserError if a value is invalid or contradicts another label.
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
                raise _invalid(name, value[name], "a digest is sha256: and 64 hexadecimal digits")
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
            if (found := labels.get(name, text)) != text:
                raise _invalid(
                    name.removeprefix(_PREFIX), found, f"its other labels imply the value {text}"
                )
        return facts


def read_version(labels: Mapping[str, str]) -> KernelVersion | None:
    """The kernel version in the labels of an image or an index; None if there is no valid one."""
    with contextlib.suppress(UserError):
        return KernelVersion.parse(labels.get(_VERSION, ""))
    return None


def read_arch(labels: Mapping[str, str]) -> Arch | None:
    """The arch in an image's labels; None if there is none that Ingot knows."""
    with contextlib.suppress(UserError):
        return arch(labels.get(_ARCH, ""))
    return None


def _invalid(name: str, text: str, why: str) -> UserError:
    return UserError(
        f"the image's label {_PREFIX}{name} has an invalid value: {text!r:.100}",
        why=why,
        hint="Ingot does not write such a label: the image was damaged or modified",
    )


def facts_of(
    source: Source, builder: Builder, arch: Arch, artifacts: Artifacts, recipe_key: Digest
) -> KernelLabels:
    """The labels for the images of one build."""
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
    """The image's description of its kernel; None if it is not an image of a kernel.

    UserError if a value is invalid.
    """
    return KernelLabels.from_labels(image.labels)
