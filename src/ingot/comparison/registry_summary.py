"""The summary of an image in a registry: from its manifest if possible, else downloaded."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingot import registry
from ingot.arch import Arch, arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE, Profile
from ingot.comparison.image_summary import ImageSummary, require_no_builder
from ingot.comparison.store_summary import summary_of_image
from ingot.errors import IngotError, UserError, VerificationError
from ingot.images import (
    PROFILE,
    TITLE,
    KernelLabels,
    artifact_tag,
    base_tag,
    read_config,
    read_size_map,
)
from ingot.oci.image_documents import canonical_json, read_json
from ingot.progress import Progress

_PROFILE_LIMIT = 4 << 20


def summary_of_reference(
    reference: str, platform: Arch, progress: Progress, *, insecure: bool = False
) -> ImageSummary:
    """The summary of the image `reference` (host[:port]/path[:tag|@digest]) for one platform.

    UserError if it is not an image or is a builder. VerificationError if the image or its boot
    profile is damaged.
    """
    content = registry.read_manifest(reference, platform.oci, insecure=insecure)
    manifest = registry.manifest_of(content, reference)
    if manifest.artifact_type is not None:
        raise UserError(
            f"{reference} is not an image", why=f"it is an artifact: {manifest.artifact_type}"
        )
    annotations = manifest.annotations or {}
    require_no_builder(reference, annotations)
    facts = KernelLabels.from_labels(annotations)
    config, size_map = read_config(annotations), read_size_map(annotations)
    if facts is None or config is None or size_map is None:
        return _fetched(reference, platform, progress, insecure=insecure)
    blobs = [manifest.config, *manifest.layers]
    summary = ImageSummary(
        name=reference,
        platform=f"linux/{arch(facts.arch).oci}",
        layers=tuple(layer.to_descriptor().digest for layer in manifest.layers),
        size=len(canonical_json(content)) + sum(blob.size for blob in blobs),
        facts=facts,
        size_map=size_map,
        kernel_size=size_map.kernel_size,
        modules=size_map.modules,
        config=config,
        profile=_profile(reference, facts, insecure=insecure),
    )
    return summary.held_by(annotations.get(TITLE, ""))


def _fetched(reference: str, platform: Arch, progress: Progress, *, insecure: bool) -> ImageSummary:
    with (
        tempfile.TemporaryDirectory(prefix="ingot-fetch-") as directory,
        progress.step(f"fetch {reference}"),
    ):
        layout = registry.fetch_image(
            reference, platform.oci, Path(directory) / "layout", insecure=insecure
        )
        image = registry.read_fetched(layout, reference)
        return summary_of_image(layout, image, reference)


def _profile(reference: str, facts: KernelLabels, *, insecure: bool) -> Profile | None:
    """The boot profile of the kernel, if the registry has it next to its base image.

    The profile is optional, so any other failure to read it means None. VerificationError if the
    registry sends content with a wrong digest: then the rest of its content is not trusted either.
    """
    parent = registry.repository_of(reference).rpartition("/")[0]
    base = f"{parent}/{base_tag(facts)}"
    try:
        artifact = registry.fetch_artifact(
            f"{parent}/{artifact_tag(facts, PROFILE)}",
            PROFILE_TYPE,
            _PROFILE_LIMIT,
            insecure=insecure,
        )
        subject = registry.find_digest(base, insecure=insecure)
        if artifact is None or artifact.subject.digest != subject:
            return None
        return Profile.from_json(read_json(artifact.data))
    except VerificationError:
        raise
    except (IngotError, ValueError):
        return None
