"""What is pushed: images of the store, and the names they get in a registry.

kernel-bin:6.1.176-1a2b3c4d5e6f        one recipe's image, for good: no other replaces it
kernel-bin:6.1.176[-FLAVOR]-ARCH       the image of one arch that was pushed last
kernel-bin:6.1.176[-FLAVOR]            an index of these: every arch, for who names none
kernel-bin:6.1[-FLAVOR]                the same index of the newest version

flintlock-kernel:6.1.176-1a2b3c4d5e6f-boot    how that image boots, as it was measured last
kernel-builder:bookworm-1a2b3c4d5e6f          one builder, by its digest
kernel-builder:bookworm                       the one that was pushed last
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingot.arch import Arch, all_arches
from ingot.builder.builder_image import IMAGE as BUILDER
from ingot.builder.builder_image import digest_told
from ingot.catalog import Kernel
from ingot.catalog.catalog_model import DEFAULT_FLAVOR
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.images import BASE, KERNEL_IMAGES, KernelLabels, lacking, read_facts, tags_of_store
from ingot.oci import Descriptor, Layout, read_artifact, read_image
from ingot.registry import RawManifest
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class TaggedManifest:
    """One manifest of the store, and the tags that are to point at it: an immutable one, one that
    moves, or both."""

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
        """What it is called, as in `kernel-bin:6.1.176-x86_64`."""
        return f"{self.repository}:{self.moving or self.fixed}"

    @property
    def tags(self) -> list[str]:
        """The names of its tags."""
        return [f"{self.repository}:{tag}" for tag in (self.fixed, self.moving) if tag]


@dataclass(frozen=True, slots=True)
class MultiArchImage:
    """One image of a version in all arches: `suffix` is its flavor as tags have it, `-minimal`.

    It `leads` if no newer version of its series is pushed with it: the series' tag is its to set.
    """

    repository: str
    version: KernelVersion
    suffix: str
    leads: bool = True

    @property
    def series_tag(self) -> str:
        return f"{self.repository}:{self.version.series}{self.suffix}"

    def version_tag(self, version: KernelVersion | None = None) -> str:
        """The index of a version of this line, its own if none is named.

        Of a release without a third number it is the series' tag too: Linux 6.1 is written 6.1.
        """
        return f"{self.repository}:{version or self.version}{self.suffix}"

    def arch_tag(self, arch: Arch) -> str:
        return f"{self.version_tag()}-{arch.name}"

    @property
    def tags(self) -> list[str]:
        """All tags that have to do with it."""
        arches = [self.arch_tag(arch) for arch in all_arches()]
        return list(dict.fromkeys([self.series_tag, self.version_tag(), *arches]))


@dataclass(frozen=True, slots=True)
class Shipment:
    """What gets its tags together: a version in one flavor, all its images; or a builder."""

    name: str
    parts: tuple[TaggedManifest, ...]
    lines: tuple[MultiArchImage, ...] = ()

    @property
    def tags(self) -> list[str]:
        """The names of all tags that have to do with it."""
        named = [tag for part in self.parts for tag in part.tags]
        return named + [tag for line in self.lines for tag in line.tags]


def gather(layout: Layout, kernels: Iterable[Kernel], *, builders: bool) -> tuple[Shipment, ...]:
    """What the store has of the kernels; with `builders`, what they were compiled in, first.

    UserError if something is not there, VerificationError if something is not whole.
    """
    tags = tags_of_store(layout)
    builds = [_find(layout, tags, kernel) for kernel in kernels]
    newest: dict[tuple[Series, str], KernelVersion] = {}
    for build in sorted(builds, key=lambda build: build.version):
        newest[build.version.series, build.suffix] = build.version
    shipments: dict[str, Shipment] = {}
    for build in builds:
        name = f"{build.version}{build.suffix}"
        before = shipments[name].parts if name in shipments else ()
        leads = newest[build.version.series, build.suffix] == build.version
        parts = (*before, *_parts(layout, tags, build))
        images = dict.fromkeys(part.repository for part in parts)
        lines = (MultiArchImage(image, build.version, build.suffix, leads) for image in images)
        shipments[name] = Shipment(name, parts, tuple(lines))
    made = _builders(layout, tags, builds) if builders else ()
    return (*made, *shipments.values())


@dataclass(frozen=True, slots=True)
class _KernelImages:
    """The images of a kernel in the store, what they say alike, and its flavor as tags have it."""

    images: Mapping[str, Descriptor]
    facts: KernelLabels
    version: KernelVersion
    suffix: str


def _find(layout: Layout, tags: Mapping[str, Descriptor], kernel: Kernel) -> _KernelImages:
    """The images of a kernel, whole and of one build."""
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
            f"{', '.join(broken)}: not whole in the store {layout.root}",
            why="something that it needs is missing, or has the wrong size",
            hint=again,
        )
    images = {image: tags[name] for image, name in names.items()}
    told = {image: read_facts(read_image(layout, each)) for image, each in images.items()}
    facts = told[BASE]
    named = (str(kernel.version), kernel.arch.name)
    agreed = {image: descriptor for image, descriptor in images.items() if told[image] == facts}
    if not facts or (facts.version, facts.arch) != named or lacking(agreed):
        raise UserError(
            f"the images that the store has under the name {kernel.tag} are not of one build of it",
            why="their labels tell another version, or one of them another recipe than the others",
            hint=again,
        )
    flavor = kernel.flavor.name
    suffix = "" if flavor == DEFAULT_FLAVOR else f"-{flavor}"
    return _KernelImages(agreed, facts, kernel.version, suffix)


def _parts(
    layout: Layout, tags: Mapping[str, Descriptor], build: _KernelImages
) -> Iterator[TaggedManifest]:
    """The images, and how the base boots, if the store knows that of this very image."""
    fixed = f"{build.version}-{build.facts.recipe_key.short}"
    moving = f"{build.version}{build.suffix}-{build.facts.arch}"
    for image, descriptor in build.images.items():
        yield _part(layout, image, descriptor, fixed, moving)
    profile = tags.get(f"{BASE}:{fixed}-boot")
    if profile is None or not layout.is_complete(profile):
        return
    if read_artifact(layout, profile).subject.digest == build.images[BASE].digest:
        yield _part(layout, BASE, profile, None, f"{fixed}-boot")


def _builders(
    layout: Layout, tags: Mapping[str, Descriptor], builds: Iterable[_KernelImages]
) -> tuple[Shipment, ...]:
    """The builders that the kernels were compiled in; UserError if the store has one not."""
    there: dict[Digest, tuple[str, Descriptor]] = {}
    for tag, descriptor in tags.items():
        if tag.startswith(f"{BUILDER}:") and layout.is_complete(descriptor):
            # the images of earlier Ingots do not tell, and kernels named them by their manifest
            digest = digest_told(read_image(layout, descriptor).labels) or descriptor.digest
            there[digest] = (tag.partition(":")[2].removesuffix(f"-{digest.short}"), descriptor)
    shipments: dict[Digest, Shipment] = {}
    for build in builds:
        digest = build.facts.builder_digest
        if not build.facts.hermetic:
            raise UserError(
                f"{build.version} was compiled by a machine's own compiler, which is no image",
                hint="leave out --builder, or build the kernel in a builder of packages",
            )
        if digest not in there:
            raise UserError(
                f"the store has no image of the builder of {build.version}",
                why=f"the kernel was compiled in {digest}, which no tag of {layout.root} names",
                hint="leave out --builder, or build the kernel again",
            )
        name, descriptor = there[digest]
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
