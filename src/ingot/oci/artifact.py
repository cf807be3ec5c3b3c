"""Artifacts: data about an image, stored next to it, such as a boot profile.

An artifact is a manifest with an `artifactType`, layers, which are its data, and a `subject`, the
image that it describes; registries list it among the referrers of that image. Data that several
artifacts have in common is a layer of its own, which is stored and sent once.
Source: OCI image-spec 1.1, manifest.md ("Guidelines for Artifact Usage").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.errors import UserError
from ingot.oci.descriptor import MANIFEST_TYPE, Descriptor
from ingot.oci.image_documents import ManifestDocument, canonical_json, parse
from ingot.oci.layout import Layout

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_MOST_LAYERS = 16


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact: its type (a media type), its data, and the image that it describes.

    `further` are the layers after the first, which is `data`.
    """

    artifact_type: str
    data: bytes
    subject: Descriptor
    further: tuple[bytes, ...] = ()


def write_artifact(
    layout: Layout,
    artifact_type: str,
    data: bytes,
    subject: Descriptor,
    further: Sequence[bytes] = (),
    annotations: Mapping[str, str] | None = None,
) -> Descriptor:
    """Write an artifact that describes `subject`; a tag can point at the result.

    The media type of the data is `artifact_type`. The same arguments give the same digest.
    """
    config = layout.write_blob([_EMPTY], _EMPTY_TYPE)
    layers = [layout.write_blob([each], artifact_type) for each in (data, *further)]
    plain = Descriptor(subject.media_type, subject.digest, subject.size)
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": artifact_type,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
        "subject": plain.to_json(),
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    return layout.write_blob([canonical_json(manifest)], MANIFEST_TYPE)


def read_artifact(layout: Layout, descriptor: Descriptor) -> Artifact:
    """Read and verify an artifact; UserError if it is not an artifact of this form."""
    where = f"blob {descriptor.digest.short}"
    if descriptor.media_type != MANIFEST_TYPE:
        raise UserError(f"{where} is not an artifact", why=f"its type is {descriptor.media_type}")
    manifest = parse(ManifestDocument, layout.read_blob(descriptor), where)
    if manifest.artifact_type is None or manifest.subject is None or not manifest.layers:
        raise UserError(
            f"{where} is not an artifact",
            why="its manifest needs an artifactType, a subject and a layer",
        )
    if len(manifest.layers) > _MOST_LAYERS:
        raise UserError(f"{where} has more than {_MOST_LAYERS} layers")
    data, *further = (layout.read_blob(layer.to_descriptor()) for layer in manifest.layers)
    return Artifact(manifest.artifact_type, data, manifest.subject.to_descriptor(), tuple(further))
