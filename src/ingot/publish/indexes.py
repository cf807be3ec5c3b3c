"""The indexes of all arches of a version, assembled from the images in a registry.

A single push does not know all arches: each may be built by another machine, at the same time. So
an index lists the images that the arches' own tags in the registry point at, and it is assembled
again if one of these tags moved while it was written. Concurrent pushes reach the same result: each
moves its arch's tag before it reads the others, and after it has written the index it reads them
again. The tag of a series is set in the same way: it depends on the versions that have an index in
the registry, not on the versions in the store that is pushed.
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


def assemble(multi_arch: MultiArchImage, images: Mapping[Arch, RawManifest | None]) -> RawManifest:
    """The index of the images of all arches; the same images give the same bytes.

    It has the annotations that are the same in all of them. A manifest that is not an image of
    this version and arch built by Ingot is left out.
    """
    fitting = {
        arch: image for arch in all_arches() if (image := _fitting(multi_arch, arch, images))
    }
    annotations = [image.annotations for image in fitting.values()]
    shared = {
        name: text
        for name, text in (annotations[0] if annotations else {}).items()
        if (name in SHARED_LABELS or name.startswith(_STANDARD))
        and all(other.get(name) == text for other in annotations)
    }
    entries = [_entry(image, Platform("linux", arch.oci)) for arch, image in fitting.items()]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": entries,
        "annotations": shared,
    }
    return RawManifest.parse(canonical_json(index), multi_arch.version_tag())


def version_of(document: RawManifest) -> KernelVersion | None:
    """The kernel version in the annotations of an image or index by Ingot; None for any other."""
    return read_version(document.annotations)


def read_arches(multi_arch: MultiArchImage, target: Registry) -> dict[Arch, RawManifest | None]:
    """The current manifests in the registry under the tags of all arches."""
    arches = all_arches()
    found = registry.at_once(lambda arch: read(multi_arch.arch_tag(arch), target), arches)
    return dict(zip(arches, found, strict=True))


def newest(
    multi_arch: MultiArchImage, own: RawManifest, target: Registry
) -> tuple[KernelVersion, RawManifest]:
    """The newest version of the series that has an index in the registry, and that index.

    `own` is the index of the version that is pushed.
    """
    repository = target.reference(multi_arch.repository)
    later = [
        version
        for tag in registry.list_tags(repository, insecure=target.insecure)
        if (version := _version_in(multi_arch, tag)) and version > multi_arch.version
    ]
    for version in sorted(later, reverse=True):
        document = read(multi_arch.version_tag(version), target)
        if document and document.entries is not None and version_of(document) == version:
            return version, document
    return multi_arch.version, own


def read(image: str, target: Registry) -> RawManifest | None:
    """The manifest or index in the registry with the name `image`, such as `kernel-bin:6.1`."""
    return registry.read_document(target.reference(image), insecure=target.insecure)


def _fitting(
    multi_arch: MultiArchImage, arch: Arch, images: Mapping[Arch, RawManifest | None]
) -> RawManifest | None:
    image = images.get(arch)
    if image is None or image.entries is not None or version_of(image) != multi_arch.version:
        return None
    return image if read_arch(image.annotations) == arch else None


def _entry(image: RawManifest, platform: Platform) -> dict[str, object]:
    described = image.descriptor.to_json()
    described["platform"] = {"os": platform.os, "architecture": platform.architecture}
    return described


def _version_in(multi_arch: MultiArchImage, tag: str) -> KernelVersion | None:
    """The version in an index tag of this image and series; None for any other tag."""
    if not tag.endswith(multi_arch.suffix):
        return None
    with contextlib.suppress(UserError):
        version = KernelVersion.parse(tag.removesuffix(multi_arch.suffix))
        return version if version.series == multi_arch.version.series else None
    return None
