"""The kinds of images that a kernel is shipped in: a row each, with the names of its layers.

To add a kind of image, add its row here, and for each layer that is new a writer in
`write_images`. Let the row be not `required`: what was built before has no such image, and is
complete without it.

The layers of an image are found by name, with `layers_of` or `ImageKind.name_layers`. The bytes of
an image do not name its layers, so these two are the only places that go by their order, which is
that of the row; an image says which row is its own in its label `org.opencontainers.image.title`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ingot.compile import BUILD_LINK, devel_folder
from ingot.errors import UserError
from ingot.images.kernel_labels import KERNEL_FILE
from ingot.oci import Image, Layer

TITLE = "org.opencontainers.image.title"
"""The label and the annotation with the name of an image's kind."""

MODULE_NAME = "dev.ingot.module.name"
"""The label of images with modules that are not of the kernel's own tree: what they are called."""

ADDED_MODULES = "added-modules"
"""The layer with these modules."""

_T = TypeVar("_T")

_MODULES_PATH = "lib/modules/{release}"
_DEVEL_PATH = devel_folder("{release}")
_SYMBOLS_PATH = "usr/lib/debug"


@dataclass(frozen=True, slots=True)
class LayerKind:
    """A kind of layer, and what it may hold; `{release}` stands for the kernel's release.

    `files` are all there, by name; `trees` are directories that hold files and directories; `links`
    are links by name with where they point; `linked` is a directory whose entries have links
    at the root. A layer that is `optional` is left out where nothing would be in it.
    """

    name: str
    files: tuple[str, ...] = ()
    trees: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict, hash=False)
    linked: str = ""
    optional: bool = False


KERNEL_LAYER = LayerKind("kernel", files=(KERNEL_FILE,))
CONFIG_LAYER = LayerKind("config", files=("boot/config-{release}",))
MODULES_LAYER = LayerKind("modules", trees=(_MODULES_PATH,))
MODULE_LINKS_LAYER = LayerKind("module-links", linked=_MODULES_PATH, optional=True)
SYMBOLS_LAYER = LayerKind(
    "symbols",
    files=(
        f"{_SYMBOLS_PATH}/{_MODULES_PATH}/vmlinux",
        f"{_SYMBOLS_PATH}/boot/System.map-{{release}}",
    ),
)
DEVEL_COMMON_LAYER = LayerKind("devel-common", trees=(_DEVEL_PATH,))
"""What all kernels of one source have, and share."""
DEVEL_OWN_LAYER = LayerKind(
    "devel-own", trees=(_DEVEL_PATH,), links={BUILD_LINK: f"/{_DEVEL_PATH}"}
)


@dataclass(frozen=True, slots=True)
class ImageKind:
    """A kind of image: its name in stores and registries, what it holds in a few words, and its
    layers, the lowest first. A build without an image that is `required` is not complete."""

    name: str
    about: str
    layers: tuple[LayerKind, ...]
    required: bool = True

    def holds(self, layer: LayerKind) -> bool:
        """Whether images of this kind have such a layer."""
        return layer in self.layers

    def name_layers(self, layers: Sequence[_T]) -> dict[str, _T] | None:
        """The layers of an image of this kind by name; None if an image of it has not so many.

        `layers` is whatever is known of each, in the order of the image's manifest.
        """
        needed = sum(not layer.optional for layer in self.layers)
        spare = len(layers) - needed
        names = []
        for layer in self.layers:
            if layer.optional and spare <= 0:
                continue
            spare -= layer.optional
            names.append(layer.name)
        return dict(zip(names, layers, strict=True)) if len(names) == len(layers) else None


BASE, BIN, MODULES = "flintlock-kernel", "kernel-bin", "kernel-modules"
DEBUG, DEVEL = "kernel-debug", "kernel-devel"

KERNEL_IMAGES: Mapping[str, ImageKind] = {
    kind.name: kind
    for kind in (
        ImageKind(BASE, "kernel, config and modules", (KERNEL_LAYER, CONFIG_LAYER, MODULES_LAYER)),
        ImageKind(BIN, "the kernel", (KERNEL_LAYER,)),
        ImageKind(MODULES, "the modules", (MODULES_LAYER, MODULE_LINKS_LAYER)),
        ImageKind(DEBUG, "symbols of the kernel, for debuggers", (SYMBOLS_LAYER,)),
        ImageKind(
            DEVEL, "what compiling modules for it needs", (DEVEL_COMMON_LAYER, DEVEL_OWN_LAYER)
        ),
    )
}
"""The images of a kernel by name, in the order in which they are written and listed."""


def lacking(names: Collection[str]) -> list[str]:
    """The images that a complete build has, and that are not among these."""
    return [
        kind.name for kind in KERNEL_IMAGES.values() if kind.required and kind.name not in names
    ]


def holds_layer(image: str, layer: LayerKind) -> bool:
    """Whether the images of this name have such a layer; images not of a kernel have none."""
    kind = KERNEL_IMAGES.get(image)
    return kind is not None and kind.holds(layer)


def module_image(name: str) -> str:
    """The image that holds only modules that are not of the kernel's own tree."""
    return f"kernel-module-{name}"


def layers_of(image: Image) -> dict[str, Layer]:
    """The layers of an image of a kernel, by name, the lowest first.

    Modules that were compiled for the kernel are the layer `added-modules`, above its own modules
    or alone. UserError for an image that does not say which kind it is, or that is not like its
    kind.
    """
    title, added = image.labels.get(TITLE, ""), image.labels.get(MODULE_NAME)
    own = image.layers if added is None else image.layers[:-1]
    alone = added is not None and title == module_image(added)
    kind = ImageKind(title, "", ()) if alone else KERNEL_IMAGES.get(title)
    named = kind.name_layers(own) if kind else None
    if named is None:
        raise UserError(
            "the layers of this image have no names",
            why=f"it has {len(image.layers)}, and no image called '{title:.100}' has as many"
            if kind
            else f"its label {TITLE} does not name an image of a kernel: '{title:.100}'",
            hint=f"name one of {', '.join(KERNEL_IMAGES)}",
        )
    if added is not None:
        named[ADDED_MODULES] = image.layers[-1]
    return named
