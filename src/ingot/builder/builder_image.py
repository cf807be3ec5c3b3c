"""Builders as images: what the store keeps of one, and what that says of itself.

    kernel-builder:<name>                  the one that was made last
    kernel-builder:<name>-<12 digits>      the same, by the digest of what it is made of

Labels say of which spec it was made, and the digest of its packages; an annotation of the manifest
lists these (see `packages`):

    dev.ingot.builder.spec       sha256 of what was asked for
    dev.ingot.builder.digest     sha256 of the list of packages
    dev.ingot.builder.lock       sha256 of the list in the lock file, if that is another one
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
    """The tag of a builder's image in the store: the one that moves."""
    return f"{IMAGE}:{spec.name}"


def fixed_tag(name: str, digest: Digest) -> str:
    """The tag of the one builder that is made of the packages with this digest."""
    return f"{IMAGE}:{name}-{digest.short}"


def wanted_tags(spec: BuilderSpec, site: Site) -> tuple[str, ...]:
    """The tags that the builder may have elsewhere, the one that a lock file means first."""
    lock = site.lock(spec)
    return (*((fixed_tag(spec.name, lock.digest),) if lock else ()), tag_of(spec))


def tags_for(spec: BuilderSpec, image: Image) -> dict[str, Descriptor]:
    """Both tags of a builder's image."""
    fixed = fixed_tag(spec.name, digest_of(packages_told(image)))
    return dict.fromkeys((tag_of(spec), fixed), image.descriptor)


def find(spec: BuilderSpec, site: Site) -> Descriptor | None:
    """The image of this builder in the store, if one serves; the one a lock lists comes first."""
    lock, made = site.lock(spec), []
    tags = site.layout.tags()
    for tag in sorted(tags, key=lambda tag: (tag != tag_of(spec), tag)):
        if tag.startswith(f"{IMAGE}:") and site.layout.is_complete(tags[tag]):
            labels = read_image(site.layout, tags[tag]).labels
            if serves(labels, spec, site):
                made.append((lock is not None and digest_told(labels) != lock.digest, tags[tag]))
    return min(made, key=lambda each: each[0])[1] if made else None


def serves(labels: Mapping[str, str], spec: BuilderSpec, site: Site) -> bool:
    """Whether the image with these labels (or annotations) is this builder, for this machine.

    It was made from this spec for this arch. If there is a lock file, it is as that lists; or it
    was made when the lock was the same, for then the archive had no other.
    """
    lock = site.lock(spec)
    return is_made_from(labels, spec, site) and (
        lock is None or str(lock.digest) in (labels.get(_DIGEST), labels.get(_LOCK))
    )


def is_made_from(labels: Mapping[str, str], spec: BuilderSpec, site: Site) -> bool:
    """Whether the image with these labels (or annotations) is a builder of this very spec."""
    return labels.get(SPEC_LABEL) == spec_digest(spec, site)


def spec_digest(spec: BuilderSpec, site: Site) -> str:
    """Identifies what a builder was asked to be, so that a changed spec makes it anew.

    The bytes of its keyring, if it names one, are part of that: what other keys have vouched for
    is another builder.
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


def digest_told(labels: Mapping[str, str]) -> Digest | None:
    """The digest of a builder's packages, as its image's labels or annotations tell it."""
    text = labels.get(_DIGEST)
    return Digest.parse(text) if text else None


def packages_told(image: Image) -> tuple[str, ...]:
    """What the image of a builder says it is made of."""
    try:
        return tuple(unpack_text(image.annotations[_PACKAGES]).decode().splitlines())
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the builder's image {image.descriptor.digest.short} does not say what it is made of",
            why=str(error),
            hint="`ingot builder update` makes it anew",
        ) from None


def require_honest(layout: Layout, image: Image) -> None:
    """Raise a VerificationError if a builder from elsewhere is not made of what it says."""
    status = read_file(layout, image, STATUS_FILE).decode("utf-8", "replace")
    found = read_status(status)
    if found != packages_told(image) or digest_of(found) != digest_told(image.labels):
        raise VerificationError("the builder is not made of the packages that it lists")


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
    told = {_PACKAGES: pack_text(text_of(packages).encode())}
    with layout.in_use():
        descriptor = write_image(
            layout,
            [write_tar_layer(layout, tar, step)],
            Platform("linux", site.host.oci),
            labels=labels,
            annotations={"org.opencontainers.image.title": IMAGE, **labels, **told},
            created=_EPOCH,
            history=[f"mmdebstrap {spec.suite}: {' '.join(spec.packages_for(site.host))}"],
        )
        image = read_image(layout, descriptor)
        layout.tag(tags_for(spec, image))
    return image
