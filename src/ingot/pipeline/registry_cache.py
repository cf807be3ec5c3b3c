"""The registry as a cache: what a recipe gave elsewhere, taken instead of compiled again.

A kernel is asked for by its immutable tag `<version>-<12 digits of the recipe key>`, a builder
by its name. What comes is checked against the digests its manifests name, and against what was
asked for: version, arch and all that the recipe is made of, in each of the images, which hold what
such images hold and nothing else. Whether the bytes are what that recipe gives, a registry alone
cannot prove; whether it is to be trusted for that is for those who name it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from ingot import registry
from ingot.arch import Arch
from ingot.builder import builder_image as builders
from ingot.builder import rootfs_builder
from ingot.catalog import BuilderSpec, Kernel
from ingot.digest import Digest
from ingot.errors import IngotError, VerificationError
from ingot.images import KERNEL_IMAGES, require_asked_for
from ingot.oci import Descriptor, Layout, copy_image, read_image
from ingot.pipeline.builders import site_of
from ingot.progress import Progress
from ingot.recipe import Recipe
from ingot.registry import Registry
from ingot.setting import Project, Setting

_LONGEST_NOTE = 1000


def fetch_kernel(
    setting: Setting, kernel: Kernel, recipe: Recipe, progress: Progress
) -> dict[str, Descriptor] | None:
    """Bring the images of a recipe into the store, untagged; None if the registry lacks one.

    A registry that cannot be asked, or that holds something else under this name, is told of in
    a note, and None as well: compiling is always a way. The caller holds the store's `in_use`
    until the images are tagged.
    """
    cache = setting.options.cache
    if cache is None:
        return None
    with _or_note(cache, progress):
        digests = _digests(cache, f"{kernel.version}-{recipe.key.short}")
        if digests is None:
            progress.note(f"{kernel.tag}: {cache.name} does not have recipe {recipe.key.short}")
            return None
        with (
            progress.step(f"pull {kernel.tag} from {cache.name}") as step,
            _fetched(setting.project, cache, digests, kernel.arch) as (layout, images),
        ):
            require_asked_for(layout, images, kernel.version, recipe)
            for descriptor in images.values():
                copy_image(layout, descriptor, setting.project.layout)
            step.result(f"recipe {recipe.key.short}")
        return images
    return None


def fetch_builder(setting: Setting, spec: BuilderSpec, progress: Progress) -> None:
    """Bring the registry's builder into the store, where the store has none of this spec.

    Kernels of one recipe key are compiled in one builder: who makes an own one, from packages
    of another day, asks for keys that nobody else has. The one that a lock file lists is asked
    for first. Does nothing but note it if the registry has no builder of this very spec.
    """
    cache, site = setting.options.cache, site_of(setting.project)
    if cache is None or spec.kind != rootfs_builder.KIND or builders.find(spec, site):
        return
    reasons = []
    with _or_note(cache, progress):
        for tag in builders.wanted_tags(spec, site):
            reference = cache.reference(tag)
            digest = registry.find_digest(reference, insecure=cache.insecure)
            if digest is None:
                reasons.append(f"{cache.name} has no {tag}")
                continue
            pinned = cache.reference(f"{builders.IMAGE}@{digest}")
            content = registry.read_manifest(pinned, site.host.oci, insecure=cache.insecure)
            if builders.serves(registry.annotations_of(content), spec, site):
                _fetch_builder(setting, spec, tag, digest, progress)
                return
            reasons.append(f"{reference} is made from another list of packages")
        progress.note(f"{', '.join(reasons)}; it is made here")


def _fetch_builder(
    setting: Setting, spec: BuilderSpec, tag: str, digest: Digest, progress: Progress
) -> None:
    """Bring a builder into the store and tag it, unless it is another than its manifest says."""
    cache, site = setting.options.cache, site_of(setting.project)
    assert cache is not None
    with (
        progress.step(f"pull {tag} from {cache.name}") as step,
        _fetched(setting.project, cache, {builders.IMAGE: digest}, site.host) as (
            layout,
            descriptors,
        ),
        setting.project.layout.in_use(),
    ):
        (descriptor,) = descriptors.values()
        image = read_image(layout, descriptor)
        builders.require_honest(layout, image)
        if (
            not builders.serves(image.labels, spec, site)
            or image.platform.architecture != site.host.oci
        ):
            raise VerificationError(f"{tag} is not the builder its manifest promises")
        copy_image(layout, descriptor, setting.project.layout)
        setting.project.layout.tag(builders.tags_for(spec, image))
        step.result(digest.short)


@contextlib.contextmanager
def _or_note(cache: Registry, progress: Progress) -> Iterator[None]:
    """Turn what a registry lacks or refuses into a note: it is a shortcut, not a need."""
    try:
        yield
    except (IngotError, OSError, ValueError, LookupError, RecursionError) as error:
        progress.note(f"{cache.name} is of no help: {' '.join(str(error).split())[:_LONGEST_NOTE]}")


@contextlib.contextmanager
def _fetched(
    project: Project, cache: Registry, digests: Mapping[str, Digest], arch: Arch
) -> Iterator[tuple[Layout, dict[str, Descriptor]]]:
    """A layout with the images of these digests, for as long as the body lasts; their manifests.

    One layout for all: a layer that two images share is fetched once.
    """
    with project.workspace.build_folder() as folder:
        layout = Layout(folder / "layout")
        descriptors = {}
        for name, digest in digests.items():
            reference = cache.reference(f"{name}@{digest}")
            registry.fetch_image(reference, arch.oci, layout.root, insecure=cache.insecure)
            descriptor = layout.tags()[registry.FETCHED]
            if descriptor.digest != digest:
                raise VerificationError(
                    f"{reference} came with the digest {descriptor.digest}",
                    hint="nothing of it was kept",
                )
            descriptors[name] = descriptor
        yield layout, descriptors


def _digests(cache: Registry, tag: str) -> dict[str, Digest] | None:
    """What the registry has under this tag, by image name; None if a required one is missing."""
    found = {}
    for name, kind in KERNEL_IMAGES.items():
        digest = registry.find_digest(cache.reference(f"{name}:{tag}"), insecure=cache.insecure)
        if digest:
            found[name] = digest
        elif kind.required:
            return None
    return found
