"""Signatures as blobs and manifests of a registry, as cosign reads and writes them.

A bundle (cosign 3) is an artifact whose subject is the image, with two annotations that say what it
is about. Registries list it among the image's referrers; for those that cannot, an index with the
tag `sha256-<hex>` lists it. cosign 2 looks for two images by tag instead:

    sha256-<hex>.sig   a layer for each signature: the document; the signature is an annotation
    sha256-<hex>.att   a layer for each statement: the envelope

Source: sigstore/cosign, specs/BUNDLE_SPEC.md and SIGNATURE_SPEC.md; OCI distribution-spec 1.1,
"Referrers Tag Schema".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingot.errors import IngotError
from ingot.oci import Descriptor, Layout, write_artifact
from ingot.oci.descriptor import CONFIG_TYPE, MANIFEST_TYPE
from ingot.oci.image_documents import ManifestDocument, canonical_json, parse
from ingot.trust.bundle import BUNDLE_TYPE, parse_bundle
from ingot.trust.dsse import strict_base64
from ingot.trust.simple_signing import SimpleSignature
from ingot.trust.statement import SIGNATURE

SIMPLE_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
MOST_MANIFESTS = 256
"""The most manifests about one image that are read."""

_SIGNATURE = "dev.cosignproject.cosign/signature"
_PREDICATE = "predicateType"
_BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"
_MOST_BYTES = 64 << 20
"""The most bytes of one signature: an SBOM that lists the files of a kernel has some 3 MB."""


@dataclass(frozen=True, slots=True)
class AttachedBundle:
    """A bundle, the type of its statement, and when it was made (RFC 3339), as annotated."""

    data: bytes
    predicate_type: str
    created: str


@dataclass(frozen=True, slots=True)
class Attached:
    """The signatures of one image: those of cosign 3, of cosign 2, and the envelopes of cosign 2.

    Nothing in it is verified. `unreadable` says what was found and could not be read.
    """

    bundles: tuple[AttachedBundle, ...] = ()
    simple: tuple[SimpleSignature, ...] = ()
    envelopes: tuple[bytes, ...] = ()
    unreadable: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.bundles or self.simple or self.envelopes or self.unreadable)

    def without(self, other: Attached) -> Attached:
        """What the other one does not have."""
        known = {bundle.data for bundle in other.bundles}
        return Attached(
            tuple(bundle for bundle in self.bundles if bundle.data not in known),
            tuple(each for each in self.simple if each not in other.simple),
            tuple(each for each in self.envelopes if each not in other.envelopes),
        )


def together(parts: Iterable[Attached]) -> Attached:
    """All that the parts have, each once."""
    found = list(parts)
    return Attached(
        *(
            tuple(dict.fromkeys(each for part in found for each in getattr(part, name)))
            for name in ("bundles", "simple", "envelopes", "unreadable")
        )
    )


def read_attached(layout: Layout, descriptor: Descriptor) -> Attached:
    """The signatures in a manifest, by the types of its layers; empty for another artifact."""
    where = f"the signature {descriptor.digest.short}"
    try:
        manifest = parse(ManifestDocument, layout.read_blob(descriptor), where)
        return together(
            _layer(
                layer.media_type,
                layer.annotations or {},
                manifest.annotations or {},
                layout,
                layer.to_descriptor(),
            )
            for layer in manifest.layers
            if layer.media_type in (BUNDLE_TYPE, SIMPLE_TYPE, ENVELOPE_TYPE)
        )
    except (IngotError, ValueError) as error:
        return Attached(unreadable=(f"{where}: {error}",))


def _layer(
    kind: str,
    annotations: Mapping[str, str],
    of_manifest: Mapping[str, str],
    layout: Layout,
    descriptor: Descriptor,
) -> Attached:
    data = layout.read_blob(descriptor, _MOST_BYTES)
    if kind == BUNDLE_TYPE:
        about, created = of_manifest.get(_BUNDLE_PREDICATE, ""), of_manifest.get(_CREATED, "")
        return Attached(bundles=(AttachedBundle(data, about, created),))
    if kind == ENVELOPE_TYPE:
        return Attached(envelopes=(data,))
    signature = strict_base64(annotations.get(_SIGNATURE), "its signature")
    return Attached(simple=(SimpleSignature(data, signature),))


def write_bundle(layout: Layout, bundle: AttachedBundle, subject: Descriptor) -> Descriptor:
    """Write the artifact of a bundle."""
    annotations = {
        _CREATED: bundle.created,
        "dev.sigstore.bundle.content": "dsse-envelope",
        _BUNDLE_PREDICATE: bundle.predicate_type,
    }
    return write_artifact(layout, BUNDLE_TYPE, bundle.data, subject, annotations=annotations)


def write_simple(layout: Layout, signature: SimpleSignature) -> Descriptor:
    """Write the layer of a signature of cosign 2."""
    text = base64.b64encode(signature.signature).decode()
    return layout.write_blob([signature.payload], SIMPLE_TYPE).annotated({_SIGNATURE: text})


def write_envelopes(layout: Layout, bundles: Iterable[AttachedBundle]) -> list[Descriptor]:
    """Write the envelopes of bundles as layers for cosign 2, except those without a statement's
    content, which are signatures."""
    return [
        # cosign 2 does not read a layer without the annotation of a signature, even an empty one
        layout.write_blob([_envelope(bundle)], ENVELOPE_TYPE).annotated(
            {_SIGNATURE: "", _PREDICATE: bundle.predicate_type}
        )
        for bundle in bundles
        if bundle.predicate_type != SIGNATURE
    ]


def write_layers(layout: Layout, layers: Sequence[Descriptor]) -> Descriptor:
    """Write the image of cosign 2 that has these layers."""
    config = {
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [str(layer.digest) for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.write_blob([canonical_json(config)], CONFIG_TYPE).to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return layout.write_blob([canonical_json(manifest)], MANIFEST_TYPE)


def layers_in(layout: Layout, descriptor: Descriptor) -> list[Descriptor]:
    """The layers of such an image, with all their annotations. UserError if it is not one."""
    manifest = parse(ManifestDocument, layout.read_blob(descriptor), descriptor.digest.short)
    return [layer.to_descriptor() for layer in manifest.layers]


def _envelope(bundle: AttachedBundle) -> bytes:
    return canonical_json(parse_bundle(bundle.data).envelope.to_json(key_ids=True))
