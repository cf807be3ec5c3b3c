"""What reading an image may cost, however it was made. A small file can describe a huge image.

Each limit is far above any image that somebody made for use, and the reason is beside it.
"""

from __future__ import annotations

from ingot.errors import UserError

DOCUMENT_BYTES = 4 << 20
"""Bytes of a manifest, an index, a config, or the data of an artifact. Registries have to take
manifests of 4 MiB and may refuse larger ones (OCI distribution-spec 1.1, "Pushing Manifests"), and
skopeo reads no larger manifest or config."""

STORE_INDEX_BYTES = 64 << 20
"""Bytes of the `index.json` of a layout on disk: some 200,000 tags."""

FAULTS_TOLD = 20
"""Lines of an error that lists what is wrong with a document."""

LAYERS = 500
"""Layers of one image: overlayfs stacks 500 (kernel: fs/overlayfs/params.h, OVL_MAX_STACK), and
docker makes 127."""

INDEX_DEPTH = 4
"""How deep indexes may list indexes; nearly all list manifests alone."""

GRAPH_BLOBS = 100_000
"""Manifests, configs and layers below one tag."""

ENTRIES = 1_000_000
"""Entries in all layers of an image, and folders that only names of others imply: one with all of
TeX Live has some 400,000."""

IMAGE_BYTES = 64 << 30
"""Bytes of all layers of an image, unpacked: the largest images in use, with models for
machine learning in them, have some 40 GiB."""

KERNEL_IMAGE_BYTES = 8 << 30
"""The same of an image of a kernel: one with every module there is, and all debug information,
has some 3 GiB."""

NAME_BYTES = 4095
"""Bytes of a name in a layer, and of what a link holds: what the kernel takes as a path
(limits.h, PATH_MAX, less the NUL at its end)."""

NAMES_BYTES = 256 << 20
"""Of all names of an image together: a million names have some 80 MiB."""

PART_BYTES = 255
"""Bytes of one part of a name (limits.h, NAME_MAX)."""

NAME_DEPTH = 200
"""Parts of a name: folders that lie within each other. The trees of JavaScript packages, the
deepest there are, have fewer than 100."""

EXTENSION_BYTES = 1 << 20
"""Bytes of a header that only tells more of the next one (pax, GNU long names). The limit of Go's
archive/tar, by which docker, containerd and podman read layers."""

EXTENSIONS = 16
"""Such headers before one entry; tar programs write three at most."""


class Allowance:
    """What may still be read of one image: entries, and bytes of the tars in its layers."""

    def __init__(self, size: int = IMAGE_BYTES, entries: int = ENTRIES) -> None:
        self._size, self._bytes_left = size, size
        self._entries, self._entries_left = entries, entries
        self._names_left = NAMES_BYTES

    def take_entries(self, count: int) -> None:
        """Count an entry and the folders that its name implies; a UserError for too many."""
        self._entries_left -= count
        if self._entries_left < 0:
            raise _too_much(f"it has more than {self._entries:,} files, directories and links")

    def take_names(self, count: int) -> None:
        """Count characters of names and of what links hold; a UserError for too many."""
        self._names_left -= count
        if self._names_left < 0:
            raise _too_much(f"its names have more than {NAMES_BYTES >> 20:,} MiB")

    def take_bytes(self, count: int) -> None:
        """Count bytes of a tar; a UserError if there are too many."""
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise _too_much(f"its layers have more than {self._size >> 20:,} MiB unpacked")

    def require_bytes(self, count: int) -> None:
        """A UserError for a file that says it is larger than all of the image may be."""
        if count > self._size:
            raise _too_much(f"a file in it claims {count:,} bytes")


def _too_much(why: str) -> UserError:
    return UserError(
        "the image is too large to be read",
        why=why,
        hint="such an image is broken or hostile; nothing was kept of it",
    )
