"""The limits of reading an image, since a small file can describe a huge image.

Each limit is far above that of any image in real use; the reason is next to it.
"""

from __future__ import annotations

from ingot.errors import UserError

DOCUMENT_BYTES = 4 << 20
"""Bytes of a manifest, an index, a config, or the data of an artifact. Registries have to accept
manifests of 4 MiB and can refuse larger ones (OCI distribution-spec 1.1, "Pushing Manifests"), and
skopeo does not read larger manifests or configs."""

STORE_INDEX_BYTES = 64 << 20
"""Bytes of the `index.json` of a layout on disk: some 200,000 tags."""

FAULTS_SHOWN = 20
"""Faults in a document that an error lists."""

LAYERS = 500
"""Layers of one image: overlayfs stacks 500 (kernel: fs/overlayfs/params.h, OVL_MAX_STACK), and
docker makes 127."""

INDEX_DEPTH = 4
"""How deep indexes can be nested; nearly all list only manifests."""

GRAPH_BLOBS = 100_000
"""Manifests, configs and layers below one tag."""

ENTRIES = 1_000_000
"""Entries in all layers of an image, and directories that are implied by names of others: an image
with all of TeX Live has some 400,000."""

IMAGE_BYTES = 64 << 30
"""Bytes of all unpacked layers of an image: the largest images in use, with models for machine
learning, have some 40 GiB."""

KERNEL_IMAGE_BYTES = 8 << 30
"""The same for an image of a kernel: one with all modules and all debug information has some
3 GiB."""

NAME_BYTES = 4095
"""Bytes of a name in a layer, and of a link's target: the kernel's limit of a path (limits.h,
PATH_MAX, without the NUL at its end)."""

NAMES_BYTES = 256 << 20
"""Bytes of all names of an image together: a million names have some 80 MiB."""

PART_BYTES = 255
"""Bytes of one part of a name (limits.h, NAME_MAX)."""

NAME_DEPTH = 200
"""Parts of a name, that is, nested directories. The deepest known trees, those of JavaScript
packages, have fewer than 100."""

EXTENSION_BYTES = 1 << 20
"""Bytes of a header that extends the next one (pax, GNU long names). It is the limit of Go's
archive/tar, with which docker, containerd and podman read layers."""

EXTENSIONS = 16
"""Such headers before one entry; tar programs write at most three."""


class Allowance:
    """How much of one image can still be read: entries, names, and bytes of its layers' tars."""

    def __init__(self, size: int = IMAGE_BYTES, entries: int = ENTRIES) -> None:
        self._size, self._bytes_left = size, size
        self._entries, self._entries_left = entries, entries
        self._names_left = NAMES_BYTES

    def take_entries(self, count: int) -> None:
        """Count an entry and the directories that its name implies; a UserError for too many."""
        self._entries_left -= count
        if self._entries_left < 0:
            raise _too_much(f"it has more than {self._entries:,} files, directories and links")

    def take_names(self, count: int) -> None:
        """Count characters of names and of link targets; a UserError for too many."""
        self._names_left -= count
        if self._names_left < 0:
            raise _too_much(f"its names have more than {NAMES_BYTES >> 20:,} MiB")

    def take_bytes(self, count: int) -> None:
        """Count bytes of a tar; a UserError if there are too many."""
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise _too_much(f"its layers have more than {self._size >> 20:,} MiB unpacked")

    def require_bytes(self, count: int) -> None:
        """A UserError for a file whose header states more bytes than the limit of the image."""
        if count > self._size:
            raise _too_much(f"a file in it has {count:,} bytes according to its header")


def _too_much(why: str) -> UserError:
    return UserError(
        "the image is too large to be read",
        why=why,
        hint="such an image is broken or hostile; its data was discarded: rebuild it or use another"
        " one",
    )
