"""Builders as images in the store: their tags, labels and annotations.

    kernel-builder:<name>                  the one that was made last
    kernel-builder:<name>-<12 digits>      the same, by the digest of its packages

Labels hold the digests of its spec and of its packages; an annotation of the manifest lists the
packages (see `builder_packages`):

    dev.ingot.builder.spec       sha256 of the spec
    dev.ingot.builder.digest     sha256 of the list of packages
    dev.ingot.builder.lock       sha256 of the list in the lock file, if it is different
    dev.ingot.builder.packages   base64 of gzip of the list
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ingot.builder.builder_packages import STATUS_FILE, digest_of, read_status, text_of
from ingot.builder.builder_site import Site
from ingot.builder.builder_trust import keyring_trusted
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.oci import (
    Descriptor,
    Image,
    Layout,
    Platform,
    pack_text,
    read_file,
    read_image,
    unpack_text,
    write_image,
    write_tar_layer,
)
from ingot.progress import Step

IMAGE = "kernel-builder"
_PREFIX = "dev.ingot.builder."
SPEC_LABEL = f"{_PREFIX}spec"
_DIGEST = f"{_PREFIX}digest"
_LOCK = f"{_PREFIX}lock"
_PACKAGES = f"{_PREFIX}packages"
_SUITE = f"{_PREFIX}suite"
_FORMAT = 3
_EPOCH = 0


def tag_of(spec: BuilderSpec) -> str:
    """The moving tag of a builder's image in the store."""
    return f"{IMAGE}:{spec.name}"


def fixed_tag(name: str, digest: Digest) -> str:
    """The tag of the builder with exactly these packages, by their digest."""
    return f"{IMAGE}:{name}-{digest.short}"


def wanted_tags(spec: BuilderSpec, site: Site) -> tuple[str, ...]:
    """The tags to look for in a registry: first that of the lock file, if there is one."""
    lock = site.lock(spec)
    return (*((fixed_tag(spec.name, lock.digest),) if lock else ()), tag_of(spec))


def tags_for(spec: BuilderSpec, image: Image) -> dict[str, Descriptor]:
    """Both tags of a builder's image."""
    fixed = fixed_tag(spec.name, digest_of(annotated_packages(image)))
    return dict.fromkeys((tag_of(spec), fixed), image.descriptor)


def find(spec: BuilderSpec, site: Site) -> Descriptor | None:
    """An image in the store that serves as this builder; preferably with the lock's packages."""
    lock, made = site.lock(spec), []
    tags = site.layout.tags()
    for tag in sorted(tags, key=lambda tag: (tag != tag_of(spec), tag)):
        if tag.startswith(f"{IMAGE}:") and site.layout.is_complete(tags[tag]):
            labels = read_image(site.layout, tags[tag]).labels
            if serves(labels, spec, site):
                made.append(
                    (lock is not None and labelled_digest(labels) != lock.digest, tags[tag])
                )
    return min(made, key=lambda each: each[0])[1] if made else None


def serves(labels: Mapping[str, str], spec: BuilderSpec, site: Site) -> bool:
    """Whether the image with these labels (or annotations) can be used as this builder here.

    It must be made from this spec for this arch. If there is a lock file, it must have the lock's
    packages, or have been made with the same lock: then the archive no longer had those packages.
    """
    lock = site.lock(spec)
    return is_made_from(labels, spec, site) and (
        lock is None or str(lock.digest) in (labels.get(_DIGEST), labels.get(_LOCK))
    )


def is_made_from(labels: Mapping[str, str], spec: BuilderSpec, site: Site) -> bool:
    """Whether the image with these labels (or annotations) is a builder of exactly this spec."""
    return labels.get(SPEC_LABEL) == spec_digest(spec, site)


def spec_digest(spec: BuilderSpec, site: Site) -> str:
    """The digest of a builder's spec: if it changes, the builder is made again.

    It includes the bytes of the keyring, if the spec names one: a builder that was verified with
    other keys is another builder.
    """
    where = [spec.mirror, spec.suite, *spec.more_suites]
    document: list[object] = [_FORMAT, site.host.name, where, spec.components]
    document.append(spec.packages_for(site.host))
    if keyring := keyring_trusted(spec, site.catalog):
        document.append(keyring)
    return str(Digest.of(json.dumps(document).encode()))


def is_builder(labels: Mapping[str, str]) -> bool:
    """Whether labels or annotations are those of a builder's image."""
    return any(label.startswith(_PREFIX) for label in labels)


def labelled_digest(labels: Mapping[str, str]) -> Digest | None:
    """The digest of a builder's packages in its image's labels or annotations."""
    text = labels.get(_DIGEST)
    return Digest.parse(text) if text else None


def annotated_packages(image: Image) -> tuple[str, ...]:
    """The packages that the annotation of a builder's image lists."""
    try:
        return tuple(unpack_text(image.annotations[_PACKAGES]).decode().splitlines())
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the builder's image {image.descriptor.digest.short} has no valid list of packages",
            why=str(error),
            hint="`ingot builder update` makes it again",
        ) from None


def verify_packages(layout: Layout, image: Image) -> None:
    """Raise a VerificationError if a builder from a registry has other packages than it lists."""
    status = read_file(layout, image, STATUS_FILE).decode("utf-8", "replace")
    found = read_status(status)
    if found != annotated_packages(image) or digest_of(found) != labelled_digest(image.labels):
        raise VerificationError("the builder's packages are not those that its annotation lists")


def store(spec: BuilderSpec, site: Site, tar: Path, packages: tuple[str, ...], step: Step) -> Image:
    """Put a root filesystem into the store as the builder's image, and tag it."""
    layout, lock, digest = site.layout, site.lock(spec), digest_of(packages)
    labels = {
        SPEC_LABEL: spec_digest(spec, site),
        _DIGEST: str(digest),
        _SUITE: spec.suite,
    }
    if lock and lock.digest != digest:
        labels[_LOCK] = str(lock.digest)
    listed = {_PACKAGES: pack_text(text_of(packages).encode())}
    with layout.in_use():
        descriptor = write_image(
            layout,
            [write_tar_layer(layout, tar, step)],
            Platform("linux", site.host.oci),
            labels=labels,
            annotations={"org.opencontainers.image.title": IMAGE, **labels, **listed},
            created=_EPOCH,
            history=[f"mmdebstrap {spec.suite}: {' '.join(spec.packages_for(site.host))}"],
        )
        image = read_image(layout, descriptor)
        layout.tag(tags_for(spec, image))
    return image
