"""A registry as a cache: the images of a recipe are pulled instead of compiled again.

A kernel is requested by its immutable tag `<version>-<12 digits of the recipe key>`, a builder
by its name. What is pulled is verified against the digests in its manifests, and against the
request: version, arch and every part of the recipe, in each of the images. An image must hold the
files of its kind and no others. A registry cannot prove that the files are the output of this
recipe: for that, they need the signatures that the catalog's policy asks for (`trust.toml`).
Without a policy, the user who names the registry with --cache-from decides to trust it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time

from ingot import compiled_artifact, registry
from ingot.arch import Arch
from ingot.builder import builder_image as builders
from ingot.builder import rootfs_builder
from ingot.catalog import BuilderSpec, Kernel
from ingot.digest import Digest
from ingot.errors import IngotError, VerificationError
from ingot.images import BASE, KERNEL_IMAGES, read_facts
from ingot.images.check_images import require_images_of
from ingot.oci import Descriptor, Image, Layout, copy_image, read_image
from ingot.pipeline.builders import site_of
from ingot.progress import Progress
from ingot.recipe import Recipe
from ingot.registry import Registry
from ingot.setting import Project, Setting
from ingot.trust.policy import NO_ONE, PulledImage, load_policy, require_trusted

_LONGEST_NOTE = 1000


def fetch_kernel(
    setting: Setting, kernel: Kernel, recipe: Recipe, progress: Progress
) -> dict[str, Descriptor] | None:
    """Pull the images of a recipe into the store, untagged; None if the registry lacks one.

    If the registry cannot be read, or has other images under this tag, a note says so and the
    result is None: the kernel can still be compiled. The caller holds the store's `in_use` until
    the images are tagged.
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
            require_images_of(layout, images, kernel.version, recipe)
            vouched = _require_trusted(setting, cache, layout, images)
            for descriptor in images.values():
                copy_image(layout, descriptor, setting.project.layout)
            step.result(f"recipe {recipe.key.short}; {vouched}")
        return images
    return None


def fetch_compiled_files(setting: Setting, base: Image, progress: Progress) -> None:
    """Pull the compiled files of a pulled base image into the store, if the registry has them.

    A note says so if it has none, as with images of earlier versions of Ingot: the kernel can be
    used without them.
    """
    cache, layout = setting.options.cache, setting.project.layout
    if cache is None:
        return
    facts = read_facts(base)
    assert facts is not None
    with _or_note(cache, progress, "the compiled files in {} are not used"):
        compiled = compiled_artifact.fetch_compiled_files(
            cache.reference(BASE), facts, insecure=cache.insecure
        )
        if compiled is None:
            progress.note(f"{cache.name} does not have the compiled files of {facts.version}")
        else:
            layout.tag(compiled_artifact.write_compiled_files(layout, compiled, base))


def has_kernel(setting: Setting, kernel: Kernel, recipe: Recipe, progress: Progress) -> bool:
    """Whether the registry used as a cache has all images of a recipe; nothing is pulled.

    A note says why the registry cannot be read, if so.
    """
    cache = setting.options.cache
    if cache is None:
        return False
    with _or_note(cache, progress):
        return _digests(cache, f"{kernel.version}-{recipe.key.short}") is not None
    return False


def fetch_builder(setting: Setting, spec: BuilderSpec, progress: Progress) -> None:
    """Pull the registry's builder into the store, if the store has none of this spec.

    The builder is part of the recipe key: a builder made here from newer packages leads to keys
    that the registry does not have. The builder in the lock file is requested first. If the
    registry has no builder of exactly this spec, only a note says so.
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
        progress.note(f"{', '.join(reasons)}; the builder is made here")


def _fetch_builder(
    setting: Setting, spec: BuilderSpec, tag: str, digest: Digest, progress: Progress
) -> None:
    """Pull a builder into the store and tag it; VerificationError if its manifest is wrong."""
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
        builders.verify_packages(layout, image)
        vouched = _require_trusted(setting, cache, layout, {builders.IMAGE: descriptor})
        if (
            not builders.serves(image.labels, spec, site)
            or image.platform.architecture != site.host.oci
        ):
            raise VerificationError(f"{tag} is not the builder that its manifest describes")
        copy_image(layout, descriptor, setting.project.layout)
        setting.project.layout.tag(builders.tags_for(spec, image))
        step.result(f"{digest.short}; {vouched}")


def _require_trusted(
    setting: Setting, cache: Registry, layout: Layout, images: Mapping[str, Descriptor]
) -> str:
    """Who vouches for these images of the cache; VerificationError if the policy refuses one."""
    policy = load_policy(setting.project.catalog.root)
    if policy is None:
        return NO_ONE
    today = setting.options.today
    moment = datetime.combine(today, time(), UTC) if today else None

    def phrase(name: str) -> str:
        image = read_image(layout, images[name])
        pulled = PulledImage(cache.reference(name), [image.descriptor.digest], image.labels)
        return require_trusted(policy, pulled, moment, insecure=cache.insecure)

    return "; ".join(dict.fromkeys(registry.at_once(phrase, list(images))))


@contextlib.contextmanager
def _or_note(
    cache: Registry, progress: Progress, what: str = "the cache {} is not used"
) -> Iterator[None]:
    """Turn a failure of the registry into a note: the cache is optional.

    `what` is the note's beginning; the name of the cache replaces its braces.
    """
    try:
        yield
    except (IngotError, OSError, ValueError, LookupError, RecursionError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_NOTE]
        progress.note(f"{what.format(cache.name)}: {reason}")


@contextlib.contextmanager
def _fetched(
    project: Project, cache: Registry, digests: Mapping[str, Digest], arch: Arch
) -> Iterator[tuple[Layout, dict[str, Descriptor]]]:
    """A temporary layout with the images of these digests, and their manifests' descriptors.

    All images share one layout, so a layer that two images share is downloaded once.
    """
    with project.workspace.build_directory() as directory:
        layout = Layout(directory / "layout")
        descriptors = {}
        for name, digest in digests.items():
            reference = cache.reference(f"{name}@{digest}")
            registry.fetch_image(reference, arch.oci, layout.root, insecure=cache.insecure)
            descriptor = layout.tags()[registry.FETCHED]
            if descriptor.digest != digest:
                raise VerificationError(
                    f"the registry returned another image for {reference}",
                    why=f"its digest is {descriptor.digest}",
                    hint="the image was discarded; push it again",
                )
            descriptors[name] = descriptor
        yield layout, descriptors


def _digests(cache: Registry, tag: str) -> dict[str, Digest] | None:
    """The digests of the images with this tag, by image name; None if a required one is missing."""
    found = {}
    for name, kind in KERNEL_IMAGES.items():
        digest = registry.find_digest(cache.reference(f"{name}:{tag}"), insecure=cache.insecure)
        if digest:
            found[name] = digest
        elif kind.required:
            return None
    return found
