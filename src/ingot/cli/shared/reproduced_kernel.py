"""The kernel that `ingot reproduce` builds again: what its images say in a store or a registry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import registry
from ingot.build_record import BuildRecord, fetch_record, find_record
from ingot.cli.shared.common_options import make_setting
from ingot.cli.shared.registry_images import fetched_image, refuse_arch, require_trusted_image
from ingot.errors import UserError, VerificationError
from ingot.image_lookup import find_image
from ingot.images import BASE, KERNEL_IMAGES, KernelLabels, base_tag, read_facts
from ingot.oci import Descriptor, Image, Layout, read_image
from ingot.operands import KernelName, RegistryImage, StoreImage, not_taken, parse_operand
from ingot.pipeline.reproducing import Original
from ingot.progress import Progress
from ingot.registry import Registry, check_registry
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class ReproduceRequest:
    """What a command line names: an operand, and the values of --from, --arch and --insecure."""

    operand: str
    registry: str | None
    arch: str | None
    insecure: bool


@dataclass(frozen=True, slots=True)
class KernelToReproduce:
    """A kernel to reproduce: the base image and the record, and the manifests of all its images.

    `registry` is where they are; None for those of the store.
    """

    setting: Setting
    original: Original
    manifests: Mapping[str, Descriptor]
    registry: Registry | None


@contextlib.contextmanager
def kernel_to_reproduce(
    wanted: ReproduceRequest,
    catalog: Path | None,
    cache: Path | None,
    build_dir: Path | None,
    progress: Progress,
) -> Iterator[KernelToReproduce]:
    """The kernel that a command line names; what is fetched exists until the body ends.

    UserError if it has no record of its build, VerificationError if the policy of the catalog
    refuses it.
    """
    text = wanted.operand
    operand = parse_operand(_in(wanted.registry, text) if wanted.registry else text)
    if isinstance(operand, RegistryImage):
        parent = registry.repository_of(operand.reference).rpartition("/")[0]
        target = Registry(parent, wanted.insecure)
        setting = make_setting(catalog, cache, build_dir, cache_from=target)
        with _from_registry(setting, operand.reference, target, wanted.arch, progress) as found:
            yield found
        return
    refuse_arch(text, operand, wanted.arch)
    if not isinstance(operand, KernelName | StoreImage):
        raise not_taken(text, operand, "a kernel or an image", "name a kernel, such as 6.1")
    yield _from_store(make_setting(catalog, cache, build_dir), operand)


@contextlib.contextmanager
def _from_registry(
    setting: Setting, reference: str, target: Registry, arch: str | None, progress: Progress
) -> Iterator[KernelToReproduce]:
    insecure = target.insecure
    with fetched_image(reference, arch, progress, insecure=insecure) as (_, named):
        facts = _facts(reference, named)
    with _fetched_base(reference, facts, target, progress) as (layout, base):
        base_name, catalog = target.reference(base_tag(facts)), setting.project.catalog.root
        require_trusted_image(base_name, base, catalog, progress, insecure=insecure)
        record = fetch_record(base_name, facts, base.descriptor.digest, insecure=insecure)
        manifests = {**_in_registry(target, facts), BASE: base.descriptor}
        _require_among(reference, named, manifests)
        original = _original(layout, base, facts, record)
        yield KernelToReproduce(setting, original, manifests, target)


def _from_store(setting: Setting, operand: KernelName | StoreImage) -> KernelToReproduce:
    layout = setting.project.layout
    tag, found = find_image(setting.project, operand)
    facts, tags = _facts(tag, found), layout.tags()
    if base_tag(facts) not in tags:
        raise UserError(f"the store has no base image of {tag}", hint="name one that it has")
    fixed = f"{facts.version}-{facts.recipe_key.short}"
    manifests = {
        name: tags[f"{name}:{fixed}"] for name in KERNEL_IMAGES if f"{name}:{fixed}" in tags
    }
    _require_among(tag, found, manifests)
    base = read_image(layout, tags[base_tag(facts)])
    original = _original(layout, base, facts, find_record(layout, facts))
    return KernelToReproduce(setting, original, manifests, None)


@contextlib.contextmanager
def _fetched_base(
    reference: str, facts: KernelLabels, target: Registry, progress: Progress
) -> Iterator[tuple[Layout, Image]]:
    """The base image of the kernel that an image of a registry belongs to."""
    base = target.reference(base_tag(facts))
    with fetched_image(base, facts.arch, progress, insecure=target.insecure) as (layout, image):
        if read_facts(image) != facts:
            raise VerificationError(
                f"{base} is not of the same build as {reference}",
                why="their labels differ",
                hint="do not use them; their publisher can push them again",
            )
        yield layout, image


def _in_registry(target: Registry, facts: KernelLabels) -> dict[str, Descriptor]:
    tag = f"{facts.version}-{facts.recipe_key.short}"
    documents = {
        name: registry.read_document(target.reference(f"{name}:{tag}"), insecure=target.insecure)
        for name in KERNEL_IMAGES
    }
    return {name: found.descriptor for name, found in documents.items() if found}


def _require_among(name: str, image: Image, manifests: Mapping[str, Descriptor]) -> None:
    """VerificationError unless the named image is one of those that will be compared."""
    if image.descriptor.digest not in [each.digest for each in manifests.values()]:
        raise VerificationError(
            f"{name} is not the image that its recipe's tag refers to",
            why=f"it is {image.descriptor.digest}; an image with out-of-tree modules, or one that"
            " was made in another way, cannot be reproduced",
            hint="name an image that `ingot build` made",
        )


def _original(
    layout: Layout, base: Image, facts: KernelLabels, record: BuildRecord | None
) -> Original:
    """The kernel with its record; UserError if it has none."""
    if record is None:
        raise UserError(
            f"linux {facts.version} with the recipe {facts.recipe_key.short} has no record of its"
            " build",
            why="it was built by an earlier version of Ingot, or its record was not pushed",
            hint="build it with this version, and push it; the digests stay the same",
        )
    return Original(layout, base, facts, record)


def _facts(name: str, image: Image) -> KernelLabels:
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            f"{name} is not an image of a kernel that Ingot built",
            hint="name one of its images, such as kernel-bin:6.1",
        )
    return facts


def _in(target: str, text: str) -> str:
    """The reference of an image of a registry; a kernel means its base image."""
    name = text if ":" in text else f"{BASE}:{text}"
    return f"{check_registry(target)}/{name}"
