"""Sends images to registries, directly from the store.

All bytes are sent unchanged, so digests in the store and in the registry are the same. Blobs that
the registry has are not sent again, and a layer that another repository of the registry has is
mounted from there; skopeo knows these repositories from its own cache of blob locations.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from ingot.oci import Descriptor, Layout
from ingot.oci.descriptor import INDEX_TYPE, INDEX_TYPES
from ingot.oci.graph import reachable
from ingot.oci.image_documents import canonical_json
from ingot.process import CommandFailedError, run
from ingot.registry.failures import explain
from ingot.registry.registry_names import TRANSPORT, tls_arguments
from ingot.registry.skopeo import RETRIES

# a debug message of skopeo's library (containers/image)
_UPLOADED = re.compile(r"Upload of layer (sha256:[0-9a-f]{64}) complete")


def send(
    layout: Layout,
    descriptor: Descriptor,
    reference: str,
    what: str,
    *,
    insecure: bool = False,
    on_sent: Callable[[int], None] | None = None,
) -> int:
    """Copy an image, an artifact or an index to `reference` (repository:tag or repository@digest).

    Of an index only the index itself is sent: the registry must have its images. Returns the bytes
    of the configs and layers that skopeo uploaded; `on_sent` is called with the size of each after
    its upload. `what` is the first sentence of an error.
    """
    sizes = {} if _is_index(descriptor) else _blob_sizes(layout, descriptor)
    sent: dict[str, int] = {}

    def listen(line: str) -> None:
        match = _UPLOADED.search(line)
        if match and match[1] not in sent:
            sent[match[1]] = sizes.get(match[1], 0)
            if on_sent:
                on_sent(sent[match[1]])

    words = ["skopeo", "--debug", "copy", "--preserve-digests", *RETRIES]
    words += ["--multi-arch", "index-only"] if _is_index(descriptor) else []
    words += tls_arguments(reference, "--dest-tls-verify", insecure=insecure)
    words += ["--src-shared-blob-dir", str(layout.blobs.directory.parent)]
    with tempfile.TemporaryDirectory(prefix="ingot-push-") as directory:
        _write_view(Path(directory), descriptor)
        words += [f"oci:{directory}", f"{TRANSPORT}{reference}"]
        try:
            run(words, on_line=listen, keep_output=False)
        except CommandFailedError as error:
            raise explain(error, what, reference) from error
    return sum(sent.values())


def send_index(data: bytes, reference: str, what: str, *, insecure: bool = False) -> None:
    """Send the index `data` to `reference`; the registry must have the images that it lists."""
    with tempfile.TemporaryDirectory(prefix="ingot-index-") as directory:
        layout = Layout(Path(directory) / "layout")
        descriptor = layout.write_blob([data], INDEX_TYPE)
        send(layout, descriptor, reference, what, insecure=insecure)


def copy_within(origin: str, reference: str, what: str, *, insecure: bool = False) -> None:
    """Give the image `origin` (repository@digest) of a registry another tag, `reference`.

    Both are in the same repository, so only the manifest is sent. `what` is the first sentence of
    an error.
    """
    words = ["skopeo", "copy", "--quiet", "--preserve-digests", *RETRIES]
    words += ["--multi-arch", "index-only"]
    words += tls_arguments(origin, "--src-tls-verify", insecure=insecure)
    words += tls_arguments(reference, "--dest-tls-verify", insecure=insecure)
    try:
        run([*words, f"{TRANSPORT}{origin}", f"{TRANSPORT}{reference}"])
    except CommandFailedError as error:
        raise explain(error, what, reference) from error


def _is_index(descriptor: Descriptor) -> bool:
    return descriptor.media_type in INDEX_TYPES


def _blob_sizes(layout: Layout, descriptor: Descriptor) -> dict[str, int]:
    return {str(part.digest): part.size for part in reachable(layout.blobs, descriptor)}


def _write_view(directory: Path, descriptor: Descriptor) -> None:
    """Write a layout without blobs, with `descriptor` as its only image; skopeo reads the store's.

    So the image that the caller chose is sent, even if the tag moves meanwhile, and the store's
    path can have any characters.
    """
    plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [plain.to_json()]}
    (directory / "index.json").write_bytes(canonical_json(index))
    (directory / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
