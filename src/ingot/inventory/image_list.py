"""Lists the images of the store: the tags and the size of each, and the bytes that only it needs.

An image of the list is one manifest under one name, such as `kernel-bin`. It has all of its tags:
the moving ones, and the immutable one that names its recipe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingot.arch import arch_called
from ingot.builder.builder_image import labelled_digest
from ingot.digest import Digest
from ingot.errors import IngotError, UserError
from ingot.images import SIGNATURES, KernelLabels, artifact_kind, is_immutable, read_facts
from ingot.oci import Descriptor, Image, Layout, read_image
from ingot.oci.graph import reachable


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of the store, or an artifact that describes one, such as a boot profile.

    `tags` are the parts of its tags after `name:`, the moving ones first. `size` and `own_size` are
    bytes: of all its blobs, and of those that no other image has. `arch` is empty if it is not
    known, `facts` is None unless it is the image of a kernel. `written` is when the store got its
    manifest, in seconds since 1970. `fault` says why it cannot be used; it is empty if it can.
    """

    name: str
    tags: tuple[str, ...]
    digest: Digest
    size: int
    own_size: int
    arch: str = ""
    facts: KernelLabels | None = None
    written: float | None = None
    earlier: bool = False
    fault: str = ""

    @property
    def reference(self) -> str:
        """Its name with one tag, a moving one if it has one: `kernel-bin:6.1.176`."""
        return f"{self.name}:{self.tags[0]}"

    def is_named(self, word: str) -> bool:
        """Whether `word` is its name, one of its tags, or the beginning of one: `6.1`, `6.1.176`.

        A beginning ends where a word of the tag ends, so 6.1 is not the beginning of 6.12.
        """
        name, _, tag = word.rpartition(":")
        if name:
            return name == self.name and tag in self.tags
        return word == self.name or any(
            each == word or each.startswith((f"{word}.", f"{word}-")) for each in self.tags
        )


def list_images(layout: Layout, words: Sequence[str] = ()) -> list[ListedImage]:
    """The images of the store, sorted by name and tag; with `words`, only those that one names.

    UserError if a word names no image.
    """
    found = list(_images(layout))
    for word in words:
        if not any(image.is_named(word) for image in found):
            raise UserError(
                f"the store {layout.root} has no image '{word}'",
                why="neither a name nor the beginning of a tag is the same",
                hint="`ingot images` lists all images",
            )
    return [image for image in found if not words or any(map(image.is_named, words))]


def total_size(layout: Layout) -> int:
    """Bytes of all blobs of the store, also of those that no tag needs."""
    return sum(path.stat().st_size for path in layout.blobs.names())


def is_fixed(tag: str, image: Image) -> bool:
    """Whether a tag names one recipe's kernel or one builder, and never moves to another image."""
    packages = labelled_digest(image.labels)
    return is_immutable(tag, image) or (packages is not None and tag.endswith(f"-{packages.short}"))


def _images(layout: Layout) -> Iterable[ListedImage]:
    tags = layout.tags()
    blobs = {each.digest: _blobs(layout, each) for each in tags.values()}
    users = Counter(digest for sizes in blobs.values() for digest in sizes)
    groups: dict[tuple[str, Digest], list[str]] = {}
    for tag, descriptor in tags.items():
        if artifact_kind(tag) == SIGNATURES:
            continue
        name, _, rest = tag.rpartition(":")
        groups.setdefault((name, descriptor.digest), []).append(rest)
    for (name, digest), group in groups.items():
        sizes = blobs[digest]
        own = sum(size for blob, size in sizes.items() if users[blob] == 1)
        yield _listed(layout, name, group, tags[f"{name}:{group[0]}"], sum(sizes.values()), own)


def _listed(
    layout: Layout, name: str, tags: Sequence[str], descriptor: Descriptor, size: int, own: int
) -> ListedImage:
    image, fault = _read(layout, descriptor)
    fixed = [tag for tag in tags if image and is_fixed(tag, image)]
    path = layout.blobs.path(descriptor.digest)
    return ListedImage(
        name=name,
        tags=(*(tag for tag in tags if tag not in fixed), *fixed),
        digest=descriptor.digest,
        size=size,
        own_size=own,
        arch=_arch(image),
        facts=_facts(image),
        written=path.stat().st_mtime if path.exists() else None,
        earlier=len(fixed) == len(tags),
        fault=fault,
    )


def _blobs(layout: Layout, descriptor: Descriptor) -> Mapping[Digest, int]:
    """The blobs of an image that can be found, with their sizes in bytes."""
    found: dict[Digest, int] = {}
    try:
        for blob in reachable(layout.blobs, descriptor):
            found[blob.digest] = blob.size
    except IngotError:  # reported as the image's fault
        pass
    return found


def _read(layout: Layout, descriptor: Descriptor) -> tuple[Image | None, str]:
    """The image, and why it cannot be used; no image for an artifact, which is not a fault."""
    if not layout.is_complete(descriptor):
        return None, "damaged: a blob is missing, or has the wrong size"
    try:
        return read_image(layout, descriptor), ""
    except UserError:
        return None, ""
    except IngotError as error:
        return None, str(error)


def _facts(image: Image | None) -> KernelLabels | None:
    try:
        return read_facts(image) if image else None
    except UserError:  # reported by the commands that use the image
        return None


def _arch(image: Image | None) -> str:
    if image is None:
        return ""
    try:
        return arch_called(image.platform.architecture).name
    except UserError:
        return image.platform.architecture
