"""Sending to registries, straight from the store.

Everything goes as it is, to the byte: a digest here is the digest there. What the registry has is
not sent again, and a layer that another of its repositories has is mounted there, which skopeo
knows from its own cache of where blobs were seen.
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
from ingot.registry.registry_names import TRANSPORT, trust_words
from ingot.registry.skopeo import RETRIES

# how skopeo's library (containers/image) tells, when it is asked to tell all
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

    Of an index only itself: the registry has what it lists. Returns the bytes of the configs and
    layers that the registry did not have, as skopeo tells; `on_sent` hears of each when it is
    there. An error says that it was `what` that could not be done.
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
    words += trust_words(reference, "--dest-tls-verify", insecure=insecure)
    words += ["--src-shared-blob-dir", str(layout.blobs.folder.parent)]
    with tempfile.TemporaryDirectory(prefix="ingot-push-") as folder:
        _write_view(Path(folder), descriptor)
        words += [f"oci:{folder}", f"{TRANSPORT}{reference}"]
        try:
            run(words, on_line=listen, keep_output=False)
        except CommandFailedError as error:
            raise explain(error, what, reference) from error
    return sum(sent.values())


def send_index(data: bytes, reference: str, what: str, *, insecure: bool = False) -> None:
    """Put the index `data` under `reference`; the registry has the images that it lists."""
    with tempfile.TemporaryDirectory(prefix="ingot-index-") as folder:
        layout = Layout(Path(folder) / "layout")
        descriptor = layout.write_blob([data], INDEX_TYPE)
        send(layout, descriptor, reference, what, insecure=insecure)


def _is_index(descriptor: Descriptor) -> bool:
    return descriptor.media_type in INDEX_TYPES


def _blob_sizes(layout: Layout, descriptor: Descriptor) -> dict[str, int]:
    return {str(part.digest): part.size for part in reachable(layout.blobs, descriptor)}


def _write_view(folder: Path, descriptor: Descriptor) -> None:
    """A layout without blobs whose one image is `descriptor`: skopeo takes those of the store.

    So what is sent is what the caller looked at, wherever a tag of the store points meanwhile,
    and it does not matter what characters the store's path has.
    """
    plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [plain.to_json()]}
    (folder / "index.json").write_bytes(canonical_json(index))
    (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
