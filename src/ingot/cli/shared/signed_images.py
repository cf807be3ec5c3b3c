"""The images that `ingot sign` and `ingot verify` are called with, and their signatures' places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingot import registry
from ingot.arch import arch_called
from ingot.cli.shared.common_options import make_setting
from ingot.cli.shared.registry_images import refuse_arch
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.image_lookup import find_image
from ingot.images import BASE, KERNEL_IMAGES, split_modules, tags_of_store
from ingot.oci import Descriptor, Image, read_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.registry import RawManifest, repository_of
from ingot.setting import Project
from ingot.trust.registry_place import RegistryPlace
from ingot.trust.signing import Place
from ingot.trust.store_place import StorePlace


@dataclass(frozen=True, slots=True)
class SignedImage:
    """An image, its name for messages, and where its signatures are.

    `labels` describe it. `image` and `project` are None for one of a registry. `index` is the index
    that led to it: a signature on the index is one on the images that it lists. It is
    `among_others` if a kernel was named, for all its images.
    """

    name: str
    descriptor: Descriptor
    place: Place
    labels: Mapping[str, str] = field(hash=False)
    image: Image | None = None
    project: Project | None = None
    index: Digest | None = None
    among_others: bool = False


def images_named(
    text: str, catalog: Path | None, arch: str | None, *, insecure: bool
) -> list[SignedImage]:
    """The images that an operand names: those of a kernel, one of the store, or one of a registry.

    Of an image of several arches of a registry, the one for `arch`, by default this machine's.
    """
    operand = parse_operand(text)
    if isinstance(operand, RegistryImage):
        return [_of_registry(operand.reference, arch, insecure=insecure)]
    refuse_arch(text, operand, arch)
    if not isinstance(operand, KernelName | StoreImage):
        hint = "name a kernel (6.1), an image of the store (kernel-bin:6.1) or of a registry"
        raise not_taken(text, operand, "an image", hint)
    project = make_setting(catalog, None).project
    return list(_of_store(project, operand))


def images_listed(reference: str, *, insecure: bool) -> list[SignedImage]:
    """The image of a registry, or an index and then all images that it lists."""
    document = _document(reference, insecure=insecure)
    found = [_named(reference, document, insecure=insecure)]
    for entry in document.entries or ():
        name = f"{repository_of(reference)}@{entry['digest']}"
        found.append(_named(name, _document(name, insecure=insecure), insecure=insecure))
    return found


def _of_store(project: Project, operand: KernelName | StoreImage) -> Iterator[SignedImage]:
    tag, image = find_image(project, operand)
    name, _, rest = tag.partition(":")
    if isinstance(operand, StoreImage) or name != BASE or split_modules(rest)[1]:
        place = StorePlace(project.layout, name)
        yield SignedImage(tag, image.descriptor, place, image.labels, image, project)
        return
    tags = tags_of_store(project.layout)
    for each in KERNEL_IMAGES:
        if descriptor := tags.get(f"{each}:{rest}"):
            image = read_image(project.layout, descriptor)
            place = StorePlace(project.layout, each)
            found = SignedImage(f"{each}:{rest}", descriptor, place, image.labels, image, project)
            yield replace(found, among_others=True)


def _of_registry(reference: str, arch: str | None, *, insecure: bool) -> SignedImage:
    document = _document(reference, insecure=insecure)
    if document.entries is None:
        return _named(reference, document, insecure=insecure)
    wanted = arch_called(arch or os.uname().machine)
    fitting = [each for each in document.entries if _architecture(each) == wanted.oci]
    if not fitting:
        raise UserError(
            f"{reference} has no image for {wanted.name}",
            hint="name another arch with --arch",
        )
    name = f"{repository_of(reference)}@{fitting[0]['digest']}"
    found = _named(name, _document(name, insecure=insecure), insecure=insecure)
    return replace(found, name=reference, index=document.digest)


def _named(reference: str, document: RawManifest, *, insecure: bool) -> SignedImage:
    place = RegistryPlace(repository_of(reference), insecure)
    return SignedImage(reference, document.descriptor, place, document.annotations)


def _document(reference: str, *, insecure: bool) -> RawManifest:
    document = registry.read_document(reference, insecure=insecure)
    if document is None:
        raise UserError(
            f"there is no image {reference}",
            why="the registry does not have it, or does not allow this user to read it",
            hint="check the name, and log in if it needs that: skopeo login HOST",
        )
    return document


def _architecture(entry: object) -> object:
    platform = entry.get("platform") if isinstance(entry, dict) else None
    return platform.get("architecture") if isinstance(platform, dict) else None


def each_once(images: Sequence[SignedImage]) -> list[SignedImage]:
    """The images without those that were named twice."""
    return list({(each.name, each.descriptor.digest): each for each in images}.values())
