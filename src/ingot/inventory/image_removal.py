"""Removes tags from the store. Their blobs stay until `prune` removes those that no tag needs.

A name that is removed takes the immutable tags of its image along, unless another name needs them.
Nothing is removed if one of the names is not clear, or if something in the store needs its image.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingot.builder.builder_image import is_builder
from ingot.catalog.kernel_selection import version_in
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.images import (
    BASE,
    BIN,
    KERNEL_IMAGES,
    MODULES,
    KernelLabels,
    has_added_modules,
    module_image,
    read_facts,
    signed_image,
    split_modules,
    tag_with_modules,
)
from ingot.inventory.image_list import is_fixed
from ingot.oci import Image, Layout, blobs_of_only, read_artifact, read_image
from ingot.operands import KernelName, StoreImage, not_taken, parse_operand
from ingot.pipeline import builders_of_catalog
from ingot.setting import Project
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Removal:
    """The tags that were removed, or would be in a dry run, with their digests.

    `freed` is the number of bytes that `prune` then frees: those of the blobs that no other tag
    needs. None if a damaged image hides which blobs these are.
    """

    tags: Mapping[str, Digest]
    freed: int | None


def remove_images(project: Project, names: Sequence[str], *, dry_run: bool) -> Removal:
    """Remove the tags of these kernels and images of the store, all in one step, or none.

    UserError for a name that the store does not have or that is not clear, and for an image that
    the rest of the store needs; MachineError while another process writes to the store.
    """
    layout = project.layout
    images = _read_all(layout)
    named = list(dict.fromkeys(tag for name in names for tag in _tags_of(project, images, name)))
    going = [*named, *_followers(layout, images, named)]
    _require_unneeded(project, images, going)
    freed = _freed(layout, going)
    tags = layout.tags()
    digests = {tag: tags[tag].digest for tag in sorted(going)}
    if not dry_run:
        with layout.exclusive_if_free() as free:
            if not free:
                raise MachineError(
                    f"the image store {layout.root} is in use",
                    why="a command that runs now may need these images",
                    hint="wait until it ends, then run the same command again",
                )
        layout.untag(going)
    return Removal(digests, freed)


def _read_all(layout: Layout) -> dict[str, Image | None]:
    """The image of each tag; None for an artifact and for a damaged image."""
    found: dict[str, Image | None] = {}
    for tag, descriptor in layout.tags().items():
        found[tag] = None
        if layout.is_complete(descriptor):
            with contextlib.suppress(UserError, VerificationError):
                found[tag] = read_image(layout, descriptor)
    return found


def _tags_of(project: Project, images: Mapping[str, Image | None], text: str) -> list[str]:
    """The tags that a name of a command line means; at least one."""
    operand = parse_operand(text)
    if isinstance(operand, StoreImage):
        name, _, tag = operand.name.partition(":")
        choices = [[f"{name}:{each}"] for each in _spellings(project, tag)]
    elif isinstance(operand, KernelName):
        choices = [_kernel_tags(each) for each in _spellings(project, operand.name)]
    else:
        hint = "write kernel-bin:6.1.176, or 6.1.176 for all images of the kernel"
        raise not_taken(text, operand, "a kernel or an image of the store", hint)
    for tags in choices:
        if found := [tag for tag in tags if tag in images]:
            _require_clear(text, found[0], images)
            return found
    raise _not_found(project, text, images)


def _spellings(project: Project, tag: str) -> list[str]:
    """The tag, and the tags of the kernel of the catalog that it names, the modules' name kept."""
    kernel, modules = split_modules(tag)
    found = [tag]
    with contextlib.suppress(UserError):  # a kernel that the catalog no longer has
        for each in project.catalog.select([kernel]):
            found.append(tag_with_modules(each.tag, modules))
    return found


def _kernel_tags(tag: str) -> list[str]:
    """The tags of a kernel's images, or of the images of its out-of-tree modules."""
    kernel, modules = split_modules(tag)
    if modules:
        return [f"{MODULES}:{tag}", f"{module_image(modules)}:{kernel}"]
    return [f"{image}:{tag}" for image in KERNEL_IMAGES]


def _require_clear(text: str, found: str, images: Mapping[str, Image | None]) -> None:
    """UserError for a series if the store has several versions of it."""
    wanted = version_in(split_modules(text.rpartition(":")[2])[0])
    image = images[found]
    facts = _facts(image) if image else None
    series = KernelVersion.parse(facts.version).series if facts else None
    if facts is None or wanted == facts.version or wanted != str(series):
        return
    others = {labels.version for labels in map(_facts, filter(None, images.values())) if labels}
    same = sorted(filter(lambda each: each.series == series, map(KernelVersion.parse, others)))
    if len(same) > 1:
        raise UserError(
            f"it is not clear which images '{text}' means",
            why=f"the store has several versions of {series}: {', '.join(map(str, same))}",
            hint=f"name the version: ingot rm {found.partition(':')[2]}",
        )


def _not_found(project: Project, text: str, images: Mapping[str, Image | None]) -> UserError:
    same = [tag for tag in images if text == tag.partition(":")[0]]
    if same:
        return UserError(
            f"it is not clear which of the images '{text}' to remove",
            why=f"the store has {', '.join(same)}",
            hint=f"name one: ingot rm {same[0]}",
        )
    return UserError(
        f"the store {project.layout.root} has no image '{text}'",
        why=f"it has {', '.join(images) or 'no images'}",
        hint="`ingot images` lists the images with their tags",
    )


def _followers(
    layout: Layout, images: Mapping[str, Image | None], named: Sequence[str]
) -> list[str]:
    """The immutable tags and boot profiles that no tag needs once the `named` ones are gone.

    UserError if an immutable tag is named while a moving tag has the same image.
    """
    found: dict[str, None] = {}
    for tag in named:
        image = images[tag]
        if image is None:
            continue
        same = [each for each, other in images.items() if _is_same(tag, image, each, other)]
        moving = [each for each in same if not is_fixed(each, image) and each not in named]
        if moving and is_fixed(tag, image):
            raise UserError(
                f"{tag} is the image that {moving[0]} refers to",
                why="without this tag, the next build would compile the same kernel again",
                hint=f"remove both: ingot rm {moving[0]}",
            )
        if not moving:
            found |= dict.fromkeys(each for each in same if each not in named)
    found |= dict.fromkeys(_profiles(layout, images, {*named, *found}))
    return [tag for tag in found if tag not in named]


def _is_same(tag: str, image: Image, other_tag: str, other: Image | None) -> bool:
    """Whether two tags are tags of one image, under one name."""
    return (
        other is not None
        and other.descriptor.digest == image.descriptor.digest
        and other_tag.partition(":")[0] == tag.partition(":")[0]
    )


def _profiles(
    layout: Layout, images: Mapping[str, Image | None], going: Iterable[str]
) -> Iterator[str]:
    """The artifacts of images that have no other tag than these."""
    tags, leaving = layout.tags(), set(going)
    kept = {descriptor.digest for tag, descriptor in tags.items() if tag not in leaving}
    gone = {tags[tag].digest for tag in leaving} - kept
    for tag, image in images.items():
        if signed_image(tag) in gone:
            yield tag
        elif image is None:
            with contextlib.suppress(UserError, VerificationError):  # not an artifact
                if read_artifact(layout, tags[tag]).subject.digest in gone:
                    yield tag


def _require_unneeded(
    project: Project, images: Mapping[str, Image | None], going: Sequence[str]
) -> None:
    """UserError if what stays in the store, or the catalog, needs one of these images."""
    staying = {tag: image for tag, image in images.items() if image and tag not in going}
    left = {image.descriptor.digest for image in staying.values()}
    lost = [
        image for tag in going if (image := images[tag]) and image.descriptor.digest not in left
    ]
    needed = builders_of_catalog(project)
    for tag, image in ((tag, images[tag]) for tag in going):
        if image is None or image not in lost:
            continue
        if is_builder(image.labels) and image.descriptor.digest in needed:
            raise UserError(
                f"{tag} is in use: the catalog's kernels are compiled in it",
                why="a builder that is made again has newer packages, and each kernel would get"
                " another recipe",
                hint="take the builder out of the catalog; `ingot prune` then removes it",
            )
        if users := _modules_for(tag, image, staying):
            raise UserError(
                f"{tag} is in use: modules in the store were compiled for this build",
                why=f"{', '.join(users)} cannot be used without it",
                hint=f"remove them first: ingot rm {' '.join(users)}",
            )


def _modules_for(tag: str, image: Image, staying: Mapping[str, Image]) -> list[str]:
    """The tags of the out-of-tree modules that need this image of their kernel."""
    facts = _facts(image)
    if (
        facts is None
        or tag.partition(":")[0] not in (BASE, BIN, MODULES)
        or has_added_modules(image)
    ):
        return []
    return [
        each
        for each, other in staying.items()
        if has_added_modules(other) and _facts(other) == facts
    ]


def _facts(image: Image) -> KernelLabels | None:
    try:
        return read_facts(image)
    except UserError:  # reported by the commands that use the image
        return None


def _freed(layout: Layout, going: Sequence[str]) -> int | None:
    try:
        return sum(path.stat().st_size for path in blobs_of_only(layout, going))
    except VerificationError:  # an image whose manifest is damaged can be removed
        return None
