"""Images of builders in the cache, from which a second catalog's store gets its builder.

    builders/<digest of the image's manifest>.image/    an OCI layout with this one image

An image is here while its root is unpacked next to it. Without it, every catalog of a machine would
make the same builder again, in minutes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.builder import builder_image
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.errors import VerificationError
from ingot.files import remove_tree, staging_directory
from ingot.oci import Image, Layout, copy_image, read_image
from ingot.progress import Progress

KEPT_IMAGE_SUFFIX = ".image"


def find(spec: BuilderSpec, site: Site) -> tuple[Layout, Image] | None:
    """An image in the cache that serves as this builder, and the layout it is in."""
    for path in sorted(site.directory.glob(f"*{KEPT_IMAGE_SUFFIX}")):
        layout = Layout(path)
        if descriptor := builder_image.find(spec, replace(site, layout=layout)):
            return layout, read_image(layout, descriptor)
    return None


def keep(spec: BuilderSpec, site: Site, image: Image) -> None:
    """Keep the image of a builder that is in the store, in place of an incomplete one."""
    kept = _path(site, image)
    if kept.is_dir():
        if Layout(kept).is_complete(image.descriptor):
            return
        remove_tree(kept)
    with staging_directory(site.directory) as directory:
        layout = Layout(directory / "image")
        copy_image(site.layout, image.descriptor, layout)
        layout.tag(builder_image.tags_for(spec, image))
        layout.root.rename(kept)


def copy_to_store(spec: BuilderSpec, site: Site, progress: Progress) -> Image | None:
    """Copy an image that serves as this builder into the store, and tag it; None if none is kept.

    One that is damaged is removed, with a note.
    """
    if (found := find(spec, site)) is None:
        return None
    layout, image = found
    with progress.step(f"copy builder {spec.name} from the cache") as step:
        try:
            with site.layout.in_use():
                copy_image(layout, image.descriptor, site.layout)
                site.layout.tag(builder_image.tags_for(spec, image))
        except VerificationError as error:
            progress.note(f"the builder in the cache is damaged, and is removed: {error}")
            remove_tree(layout.root)
            return None
        step.result(image.descriptor.digest.short)
    return read_image(site.layout, image.descriptor)


def _path(site: Site, image: Image) -> Path:
    return site.directory / f"{image.descriptor.digest.hex}{KEPT_IMAGE_SUFFIX}"
