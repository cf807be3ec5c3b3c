"""Reads artifacts (`ingot.oci.artifact`) from registries."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingot.arch import all_arches
from ingot.errors import UserError
from ingot.oci import Artifact, read_artifact
from ingot.registry.read import FETCHED, fetch_image, manifest_of, read_document
from ingot.registry.registry_names import repository_of


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
