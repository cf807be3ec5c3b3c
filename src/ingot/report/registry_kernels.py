"""The kernels of a registry, from their manifests and boot profiles: no kernel is pulled."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field

from ingot import registry
from ingot.boot.cost.boot_profile import PROFILE_TYPE, Profile
from ingot.digest import Digest
from ingot.errors import IngotError, UserError
from ingot.images import BASE
from ingot.oci.image_documents import IndexDocument, ManifestDocument, parse
from ingot.progress import Progress
from ingot.registry import RawManifest
from ingot.registry.skopeo import at_once
from ingot.report.report_data import FoundImage, Omission

_ABOUT_IMAGES = re.compile(r"sha256-[0-9a-f]{64}(?:\..*)?")
"""Tags of data about an image: the referrers of a digest (OCI distribution-spec 1.1, "Referrers Tag
Schema"), and cosign's signatures."""
_PROFILE_BYTES = 4 << 20
_NOWHERE = "unknown"
"""The platform that build tools use for entries of an index that are not runnable images."""


def kernels_of_registry(
    name: str, progress: Progress, *, insecure: bool = False
) -> tuple[list[FoundImage], list[Omission]]:
    """The base images of a registry, each once with all its tags, and those that cannot be read.

    `name` is host[:port][/path]. Raises the errors of `registry.list_tags` and
    `registry.read_document`.
    """
    reader = _RepositoryReader(f"{registry.check_registry(name)}/{BASE}", insecure)
    with progress.step(f"read the manifests of {reader.repository}") as step:
        listed = registry.list_tags(reader.repository, insecure=insecure)
        tags = [tag for tag in listed if not _ABOUT_IMAGES.fullmatch(tag)]
        documents = at_once(
            lambda tag: reader.read(f":{tag}"), tags, lambda done: step.advance(done, len(tags))
        )
        for tag, document in zip(tags, documents, strict=True):
            reader.put(tag, document)
        reader.read_missing()
        step.result(f"{len(tags)} tags")
    return reader.sort_out()


@dataclass(slots=True)
class _RepositoryReader:
    """The manifests that were read from a repository so far, and the tags that lead to each."""

    repository: str
    insecure: bool
    manifests: dict[Digest, RawManifest] = field(default_factory=dict)
    tags: dict[Digest, list[str]] = field(default_factory=dict)
    omissions: list[Omission] = field(default_factory=list)

    def read(self, suffix: str) -> RawManifest | None:
        """The manifest or index with a suffix (`:tag`, `@digest`); None if it no longer exists."""
        return registry.read_document(f"{self.repository}{suffix}", insecure=self.insecure)

    def put(self, tag: str, document: RawManifest | None) -> None:
        """Record the manifest that a tag leads to, or the runnable manifests of an index."""
        if document is None:  # removed since the tags were listed
            return
        if document.entries is None:
            self.manifests[document.digest] = document
            self.tags.setdefault(document.digest, []).append(tag)
            return
        try:
            index = parse(IndexDocument, document.data, f"index {document.digest.short}")
        except IngotError as error:
            self.omit(tag, error)
            return
        for entry in index.manifests:
            if entry.platform is None or entry.platform.os != _NOWHERE:
                self.tags.setdefault(Digest.parse(entry.digest), []).append(tag)

    def read_missing(self) -> None:
        """Read the manifests that only an index leads to."""
        missing = [digest for digest in self.tags if digest not in self.manifests]
        for document in at_once(lambda digest: self.read(f"@{digest}"), missing):
            if document:
                self.manifests[document.digest] = document

    def omit(self, tag: str, error: IngotError) -> None:
        self.omissions.append(Omission(f"{BASE}:{tag}", str(error)))

    def sort_out(self) -> tuple[list[FoundImage], list[Omission]]:
        """The possible kernels, each with its boot profile, and those that cannot be read."""
        found = []
        profiles: dict[Digest, Digest] = {}
        for digest, tags in self.tags.items():
            try:
                manifest = self.parse(digest)
            except IngotError as error:  # a registry can have images from any source
                self.omit(tags[0], error)
                continue
            if manifest.artifact_type is None:
                sizes = tuple(layer.size for layer in manifest.layers)
                found.append(FoundImage(digest, tuple(tags), manifest.annotations or {}, sizes))
            elif manifest.artifact_type == PROFILE_TYPE and manifest.subject:
                profiles[Digest.parse(manifest.subject.digest)] = digest
        pairs = at_once(lambda image: self.with_profile(image, profiles.get(image.digest)), found)
        broken = [omission for _, omission in pairs if omission]
        return [image for image, _ in pairs], [*self.omissions, *broken]

    def parse(self, digest: Digest) -> ManifestDocument:
        if digest not in self.manifests:
            raise UserError(f"the registry has no manifest {digest.short}")
        return parse(ManifestDocument, self.manifests[digest].data, f"manifest {digest.short}")

    def with_profile(
        self, image: FoundImage, artifact: Digest | None
    ) -> tuple[FoundImage, Omission | None]:
        """The image with its boot profile; an Omission if the profile cannot be read."""
        if artifact is None:
            return image, None
        try:
            return dataclasses.replace(image, profile=self.fetch_profile(artifact)), None
        except (IngotError, ValueError, RecursionError) as error:
            return image, Omission(f"the boot profile of {BASE}:{image.tags[0]}", str(error))

    def fetch_profile(self, artifact: Digest) -> Profile:
        """The boot profile in an artifact of the repository; ValueError if it is not one."""
        fetched = registry.fetch_artifact(
            f"{self.repository}@{artifact}", PROFILE_TYPE, _PROFILE_BYTES, insecure=self.insecure
        )
        if fetched is None:
            raise ValueError("the registry does not have it")
        return Profile.from_json(json.loads(fetched.data))
