"""Signatures in a registry, next to the image that they are about.

Bundles are read from the registry's list of referrers. A registry without such a list has an index
with the tag `sha256-<hex>` instead, which each writer reads, changes and writes again. Registries
cannot do this in one step: of two writers at the same moment, one can undo the change of the other.
So each reads it again afterwards, which finds most such cases, but not all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot import registry
from ingot.arch import all_arches
from ingot.digest import Digest
from ingot.errors import IngotError, MachineError
from ingot.images import signatures_tag
from ingot.oci import Descriptor, Layout
from ingot.oci.descriptor import INDEX_TYPE
from ingot.oci.image_documents import canonical_json
from ingot.registry import FETCHED, RawManifest
from ingot.registry.referrers import referrers_of
from ingot.trust.attached import (
    MOST_MANIFESTS,
    Attached,
    layers_in,
    read_attached,
    together,
    write_bundle,
    write_envelopes,
    write_layers,
    write_simple,
)
from ingot.trust.bundle import BUNDLE_TYPE

_ROUNDS = 8
"""The most times that a change is made again because of concurrent writers."""

_CONVERTED = "must be converted"
"""In skopeo's error for an index with members that it does not know, such as `artifactType`."""


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """The signatures of the images of a repository (host[:port]/path/kernel-bin)."""

    repository: str
    insecure: bool = False

    @property
    def name(self) -> str:
        return self.repository

    def read(self, subject: Digest) -> Attached:
        """The signatures of an image; what is damaged is in its `unreadable`.

        MachineError if the registry or the network fails.
        """
        tags = [f"{signatures_tag(subject)}.{end}" for end in ("sig", "att")]
        present = [tag for tag in tags if self._digest(f":{tag}")]
        digests = [each for each in self._referrers(subject) if self._is_bundle(each)]
        names = [*(f"@{digest}" for digest in digests), *(f":{tag}" for tag in present)]
        return together(registry.at_once(self._read, names))

    def add(self, subject: Descriptor, new: Attached) -> None:
        """Add signatures of an image to those that it has, in the forms of cosign 3 and cosign 2.

        MachineError if the registry or the network fails, or if other writers undo the change
        again and again.
        """
        tag = signatures_tag(subject.digest)
        with tempfile.TemporaryDirectory(prefix="ingot-sign-") as directory:
            layout = Layout(Path(directory) / "layout")
            bundles = [write_bundle(layout, each, subject) for each in new.bundles]
            for descriptor in bundles:
                self._send(layout, descriptor, f"@{descriptor.digest}")
            self._list(subject.digest, bundles)
            simple = [write_simple(layout, each) for each in new.simple]
            self._append(layout, f"{tag}.sig", simple)
            self._append(layout, f"{tag}.att", write_envelopes(layout, new.bundles))

    def _list(self, subject: Digest, added: Sequence[Descriptor]) -> None:
        """Add artifacts to the index of referrers, unless the registry lists them by itself."""
        if not added or referrers_of(self.repository, subject, insecure=self.insecure) is not None:
            return
        tag = signatures_tag(subject)
        for _ in range(_ROUNDS):
            listed = self._listed(subject)
            missing = [each for each in added if str(each.digest) not in _digests(listed)]
            if not missing:
                return
            sent = self._send_index([*listed, *(_entry(each) for each in missing)], f":{tag}")
            if self._digest(f":{tag}") == sent:
                return
        raise self._undone(tag)

    def _append(self, layout: Layout, tag: str, layers: Sequence[Descriptor]) -> None:
        """Add layers to an image of cosign 2."""
        if not layers:
            return
        for _ in range(_ROUNDS):
            present = self._layers(layout, tag)
            missing = [each for each in layers if each not in present]
            if not missing:
                return
            image = write_layers(layout, [*present, *missing])
            self._send(layout, image, f":{tag}")
            if self._digest(f":{tag}") == image.digest:
                return
        raise self._undone(tag)

    def _layers(self, layout: Layout, tag: str) -> list[Descriptor]:
        if self._digest(f":{tag}") is None:
            return []
        fetched = self._fetch(f":{tag}", layout.root)
        return layers_in(fetched, fetched.tags()[FETCHED])

    def _listed(self, subject: Digest) -> list[dict[str, object]]:
        """The entries of the index of referrers, as they are."""
        document = self._document(f":{signatures_tag(subject)}")
        return [dict(each) for each in document.entries or ()] if document else []

    def _referrers(self, subject: Digest) -> list[Digest]:
        found = referrers_of(self.repository, subject, insecure=self.insecure)
        if found is None:
            found = [Digest.parse(each) for each in _digests(self._listed(subject))]
        return found[:MOST_MANIFESTS]

    def _is_bundle(self, digest: Digest) -> bool:
        """Whether an artifact has a bundle: the list of referrers may not say so."""
        document = self._document(f"@{digest}")
        layers = document.content.get("layers") if document else None
        kinds = [each.get("mediaType") for each in layers or () if isinstance(each, dict)]
        return BUNDLE_TYPE in kinds

    def _read(self, name: str) -> Attached:
        with tempfile.TemporaryDirectory(prefix="ingot-signature-") as directory:
            try:
                layout = self._fetch(name, Path(directory) / "layout")
                return read_attached(layout, layout.tags()[FETCHED])
            except MachineError:
                raise
            except IngotError as error:
                return Attached(unreadable=(f"{self.repository}{name}: {error}",))

    def _fetch(self, name: str, to: Path) -> Layout:
        # an artifact has no platform: any value works
        platform = all_arches()[0].oci
        return registry.fetch_image(
            f"{self.repository}{name}", platform, to, insecure=self.insecure
        )

    def _digest(self, name: str) -> Digest | None:
        document = self._document(name)
        return document.digest if document else None

    def _document(self, name: str) -> RawManifest | None:
        return registry.read_document(f"{self.repository}{name}", insecure=self.insecure)

    def _send(self, layout: Layout, descriptor: Descriptor, name: str) -> None:
        what = f"the signatures of {self.repository} could not be sent"
        registry.send(layout, descriptor, f"{self.repository}{name}", what, insecure=self.insecure)

    def _send_index(self, entries: Sequence[dict[str, object]], name: str) -> Digest:
        """Send the index of referrers; returns its digest.

        An old skopeo refuses members that it does not know. They are left out then: programs that
        read an entry find them in its manifest.
        """
        what = f"the list of signatures of {self.repository} could not be sent"
        reference, index = f"{self.repository}{name}", _index(entries)
        try:
            registry.send_index(index, reference, what, insecure=self.insecure)
        except MachineError as error:
            if _CONVERTED not in error.why:
                raise
            index = _index(
                [
                    {key: value for key, value in each.items() if key != "artifactType"}
                    for each in entries
                ]
            )
            registry.send_index(index, reference, what, insecure=self.insecure)
        return Digest.of(index)

    def _undone(self, tag: str) -> MachineError:
        return MachineError(
            f"the signature could not be added to {self.repository}:{tag}",
            why=f"another program replaced it {_ROUNDS} times",
            hint="run the same command again when no other program signs this image",
        )


def _index(entries: Sequence[dict[str, object]]) -> bytes:
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": list(entries),
        }
    )


def _entry(artifact: Descriptor) -> dict[str, object]:
    """An entry of the index of referrers (distribution-spec 1.1, "Referrers Tag Schema")."""
    return {**artifact.to_json(), "artifactType": BUNDLE_TYPE}


def _digests(entries: Sequence[dict[str, object]]) -> list[str]:
    return [str(entry.get("digest")) for entry in entries]
