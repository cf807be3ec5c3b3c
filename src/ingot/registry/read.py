"""Reads from registries: manifests, tags, whole images, and artifacts about images."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ingot.arch import all_arches
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.oci import Artifact, Descriptor, Image, Layout, read_artifact, read_image
from ingot.oci.descriptor import INDEX_TYPE, INDEX_TYPES, MANIFEST_TYPE, MANIFEST_TYPES
from ingot.oci.image_documents import ManifestDocument, canonical_json, parse, read_json
from ingot.oci.limits import DOCUMENT_BYTES, IMAGE_BYTES
from ingot.process import CommandFailedError, run
from ingot.registry.failures import explain, is_absent, is_withheld
from ingot.registry.registry_names import TRANSPORT, host_of, repository_of, tls_arguments
from ingot.registry.skopeo import RETRIES, answer, layout_name, watched

FETCHED = "image:fetched"
"""The tag of a fetched image in the layout that it was copied to."""

_TAG_LIST_BYTES = 64 << 20
"""Bytes of a list of some 500,000 tags; the largest repositories have 100,000."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""OCI distribution-spec 1.1, "Pulling Manifests"."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RawManifest:
    """The bytes of a manifest or an index, and its parsed JSON."""

    data: bytes
    content: Mapping[str, Any] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, data: bytes, name: str) -> Self:
        """Parse a document; a MachineError, which names it `name`, if it is not a JSON object.

        VerificationError for a document that could be read as an index and as a manifest.
        """
        document = cls(data, _json(data, name))
        document._require_one_kind(name)
        return document

    def _require_one_kind(self, name: str) -> None:
        """Source: OCI image-spec 1.1, manifest.md, "mediaType" (CVE-2021-41190)."""
        media_type = self.content.get("mediaType")
        others = INDEX_TYPES if self.entries is None else MANIFEST_TYPES
        both = self.entries is not None and ("layers" in self.content or "config" in self.content)
        if both or (isinstance(media_type, str) and media_type in others):
            raise VerificationError(
                f"{name} is an index and a manifest at once",
                why="its content and its mediaType or other members contradict each other:"
                " different programs would use different images",
                hint="do not use it; ask its publisher to rebuild it",
            )

    @property
    def digest(self) -> Digest:
        return Digest.of(self.data)

    @property
    def entries(self) -> list[Mapping[str, Any]] | None:
        """The entries of an index; None for a manifest."""
        found = self.content.get("manifests")
        return [entry for entry in found if _is_blob(entry)] if isinstance(found, list) else None

    @property
    def blobs(self) -> list[str]:
        """The digests of a manifest's config and layers."""
        layers = self.content.get("layers")
        parts = [self.content.get("config"), *(layers if isinstance(layers, list) else [])]
        return [part["digest"] for part in parts if _is_blob(part)]

    @property
    def annotations(self) -> Mapping[str, str]:
        return annotations_of(self.content)

    @property
    def descriptor(self) -> Descriptor:
        # image-spec 1.0 left out the type (manifest.md, "mediaType")
        usual = MANIFEST_TYPE if self.entries is None else INDEX_TYPE
        media_type = self.content.get("mediaType")
        stated = media_type if isinstance(media_type, str) else ""
        return Descriptor(stated or usual, self.digest, len(self.data))


def read_document(reference: str, *, insecure: bool = False) -> RawManifest | None:
    """The document of `reference` (host[:port]/path[:tag|@digest]); None if it does not exist.

    UserError for an invalid name, VerificationError if it does not match its digest, MachineError
    for other failures.
    """
    words = ["inspect", "--raw", *RETRIES]
    words += tls_arguments(reference, "--tls-verify", insecure=insecure)
    try:
        data = answer([*words, f"{TRANSPORT}{reference}"], DOCUMENT_BYTES)
    except CommandFailedError as error:
        if is_absent(error, reference):
            return None
        raise explain(error, f"{reference} could not be read", reference) from error
    document = RawManifest.parse(data, reference)
    named = reference.rpartition("@")[2] if "@" in reference else ""
    if named and named != str(document.digest):
        raise VerificationError(
            f"{reference} was sent with the digest {document.digest}",
            why="the registry sent another document than the requested one",
            hint="do not use this registry; its content or the network is not to be trusted",
        )
    return document


def read_manifest(
    reference: str, architecture: str, *, insecure: bool = False
) -> Mapping[str, Any]:
    """The manifest of the image `reference` (host[:port]/path[:tag|@digest]), as JSON.

    Its members are not checked: `manifest_of` does that.

    For an image of several platforms, that of `architecture` (Go's GOARCH; OCI image-spec,
    image-index.md), or the only one. A UserError if there is no such image.
    """
    document = _require(reference, insecure)
    if document.entries is None:
        return document.content
    fitting = [
        entry
        for entry in document.entries
        if len(document.entries) == 1 or _platform(entry).get("architecture") == architecture
    ]
    if not fitting:
        raise UserError(
            f"{reference} has no image for {architecture}",
            hint=f"name an image that was built for {architecture}",
        )
    found = _require(f"{repository_of(reference)}@{fitting[0]['digest']}", insecure)
    if found.entries is not None:
        raise UserError(
            f"{reference} lists another index for {architecture}, not an image",
            hint="name an image, not an index of indexes; its publisher can rebuild it",
        )
    return found.content


def annotations_of(content: Mapping[str, Any]) -> Mapping[str, str]:
    """The annotations of a manifest or an index whose values are texts."""
    found = content.get("annotations")
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: text for name, text in pairs if isinstance(text, str)}


def manifest_of(content: Mapping[str, Any], name: str) -> ManifestDocument:
    """Parse a manifest; a UserError, which names it `name`, if it is not valid."""
    try:
        data = canonical_json(content)
    except ValueError as error:  # Python reads more than JSON, such as NaN
        raise UserError(f"{name} has a manifest that is not JSON", why=str(error)) from None
    hint = "it was not used; ask its publisher to rebuild it"
    return parse(ManifestDocument, data, name, hint)


def find_digest(reference: str, *, insecure: bool = False) -> Digest | None:
    """The digest of the image or index `reference`; None if it does not exist.

    A denied read counts as not existing: some registries answer like that for both.
    """
    document = read_document(reference, insecure=insecure)
    return document.digest if document else None


def list_tags(repository: str, *, insecure: bool = False) -> tuple[str, ...]:
    """The tags of a repository, sorted; () if there is none, or the registry refuses to list."""
    return find_tags(repository, insecure=insecure) or ()


def find_tags(repository: str, *, insecure: bool = False) -> tuple[str, ...] | None:
    """The tags of a repository, sorted; None if the registry refuses to list them."""
    words = ["list-tags", *RETRIES, *tls_arguments(repository, "--tls-verify", insecure=insecure)]
    try:
        data = answer([*words, f"{TRANSPORT}{repository}"], _TAG_LIST_BYTES)
    except CommandFailedError as error:
        if is_withheld(error, repository):
            return None
        if is_absent(error, repository):
            return ()
        raise explain(error, f"the tags of {repository} could not be read", repository) from error
    tags = _json(data, repository).get("Tags")
    found = tags if isinstance(tags, list) else []
    # an invalid tag cannot be requested
    return tuple(sorted({tag for tag in found if isinstance(tag, str) and _TAG.fullmatch(tag)}))


def fetch_image(reference: str, architecture: str, to: Path, *, insecure: bool = False) -> Layout:
    """Copy an image from a registry to an OCI layout `to`, tagged `image:fetched`.

    A UserError if there is no such image, or if `to` exceeds the limit of an image (see
    `ingot.oci.limits`).
    """
    words = ["skopeo", "--override-arch", architecture, "--override-os", "linux", "copy"]
    words += ["--quiet", *RETRIES, *tls_arguments(reference, "--src-tls-verify", insecure=insecure)]
    try:
        with layout_name(to, FETCHED) as target, watched(to, IMAGE_BYTES) as stop:
            run([*words, f"{TRANSPORT}{reference}", target], stop=stop)
    except CommandFailedError as error:
        if is_absent(error, reference):  # raises if the image itself is absent, not only a blob
            _require(reference, insecure)
        raise explain(error, f"{reference} could not be fetched", reference) from error
    return Layout(to)


def read_fetched(layout: Layout, reference: str) -> Image:
    """The image that `fetch_image` has copied from `reference`.

    A UserError that names the reference if it is not an image, since artifacts have tags as well.
    """
    try:
        return read_image(layout, layout.tags()[FETCHED])
    except UserError as error:
        raise UserError(
            f"{reference} is not an image with files", why=error.why or error.what, hint=error.hint
        ) from error


def fetch_artifact(
    reference: str, artifact_type: str, limit: int, *, insecure: bool = False
) -> Artifact | None:
    """The artifact `reference` (host[:port]/path:tag or @digest); None if it does not exist.

    UserError if it is not an artifact of this type, or its data has more than `limit` bytes;
    VerificationError if content does not match its digest. The caller compares its subject with
    the image.
    """
    document = read_document(reference, insecure=insecure)
    if document is None:
        return None
    manifest = manifest_of(document.content, reference)
    if manifest.artifact_type != artifact_type:
        raise UserError(
            f"{reference} is not an artifact of the type {artifact_type}",
            why=f"its type is {manifest.artifact_type!r:.100}",
        )
    size = sum(layer.size for layer in manifest.layers)
    if size > limit:
        raise UserError(f"{reference} is too large", why=f"it has {size:,} bytes, not {limit:,}")
    exact = f"{repository_of(reference)}@{document.digest}"
    with tempfile.TemporaryDirectory(prefix="ingot-fetch-") as directory:
        # an artifact has no platform: any value works
        to, platform = Path(directory) / "layout", all_arches()[0].oci
        layout = fetch_image(exact, platform, to, insecure=insecure)
        return read_artifact(layout, layout.tags()[FETCHED])


def _require(reference: str, insecure: bool) -> RawManifest:
    document = read_document(reference, insecure=insecure)
    if document is None:
        raise UserError(
            f"there is no image {reference}",
            why="the registry does not have it, or does not allow this user to read it",
            hint=f"check the name; to log in: skopeo login {host_of(reference)}",
        )
    return document


def _json(data: bytes, reference: str) -> dict[str, Any]:
    try:
        document = read_json(data)
        why = "" if isinstance(document, dict) else "it is not a JSON object"
    except ValueError as error:
        document, why = None, str(error)
    if not isinstance(document, dict):
        raise MachineError(f"{reference} has a manifest that is not JSON", why=why)
    return document


def _is_blob(entry: object) -> bool:
    """Whether it has a valid digest, which can be used in a name."""
    digest = entry.get("digest") if isinstance(entry, dict) else None
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _platform(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entry.get("platform")
    return found if isinstance(found, dict) else {}
