"""Signatures in the store: an index for each signed image, next to it.

    kernel-bin:sha256-<hex>    an index of the manifests about the image with this digest: bundles,
                               and an image with the signatures of cosign 2

It is pushed, and removed, together with the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.digest import Digest
from ingot.errors import IngotError
from ingot.files import locked
from ingot.images import signatures_tag
from ingot.oci import Descriptor, Layout
from ingot.oci.descriptor import INDEX_TYPE
from ingot.oci.image_documents import IndexDocument, canonical_json, parse
from ingot.trust.attached import (
    MOST_MANIFESTS,
    Attached,
    read_attached,
    together,
    write_bundle,
    write_layers,
    write_simple,
)

_LOCK = ".signatures.lock"


@dataclass(frozen=True, slots=True)
class StorePlace:
    """The signatures of the images of one name, such as `kernel-bin`, in a store."""

    layout: Layout
    name: str

    def read(self, subject: Digest) -> Attached:
        """The signatures of an image; what is damaged is in its `unreadable`."""
        try:
            return together(read_attached(self.layout, each) for each in self._manifests(subject))
        except IngotError as error:
            return Attached(unreadable=(str(error),))

    def add(self, subject: Descriptor, new: Attached) -> None:
        """Add signatures of an image to those that it has."""
        with self.layout.in_use(), locked(self.layout.root / _LOCK):
            listed = self._manifests(subject.digest)
            written = [write_bundle(self.layout, each, subject) for each in new.bundles]
            if new.simple:
                layers = [write_simple(self.layout, each) for each in new.simple]
                written.append(write_layers(self.layout, layers))
            index = index_of([*listed, *written])
            descriptor = self.layout.write_blob([index], INDEX_TYPE)
            self.layout.tag({self._tag(subject.digest): descriptor})

    def _manifests(self, subject: Digest) -> list[Descriptor]:
        descriptor = self.layout.find(self._tag(subject))
        if descriptor is None:
            return []
        data = self.layout.read_blob(descriptor)
        index = parse(IndexDocument, data, f"the index {self._tag(subject)}")
        return [each.to_descriptor() for each in index.manifests[:MOST_MANIFESTS]]

    def _tag(self, subject: Digest) -> str:
        return f"{self.name}:{signatures_tag(subject)}"


def index_of(manifests: Sequence[Descriptor]) -> bytes:
    """An index that lists each of these manifests once; the same manifests give the same bytes."""
    unique = {each.digest: each for each in manifests}
    entries = [each.to_json() for _, each in sorted(unique.items())]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries})
