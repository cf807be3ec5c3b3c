"""The images of the store to push, and their tags in a registry.

kernel-bin:6.1.176-1a2b3c4d5e6f        the image of one recipe; immutable
kernel-bin:6.1.176[-FLAVOR]-ARCH       the image of one arch that was pushed last
kernel-bin:6.1.176[-FLAVOR]            an index of the images of all arches
kernel-bin:6.1[-FLAVOR]                the same index, of the newest version

kernel-modules:6.1.176[-FLAVOR]-plus-NAME-ARCH   with the out-of-tree modules NAME; indexes too
kernel-module-NAME:6.1.176[-FLAVOR]-ARCH         these modules alone; indexes too

flintlock-kernel:6.1.176-1a2b3c4d5e6f-boot    the boot profile of that image, measured last
flintlock-kernel:6.1.176-1a2b3c4d5e6f-files   the source files that it was compiled from
flintlock-kernel:6.1.176-1a2b3c4d5e6f-build   how it was built
kernel-builder:bookworm-1a2b3c4d5e6f          one builder, by its digest; immutable
kernel-builder:bookworm                       the builder that was pushed last
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ingot.arch import Arch, all_arches
from ingot.builder.builder_image import IMAGE as BUILDER
from ingot.builder.builder_image import labelled_digest
from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images import (
    ARTIFACT_KINDS,
    BASE,
    KERNEL_IMAGES,
    MODULES,
    KernelLabels,
    artifact_tag,
    lacking,
    module_image,
    read_facts,
    require_same_build,
    tag_with_modules,
    tags_of_store,
)
from ingot.oci import Descriptor, Layout, read_artifact, read_image
from ingot.registry import RawManifest
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class TaggedManifest:
    """One manifest of the store, and its tags in the registry: an immutable one (`fixed`), a moving
    one, or both."""

    repository: str
    descriptor: Descriptor
    document: RawManifest
    fixed: str | None
    moving: str | None

    @property
    def digest(self) -> Digest:
        return self.descriptor.digest

    @property
    def name(self) -> str:
        """Its name with one tag, the moving one if it has one: `kernel-bin:6.1.176-x86_64`."""
        return f"{self.repository}:{self.moving or self.fixed}"

    @property
    def tags(self) -> list[str]:
        """Its names with each of its tags."""
        return [f"{self.repository}:{tag}" for tag in (self.fixed, self.moving) if tag]


@dataclass(frozen=True, slots=True)
class MultiArchImage:
    """One image of a version, for all arches: `suffix` is its flavor in tags, such as `-minimal`.

    It `leads` if no newer version of its series is in the same push: then it sets the series' tag.
    """

    repository: str
    version: KernelVersion
    suffix: str
    leads: bool = True

    @property
    def series_tag(self) -> str:
        return f"{self.repository}:{self.version.series}{self.suffix}"

    def version_tag(self, version: KernelVersion | None = None) -> str:
        """The tag of the index of a version, by default its own.

        For a release without a third number it equals the series' tag: Linux 6.1 is version 6.1.
        """
        return f"{self.repository}:{version or self.version}{self.suffix}"

    def arch_tag(self, arch: Arch) -> str:
        return f"{self.version_tag()}-{arch.name}"

    @property
    def tags(self) -> list[str]:
        """The tags of its series, its version and all arches."""
        arches = [self.arch_tag(arch) for arch in all_arches()]
        return list(dict.fromkeys([self.series_tag, self.version_tag(), *arches]))


@dataclass(frozen=True, slots=True)
class Shipment:
    """Manifests that are tagged together: all images of a version in one flavor, or a builder."""

    name: str
    parts: tuple[TaggedManifest, ...]
    multi_arch_images: tuple[MultiArchImage, ...] = ()

    @property
    def tags(self) -> list[str]:
        """The names of all its tags."""
        named = [tag for part in self.parts for tag in part.tags]
        return named + [tag for multi_arch in self.multi_arch_images for tag in multi_arch.tags]


@dataclass(frozen=True, slots=True)
class KernelModules:
    """The out-of-tree modules `name` of a kernel, to be pushed with the kernel."""

    kernel: Kernel
    name: str


def gather(
    layout: Layout,
    kernels: Iterable[Kernel],
    *,
    builders: bool,
    modules: Iterable[KernelModules] = (),
    moving: bool = True,
) -> tuple[Shipment, ...]:
    """The images of the kernels in the store, and then those of the `modules`, whose kernels are
    among them; with `builders`, first the builders.

    Without `moving`, only the kernels' images, with the immutable tags of their recipes, and their
    boot profiles.

    UserError if an image is missing, VerificationError if one is incomplete.
    """
    tags = tags_of_store(layout)
    found = {kernel: _find(layout, tags, kernel) for kernel in kernels}
    builds = list(found.values())
    kernel_parts = [
        KernelParts(build.version, build.suffix, tuple(_parts(layout, tags, build)))
        for build in builds
    ]
    if not moving:
        return tuple(map(_fixed_only, kernel_parts))
    shipments = {shipment.name: shipment for shipment in shipments_of(kernel_parts)}
    asked = list(modules)
    for one in asked:
        build = found[one.kernel]
        others = [found[other.kernel] for other in asked if other.name == one.name]
        suffixes = {
            MODULES: tag_with_modules(build.suffix, one.name),
            module_image(one.name): build.suffix,
        }
        _add(shipments, build, others, tuple(_modules(layout, tags, build, one)), suffixes)
    made = _builders(layout, tags, builds) if builders else ()
    return (*made, *shipments.values())


@dataclass(frozen=True, slots=True)
class KernelParts:
    """The manifests of one kernel; `suffix` is its flavor in tags, such as `-minimal`."""

    version: KernelVersion
    suffix: str
    parts: tuple[TaggedManifest, ...]

    @property
    def name(self) -> str:
        return f"{self.version}{self.suffix}"


def shipments_of(kernels: Sequence[KernelParts]) -> tuple[Shipment, ...]:
    """The shipments of kernels: all arches of a version and flavor are tagged together."""
    shipments: dict[str, Shipment] = {}
    for kernel in kernels:
        suffixes = dict.fromkeys((part.repository for part in kernel.parts), kernel.suffix)
        _add(shipments, kernel, kernels, kernel.parts, suffixes)
    return tuple(shipments.values())


def gather_builder(layout: Layout, descriptor: Descriptor, tag: str) -> Shipment:
    """A builder of the store, under the immutable tag of its packages only."""
    part = _part(layout, BUILDER, descriptor, tag, None)
    return Shipment(part.name, (part,))


def tag_suffix(kernel: Kernel) -> str:
    """What follows the version in the tags of a kernel, without the arch; empty for the default.

    That is its flavor, and the words for another source or other patches than the catalog's: such a
    kernel never gets the tags of the catalog's own.
    """
    return replace(kernel, primary=True).tag.removeprefix(str(kernel.version))


def _fixed_only(kernel: KernelParts) -> Shipment:
    """The manifests without the moving tags of arches; a profile's tag names one recipe."""
    parts = (replace(part, moving=None) if part.fixed else part for part in kernel.parts)
    return Shipment(kernel.name, tuple(parts))


@dataclass(frozen=True, slots=True)
class _KernelImages:
    """The images of a kernel in the store, their labels, and the suffix of its tags."""

    images: Mapping[str, Descriptor]
    facts: KernelLabels
    version: KernelVersion
    suffix: str


def _add(
    shipments: dict[str, Shipment],
    build: _KernelImages | KernelParts,
    others: Iterable[_KernelImages | KernelParts],
    parts: tuple[TaggedManifest, ...],
    suffixes: Mapping[str, str],
) -> None:
    """Add the manifests of one arch to the shipment of their version.

    `suffixes` has the suffix in tags of each repository; `others` are the builds in the same push
    that have the same images, and whose newest version sets the tags of the series.
    """
    name = f"{build.version}{max(suffixes.values(), key=len)}"
    before = shipments[name].parts if name in shipments else ()
    same = (build.version.series, build.suffix)
    newest = max(each.version for each in others if (each.version.series, each.suffix) == same)
    images = tuple(
        MultiArchImage(image, build.version, suffix, leads=build.version == newest)
        for image, suffix in suffixes.items()
    )
    known = shipments[name].multi_arch_images if name in shipments else ()
    shipments[name] = Shipment(name, (*before, *parts), tuple(dict.fromkeys((*known, *images))))


def _find(layout: Layout, tags: Mapping[str, Descriptor], kernel: Kernel) -> _KernelImages:
    """The images of a kernel; UserError or VerificationError unless complete and of one build."""
    names = {
        image: f"{image}:{kernel.tag}"
        for image, kind in KERNEL_IMAGES.items()
        if kind.required or f"{image}:{kernel.tag}" in tags
    }
    again = f"build it again: ingot build {kernel.tag}"
    if missing := [name for name in names.values() if name not in tags]:
        raise UserError(
            f"{kernel.tag} is not built",
            why=f"the store {layout.root} has no {', '.join(missing)}",
            hint=f"build it first: ingot build {kernel.tag}",
        )
    if broken := [name for name in names.values() if not layout.is_complete(tags[name])]:
        raise VerificationError(
            f"{', '.join(broken)}: incomplete in the store {layout.root}",
            why="one of its blobs is missing, or has the wrong size",
            hint=again,
        )
    images = {image: tags[name] for image, name in names.items()}
    labels = {image: read_facts(read_image(layout, each)) for image, each in images.items()}
    facts = labels[BASE]
    named = (str(kernel.version), kernel.arch.name)
    agreed = {image: descriptor for image, descriptor in images.items() if labels[image] == facts}
    if not facts or (facts.version, facts.arch) != named or lacking(agreed):
        raise UserError(
            f"the images with the tag {kernel.tag} in the store are not from one build of it",
            why="their labels have another version or arch, or different recipes",
            hint=again,
        )
    return _KernelImages(agreed, facts, kernel.version, tag_suffix(kernel))


def _parts(
    layout: Layout, tags: Mapping[str, Descriptor], build: _KernelImages
) -> Iterator[TaggedManifest]:
    """The images, and the artifacts about exactly this base image that the store has."""
    fixed = f"{build.version}-{build.facts.recipe_key.short}"
    moving = f"{build.version}{build.suffix}-{build.facts.arch}"
    for image, descriptor in build.images.items():
        yield _part(layout, image, descriptor, fixed, moving)
    for kind in ARTIFACT_KINDS:
        artifact = tags.get(artifact_tag(build.facts, kind))
        if artifact is None or not layout.is_complete(artifact):
            continue
        if read_artifact(layout, artifact).subject.digest == build.images[BASE].digest:
            yield _part(layout, BASE, artifact, None, f"{fixed}-{kind}")


def _modules(
    layout: Layout, tags: Mapping[str, Descriptor], build: _KernelImages, wanted: KernelModules
) -> Iterator[TaggedManifest]:
    """The images of out-of-tree modules; an error unless they are of this build of the kernel."""
    kernel, name = wanted.kernel.tag, wanted.name
    moving = f"{build.version}{build.suffix}"
    tags_there = {
        f"{MODULES}:{tag_with_modules(kernel, name)}": tag_with_modules(moving, name),
        f"{module_image(name)}:{kernel}": moving,
    }
    for tag, there in tags_there.items():
        if tag not in tags or not layout.is_complete(tags[tag]):
            raise UserError(
                f"{kernel} does not have the out-of-tree modules '{name}'",
                why=f"the store {layout.root} does not have all of {tag}",
                hint=f"compile them: ingot module build DIR --kernel {kernel} --name {name}",
            )
        require_same_build(build.facts, read_image(layout, tags[tag]))
        repository = tag.partition(":")[0]
        yield _part(layout, repository, tags[tag], None, f"{there}-{build.facts.arch}")


def _builders(
    layout: Layout, tags: Mapping[str, Descriptor], builds: Iterable[_KernelImages]
) -> tuple[Shipment, ...]:
    """The builders that the kernels were compiled in; UserError if the store lacks one."""
    present: dict[Digest, tuple[str, Descriptor]] = {}
    for tag, descriptor in tags.items():
        if tag.startswith(f"{BUILDER}:") and layout.is_complete(descriptor):
            # older images lack the label, and their kernels name them by the manifest's digest
            digest = labelled_digest(read_image(layout, descriptor).labels) or descriptor.digest
            present[digest] = (tag.partition(":")[2].removesuffix(f"-{digest.short}"), descriptor)
    shipments: dict[Digest, Shipment] = {}
    for build in builds:
        digest = build.facts.builder_digest
        if not build.facts.hermetic:
            raise UserError(
                f"{build.version} was compiled by the host's compiler, which has no image to push",
                hint="leave out --builder, or build the kernel in a builder made of packages",
            )
        if digest not in present:
            raise UserError(
                f"the store has no image of the builder of {build.version}",
                why=f"the kernel was compiled in {digest}, which no tag of {layout.root} names",
                hint="leave out --builder, or build the kernel again",
            )
        name, descriptor = present[digest]
        newest = tags.get(f"{BUILDER}:{name}")
        moving = name if newest and newest.digest == descriptor.digest else None
        part = _part(layout, BUILDER, descriptor, f"{name}-{digest.short}", moving)
        shipments[digest] = Shipment(part.name, (part,))
    return tuple(shipments.values())


def _part(
    layout: Layout, repository: str, descriptor: Descriptor, fixed: str | None, moving: str | None
) -> TaggedManifest:
    document = RawManifest.parse(layout.read_blob(descriptor), f"{repository}:{moving or fixed}")
    return TaggedManifest(repository, descriptor, document, fixed, moving)
