"""The JSON documents of an image, read once into types: index, manifest, config.

Unknown members are kept, so that an index another tool wrote loses nothing when Ingot adds a
tag. Source: OCI image-spec 1.1, image-layout.md, image-index.md, manifest.md, config.md.
"""

from __future__ import annotations

import json
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci.descriptor import Descriptor, Platform

_DIGEST = r"^sha256:[0-9a-f]{64}$"


class _Document(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class PlatformDocument(_Document):
    """image-index.md, "platform"."""

    os: str
    architecture: str


class DescriptorDocument(_Document):
    """descriptor.md. Only sha256 digests are read."""

    media_type: str = Field(alias="mediaType")
    digest: str = Field(pattern=_DIGEST)
    size: int = Field(ge=0)
    annotations: dict[str, str] | None = None
    platform: PlatformDocument | None = None

    def to_descriptor(self) -> Descriptor:
        platform = None
        if self.platform:
            platform = Platform(self.platform.os, self.platform.architecture)
        return Descriptor(
            self.media_type,
            Digest.parse(self.digest),
            self.size,
            self.annotations or {},
            platform,
        )


class LayoutDocument(_Document):
    """`oci-layout`: image-layout.md."""

    version: Literal["1.0.0"] = Field(alias="imageLayoutVersion")


class IndexDocument(_Document):
    """`index.json`, or an index among the blobs: image-index.md."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    manifests: tuple[DescriptorDocument, ...]


class ManifestDocument(_Document):
    """manifest.md."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    artifact_type: str | None = Field(default=None, alias="artifactType")
    config: DescriptorDocument
    layers: tuple[DescriptorDocument, ...]
    subject: DescriptorDocument | None = None
    annotations: dict[str, str] | None = None


class ContainerDocument(_Document):
    """config.md, "config": of all that a container could be told, Ingot reads the labels."""

    labels: dict[str, str] | None = Field(default=None, alias="Labels")


class RootfsDocument(_Document):
    """config.md, "rootfs"."""

    type: Literal["layers"]
    diff_ids: tuple[str, ...]


class HistoryDocument(_Document):
    """config.md, "history"."""

    created_by: str = ""
    empty_layer: bool = False


class ConfigDocument(_Document):
    """config.md."""

    architecture: str
    os: str
    created: str | None = None
    config: ContainerDocument | None = None
    rootfs: RootfsDocument
    history: tuple[HistoryDocument, ...] | None = None


_D = TypeVar("_D", bound=_Document)


def parse(document: type[_D], data: bytes, where: str) -> _D:
    """Read JSON of the given kind; a UserError lists all that is wrong with `where`."""
    try:
        return document.model_validate_json(data)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise UserError(
            f"{where} is not what the OCI image specification asks for",
            why="\n".join(faults),
            hint="nothing was changed; restore that file from a copy, or move the image store"
            " away and build again",
        ) from error


def canonical_json(document: object) -> bytes:
    """JSON with sorted keys and no white space: one document, one digest."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
