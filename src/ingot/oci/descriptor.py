"""Descriptors, which point at blobs, and the media types of images.

Source: OCI image-spec 1.1, descriptor.md, media-types.md and annotations.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from ingot.digest import Digest

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

CONFIG_TYPES = frozenset({CONFIG_TYPE, "application/vnd.docker.container.image.v1+json"})
"""The types of an image's config. A manifest whose config has another type is an artifact."""
INDEX_TYPES = frozenset({INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json"})
MANIFEST_TYPES = frozenset({MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"})
GZIP_LAYER_TYPES = frozenset({LAYER_TYPE, "application/vnd.docker.image.rootfs.diff.tar.gzip"})
ZSTD_LAYER_TYPES = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    }
)
PLAIN_LAYER_TYPES = frozenset(
    {"application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"}
)

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation that names an entry of `index.json`: its tag."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform of an image, in Go's names (`linux`, `amd64`); image-index.md, "platform"."""

    os: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob's type, digest and size in bytes, with annotations and a platform."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: Platform | None = None

    def annotated(self, annotations: Mapping[str, str]) -> Self:
        """The same descriptor with more annotations, which replace those of the same name."""
        return replace(self, annotations={**self.annotations, **annotations})

    def to_json(self) -> dict[str, object]:
        """The descriptor as JSON, as the specification defines it."""
        document: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform:
            document["platform"] = {
                "os": self.platform.os,
                "architecture": self.platform.architecture,
            }
        return document
