"""Sets the moving tags of kernels that a registry already has under their recipes' immutable tags.

A push from a store sets both kinds of tags. A fleet's jobs push only the immutable ones, each from
another machine; at the end the moving tags and the indexes are set once, for all kernels together.
Only manifests are read: nothing is pulled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot import registry
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.images import KERNEL_IMAGES, KernelLabels
from ingot.progress import Progress
from ingot.publish import indexes
from ingot.publish.publishing import Published, look, plan_tags
from ingot.publish.shipment import KernelParts, TaggedManifest, shipments_of, tag_suffix
from ingot.publish.tagging import Tagged, Tagger
from ingot.registry import RawManifest, Registry


@dataclass(frozen=True, slots=True)
class FoundKernel:
    """A kernel in a registry: the manifests of its images, by the images' names."""

    kernel: Kernel
    recipe_key: Digest
    manifests: Mapping[str, RawManifest]

    @property
    def sizes(self) -> dict[str, int]:
        """The bytes of each image in the registry: its manifest, config and layers."""
        return {name: _size(document, name) for name, document in self.manifests.items()}


def find_kernels(
    recipes: Mapping[Kernel, Digest], target: Registry, progress: Progress
) -> list[FoundKernel]:
    """The kernels that the registry has under their recipe keys; others are left out.

    VerificationError if an immutable tag points at an image of another recipe.
    """
    kernels = list(recipes)
    with progress.step(f"look for recipes in {target.name}") as step:
        found = registry.at_once(
            lambda kernel: find_kernel(kernel, recipes[kernel], target),
            kernels,
            lambda done: step.advance(done, len(kernels)),
        )
        present = [each for each in found if each]
        step.result(f"{len(present)} of {len(kernels)} are there")
    return present


def find_kernel(kernel: Kernel, recipe_key: Digest, target: Registry) -> FoundKernel | None:
    """A kernel in the registry; None if it lacks a required image. Errors as in `find_kernels`."""
    manifests = {}
    for name, kind in KERNEL_IMAGES.items():
        document = indexes.read(f"{name}:{kernel.version}-{recipe_key.short}", target)
        if document is not None:
            _require_recipe(document, name, kernel, recipe_key, target)
            manifests[name] = document
        elif kind.required:
            return None
    return FoundKernel(kernel, recipe_key, manifests)


def promote(kernels: Sequence[FoundKernel], target: Registry, progress: Progress) -> Published:
    """Set the tags of arches, versions and series to these kernels, as a push does at its end.

    MachineError if the registry or the network fails; the tags that are already set are correct.
    """
    shipments = shipments_of([_parts(found) for found in kernels])
    with progress.step(f"read tags of {target.name}") as step:
        seen = look(shipments, target, step)
    tagger = Tagger(None, target, seen)
    tags: list[Tagged] = []
    for shipment in shipments:
        tags += tagger.tag(shipment, list(plan_tags(shipment, seen)), progress)
    return Published(tuple(tags), ())


def _parts(found: FoundKernel) -> KernelParts:
    kernel, suffix = found.kernel, tag_suffix(found.kernel)
    fixed = f"{kernel.version}-{found.recipe_key.short}"
    moving = f"{kernel.version}{suffix}-{kernel.arch.name}"
    parts = (
        TaggedManifest(name, document.descriptor, document, fixed, moving)
        for name, document in found.manifests.items()
    )
    return KernelParts(kernel.version, suffix, tuple(parts))


def _require_recipe(
    document: RawManifest, name: str, kernel: Kernel, recipe_key: Digest, target: Registry
) -> None:
    facts = KernelLabels.from_labels(document.annotations)
    wanted = (str(kernel.version), kernel.arch.name, recipe_key)
    if facts is None or (facts.version, facts.arch, facts.recipe_key) != wanted:
        tag = target.reference(f"{name}:{kernel.version}-{recipe_key.short}")
        raise VerificationError(
            f"{tag} is not an image of {kernel.tag}",
            why="its annotations have another version, arch or recipe than its tag",
            hint="delete that tag in the registry, and build the kernel again",
        )


def _size(document: RawManifest, name: str) -> int:
    manifest = registry.manifest_of(document.content, name)
    return len(document.data) + sum(b.size for b in (manifest.config, *manifest.layers))
