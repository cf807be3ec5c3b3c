"""Images without what older versions of Ingot and other tools leave out, to compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from ingot.images import KERNEL_IMAGES
from ingot.oci import Descriptor, LayerEntry, Layout, Platform, file_entry, write_image, write_layer
from ingot.oci.image_documents import canonical_json
from tests.support.kernel_images import RELEASE, Kernel


def rewritten(
    layout: Layout, image: Descriptor, change: Callable[[dict[str, object]], None]
) -> Descriptor:
    """The same image with another manifest, as another tool or another Ingot writes it."""
    document = json.loads(layout.read_blob(image))
    change(document)
    written = layout.write_blob([canonical_json(document)], image.media_type)
    return Descriptor(written.media_type, written.digest, written.size, platform=image.platform)


def without_size_map(document: dict[str, object]) -> None:
    annotations = document["annotations"]
    assert isinstance(annotations, dict)
    del annotations["dev.ingot.makeup"]


def old_images(kernel: Kernel, names: Iterable[str] = KERNEL_IMAGES) -> dict[str, Descriptor]:
    """A kernel's images as the Ingot of before wrote them, tagged."""
    written = kernel.write()
    images = {name: rewritten(kernel.layout, written[name], without_size_map) for name in names}
    key = kernel.facts.recipe_key.short
    kernel.layout.tag({f"{name}:{RELEASE}-{key}": image for name, image in images.items()})
    return images


def foreign(layout: Layout, files: Mapping[str, bytes], name: str = "foreign:1") -> Descriptor:
    """An image of somebody else's, with these files."""
    directory = layout.root.parent / "files"
    entries: list[LayerEntry] = []
    for number, (path, data) in enumerate(sorted(files.items())):
        file = directory / str(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        entries.append(file_entry(path, file))
    layer = write_layer(layout, entries, 0)
    written = write_image(
        layout, [layer], Platform("linux", "arm64"), labels={}, annotations={}, created=0
    )
    layout.tag({name: written})
    return written
