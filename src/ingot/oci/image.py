"""Images: a manifest and a config, which list the layers of an image.

Source: OCI image-spec 1.1, manifest.md and config.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.oci.descriptor import (
    CONFIG_TYPE,
    MANIFEST_TYPE,
    MANIFEST_TYPES,
    Descriptor,
    Platform,
)
from ingot.oci.image_documents import ConfigDocument, ManifestDocument, canonical_json, parse
from ingot.oci.layer_writer import Layer
from ingot.oci.layout import Layout
from ingot.oci.limits import LAYERS


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the store. `created` is in seconds since 1970, None if it is not recorded."""

    descriptor: Descriptor
    config: Descriptor
    platform: Platform
    layers: tuple[Layer, ...]
    labels: Mapping[str, str] = field(hash=False)
    annotations: Mapping[str, str] = field(hash=False)
    created: int | None
    history: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the image in a registry: manifest, config and compressed layers."""
        parts = [self.descriptor, self.config, *(layer.descriptor for layer in self.layers)]
        return sum(part.size for part in parts)


def write_image(
    layout: Layout,
    layers: Sequence[Layer],
    platform: Platform,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    created: int,
    history: Sequence[str] = (),
) -> Descriptor:
    """Write config and manifest of an image; a tag can point at the result.

    `created` is in seconds since 1970; `history` describes how each layer was made, one text per
    layer, or is empty. The same arguments give the same digests on every machine.
    """
    if not layers:
        raise UserError("an image needs at least one layer")
    if history and len(history) != len(layers):
        raise UserError(f"{len(history)} history entries for {len(layers)} layers")
    config = canonical_json(_config(layers, platform, labels, created, history))
    config_descriptor = layout.write_blob([config], CONFIG_TYPE)
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config_descriptor.to_json(),
        "layers": [layer.descriptor.to_json() for layer in layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    written = layout.write_blob([canonical_json(manifest)], MANIFEST_TYPE)
    return Descriptor(written.media_type, written.digest, written.size, platform=platform)


def read_image(layout: Layout, descriptor: Descriptor) -> Image:
    """Read an image's manifest and config, both verified; layers are verified when read.

    UserError if it is not an image, VerificationError if it is damaged.
    """
    image, media_type = read_untyped(layout, descriptor)
    if media_type not in (None, descriptor.media_type):
        raise UserError(
            f"blob {descriptor.digest.short} has another type than its descriptor",
            why=f"it is a {media_type}, its descriptor says {descriptor.media_type}",
        )
    return image


def read_untyped(layout: Layout, descriptor: Descriptor) -> tuple[Image, str | None]:
    """The image, and the media type in its manifest, which is not checked."""
    where = f"blob {descriptor.digest.short}"
    if descriptor.media_type not in MANIFEST_TYPES:
        raise UserError(f"{where} is not an image", why=f"its type is {descriptor.media_type}")
    manifest = parse(ManifestDocument, layout.read_blob(descriptor), where)
    if manifest.artifact is not None:
        raise UserError(
            f"{where} is not an image",
            why=f"it is an artifact, such as a signature: its type is {manifest.artifact}",
            hint="name an image, such as kernel-bin:6.1",
        )
    config_descriptor = manifest.config.to_descriptor()
    config_where = f"blob {config_descriptor.digest.short}"
    config = parse(ConfigDocument, layout.read_blob(config_descriptor), config_where)
    image = Image(
        descriptor=descriptor,
        config=config_descriptor,
        platform=Platform(config.os, config.architecture),
        layers=_pair_layers(manifest, config, where),
        labels=(config.config.labels if config.config else None) or {},
        annotations=manifest.annotations or {},
        created=None if config.created is None else _epoch(config.created, config_where),
        history=tuple(item.created_by for item in config.history or ()),
    )
    return image, manifest.media_type


def _config(
    layers: Sequence[Layer],
    platform: Platform,
    labels: Mapping[str, str],
    created: int,
    history: Sequence[str],
) -> dict[str, object]:
    moment = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config: dict[str, object] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": moment,
        "config": {"Labels": dict(labels)} if labels else {},
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
    }
    if history:
        # No "author": an image must not contain a name of a person.
        config["history"] = [{"created": moment, "created_by": text} for text in history]
    return config


def _pair_layers(
    manifest: ManifestDocument, config: ConfigDocument, where: str
) -> tuple[Layer, ...]:
    if len(manifest.layers) > LAYERS:
        raise UserError(
            f"{where} has {len(manifest.layers):,} layers",
            why=f"an image has {LAYERS} at most, since no system can stack more",
        )
    if len(manifest.layers) != len(config.rootfs.diff_ids):
        raise VerificationError(
            f"{where} is not a consistent image",
            why=f"the manifest has {len(manifest.layers)} layers, the config"
            f" {len(config.rootfs.diff_ids)} diff IDs",
            hint="build the image again",
        )
    return tuple(
        Layer(layer.to_descriptor(), Digest.parse(diff_id))
        for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True)
    )


def _epoch(text: str, where: str) -> int:
    """RFC 3339, section 5.6, as seconds since 1970."""
    try:
        epoch = int(datetime.fromisoformat(text).timestamp())
        datetime.fromtimestamp(epoch, UTC)  # raises if the offset makes it the year 0 or 10000
        return epoch
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{where} has the creation time '{text:.80}', which is not a time of RFC 3339"
        ) from error
