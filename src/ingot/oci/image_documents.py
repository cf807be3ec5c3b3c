"""The JSON documents of an image, parsed into types: index, manifest, config.

Unknown members are kept, so that an index that another tool wrote stays complete when Ingot adds
a tag. Source: OCI image-spec 1.1, image-layout.md, image-index.md, manifest.md, config.md.
"""

from __future__ import annotations

import collections
import json
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci.descriptor import CONFIG_TYPES, INDEX_TYPES, MANIFEST_TYPES, Descriptor, Platform
from ingot.oci.limits import FAULTS_SHOWN

_DIGEST = r"^sha256:[0-9a-f]{64}$"
_LARGEST = (1 << 63) - 1
_BLOB_HINT = (
    "its digest is right, so the program that wrote the image wrote it like this; use another image"
)


class _OciDocument(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)


class PlatformDocument(_OciDocument):
    """image-index.md, "platform"."""

    os: str
    architecture: str


class DescriptorDocument(_OciDocument):
    """descriptor.md. Only sha256 digests are supported."""

    media_type: str = Field(alias="mediaType")
    digest: str = Field(pattern=_DIGEST)
    size: int = Field(ge=0, le=_LARGEST)
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


class LayoutDocument(_OciDocument):
    """`oci-layout`: image-layout.md."""

    version: Literal["1.0.0"] = Field(alias="imageLayoutVersion")


class IndexDocument(_OciDocument):
    """`index.json`, or an index among the blobs: image-index.md."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    manifests: tuple[DescriptorDocument, ...]

    @model_validator(mode="after")
    def _is_an_index(self) -> Self:
        _require_kind(self, self.media_type, MANIFEST_TYPES, "config", "layers")
        return self


class ManifestDocument(_OciDocument):
    """manifest.md."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")
    artifact_type: str | None = Field(default=None, alias="artifactType")
    config: DescriptorDocument
    layers: tuple[DescriptorDocument, ...]
    subject: DescriptorDocument | None = None
    annotations: dict[str, str] | None = None

    @property
    def artifact(self) -> str | None:
        """The type of an artifact; None for an image (manifest.md, "Artifact Usage").

        An artifact has an `artifactType`, or, before image-spec 1.1, a config of a type of its own.
        """
        if self.artifact_type is None and self.config.media_type in CONFIG_TYPES:
            return None
        return self.artifact_type or self.config.media_type

    @model_validator(mode="after")
    def _is_a_manifest(self) -> Self:
        _require_kind(self, self.media_type, INDEX_TYPES, "manifests")
        return self


class ContainerDocument(_OciDocument):
    """config.md, "config": of the settings of a container, Ingot reads only the labels."""

    labels: dict[str, str] | None = Field(default=None, alias="Labels")


class RootfsDocument(_OciDocument):
    """config.md, "rootfs"."""

    type: Literal["layers"]
    diff_ids: tuple[str, ...]


class HistoryDocument(_OciDocument):
    """config.md, "history"."""

    created_by: str = ""
    empty_layer: bool = False


class ConfigDocument(_OciDocument):
    """config.md."""

    architecture: str
    os: str
    created: str | None = None
    config: ContainerDocument | None = None
    rootfs: RootfsDocument
    history: tuple[HistoryDocument, ...] | None = None


def _require_kind(
    document: _OciDocument, media_type: str | None, others: frozenset[str], *members: str
) -> None:
    """ValueError for a document that could be read as an index and as a manifest.

    Source: OCI image-spec 1.1, manifest.md and image-index.md, "mediaType" (CVE-2021-41190).
    """
    if media_type in others:
        raise ValueError(f"its mediaType is {media_type}")
    if found := [name for name in members if name in (document.model_extra or {})]:
        raise ValueError(f"it is an index and a manifest at once: it has {', '.join(found)}")


_D = TypeVar("_D", bound=_OciDocument)


def parse(document: type[_D], data: bytes, where: str, hint: str = _BLOB_HINT) -> _D:
    """Parse a JSON document; a UserError lists the faults and names it `where`.

    `hint` is the error's hint; the default is for a blob, whose digest has been verified.
    """
    try:
        json.loads(data, object_pairs_hook=_without_duplicates)
        return document.model_validate_json(data)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
            for fault in found[:FAULTS_SHOWN]
        ]
        if len(found) > FAULTS_SHOWN:
            faults.append(f"and {len(found) - FAULTS_SHOWN:,} more")
    except RecursionError:
        faults = ["document: its members are nested too deeply"]
    except ValueError as error:
        faults = [f"document: {error}"]
    raise UserError(
        f"{where} does not follow the OCI image specification",
        why="\n".join(faults),
        hint=hint,
    )


def read_json(data: bytes) -> Any:
    """Parse untrusted JSON; ValueError if it is not JSON, is nested too deeply, or has a member
    twice: programs do not agree on which of the two to use."""
    try:
        return json.loads(data, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("its members are nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        (twice, _), *_rest = collections.Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"it has the member {twice!r:.80} twice")
    return members


def canonical_json(document: object) -> bytes:
    """JSON with sorted keys and no white space: one document, one digest."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
