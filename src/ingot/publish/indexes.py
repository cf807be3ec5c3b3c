"""The indexes that stand for all arches of a version, put together from what a registry has.

Nobody who pushes knows of all arches: each may be built by another machine, at the same time. So
an index lists what the arches' own tags point at in the registry, and it is put together again
if one of these moved while it was written. That makes any number of pushers agree: an arch's tag
moves before its pusher reads the others, and whoever writes the index last has looked after that
writing, or looks again. The tag of a series is dealt with likewise: what decides is which
versions have an index in the registry, not what the pusher happens to have.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from ingot import registry
from ingot.arch import Arch, all_arches
from ingot.errors import UserError
from ingot.images.kernel_labels import SHARED_LABELS, read_arch, read_version
from ingot.oci import Platform
from ingot.oci.descriptor import INDEX_TYPE
from ingot.oci.image_documents import canonical_json
from ingot.publish.shipment import MultiArchImage
from ingot.registry import RawManifest, Registry
from ingot.version import KernelVersion

_STANDARD = "org.opencontainers.image."


def assemble(line: MultiArchImage, images: Mapping[Arch, RawManifest | None]) -> RawManifest:
    """The index of a line's images, by arch; the same images give the same bytes.

    It says of itself what all of them say alike. What is no image of this version that Ingot
    made for the arch is left out.
    """
    fitting = {arch: image for arch in all_arches() if (image := _fitting(line, arch, images))}
    told = [image.annotations for image in fitting.values()]
    shared = {
        name: text
        for name, text in (told[0] if told else {}).items()
        if (name in SHARED_LABELS or name.startswith(_STANDARD))
        and all(other.get(name) == text for other in told)
    }
    entries = [_entry(image, Platform("linux", arch.oci)) for arch, image in fitting.items()]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": entries,
        "annotations": shared,
    }
    return RawManifest.parse(canonical_json(index), line.version_tag())


def version_of(document: RawManifest) -> KernelVersion | None:
    """The kernel version that an image or an index of Ingot's says it is of; None for any other."""
    return read_version(document.annotations)


def read_arches(line: MultiArchImage, target: Registry) -> dict[Arch, RawManifest | None]:
    """What the registry has under the tags of a line's arches, read now."""
    arches = all_arches()
    found = registry.at_once(lambda arch: read(line.arch_tag(arch), target), arches)
    return dict(zip(arches, found, strict=True))


def newest(
    line: MultiArchImage, own: RawManifest, target: Registry
) -> tuple[KernelVersion, RawManifest]:
    """The newest version of a line's series that the registry has an index of, and that index.

    `own` is the one of the line's version.
    """
    repository = target.reference(line.repository)
    later = [
        version
        for tag in registry.list_tags(repository, insecure=target.insecure)
        if (version := _version_in(line, tag)) and version > line.version
    ]
    for version in sorted(later, reverse=True):
        document = read(line.version_tag(version), target)
        if document and document.entries is not None and version_of(document) == version:
            return version, document
    return line.version, own


def read(image: str, target: Registry) -> RawManifest | None:
    """What the registry has under the name `image`, such as `kernel-bin:6.1`."""
    return registry.read_document(target.reference(image), insecure=target.insecure)


def _fitting(
    line: MultiArchImage, arch: Arch, images: Mapping[Arch, RawManifest | None]
) -> RawManifest | None:
    image = images.get(arch)
    if image is None or image.entries is not None or version_of(image) != line.version:
        return None
    return image if read_arch(image.annotations) == arch else None


def _entry(image: RawManifest, platform: Platform) -> dict[str, object]:
    described = image.descriptor.to_json()
    described["platform"] = {"os": platform.os, "architecture": platform.architecture}
    return described


def _version_in(line: MultiArchImage, tag: str) -> KernelVersion | None:
    """The version that an index tag of this line is of; None for any other tag."""
    if not tag.endswith(line.suffix):
        return None
    with contextlib.suppress(UserError):
        version = KernelVersion.parse(tag.removesuffix(line.suffix))
        return version if version.series == line.version.series else None
    return None
