"""Reads images from registries and sends images to them, with skopeo.

Only signatures need the module `referrers`, so it is imported by its name.
"""

from ingot.registry.read import (
    FETCHED,
    RawManifest,
    annotations_of,
    fetch_artifact,
    fetch_image,
    find_digest,
    find_tags,
    list_tags,
    manifest_of,
    read_document,
    read_fetched,
    read_manifest,
)
from ingot.registry.registry_names import (
    TRANSPORT,
    Registry,
    check_registry,
    host_of,
    is_loopback,
    repository_of,
)
from ingot.registry.send import copy_within, send, send_index
from ingot.registry.skopeo import at_once

__all__ = [
    "FETCHED",
    "TRANSPORT",
    "RawManifest",
    "Registry",
    "annotations_of",
    "at_once",
    "check_registry",
    "copy_within",
    "fetch_artifact",
    "fetch_image",
    "find_digest",
    "find_tags",
    "host_of",
    "is_loopback",
    "list_tags",
    "manifest_of",
    "read_document",
    "read_fetched",
    "read_manifest",
    "repository_of",
    "send",
    "send_index",
]
