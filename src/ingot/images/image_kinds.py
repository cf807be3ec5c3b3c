"""The kinds of images that a kernel is shipped in: a row each, with the names of its layers.

To add a kind of image, add its row here, and a writer in `write_images` for each new layer. Set
`required=False` in the row: earlier builds do not have such an image, and stay complete without it.

The layers of an image are found by name, with `layers_of` or `ImageKind.name_layers`. An image does
not store the names of its layers, so only these two functions depend on their order, which is that
of the row. The label `org.opencontainers.image.title` of an image names its row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ingot.catalog.kernel_variants import PLUS
from ingot.compile.devel_tree import BUILD_LINK, devel_directory
from ingot.errors import UserError
from ingot.images.kernel_labels import KERNEL_FILE
from ingot.oci import Image, Layer

TITLE = "org.opencontainers.image.title"
"""The label and the annotation with the name of an image's kind."""

MODULE_NAME = "dev.ingot.module.name"
"""The label of images with out-of-tree modules: the name of the modules."""

ADDED_MODULES = "added-modules"
"""The layer with these modules."""

_PLUS = f"-{PLUS}-"

_T = TypeVar("_T")

_MODULES_PATH = "lib/modules/{release}"
_DEVEL_PATH = devel_directory("{release}")
_SYMBOLS_PATH = "usr/lib/debug"


@dataclass(frozen=True, slots=True)
class LayerKind:
    """A kind of layer and its allowed contents; `{release}` is replaced by the kernel's release.

    Each of `files` is present. `trees` are directories with any files and directories. `links` are
    symlinks by name, with their targets. `linked` is a directory; the root has a symlink to each of
    its entries. An `optional` layer is left out if it would be empty.
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
"""The files that all kernels of one source have in common."""
DEVEL_OWN_LAYER = LayerKind(
    "devel-own", trees=(_DEVEL_PATH,), links={BUILD_LINK: f"/{_DEVEL_PATH}"}
)


@dataclass(frozen=True, slots=True)
class ImageKind:
    """A kind of image: its name in stores and registries, its contents in a few words, and its
    layers, the lowest first. A build is incomplete without each `required` image."""

    name: str
    about: str
    layers: tuple[LayerKind, ...]
    required: bool = True

    def holds(self, layer: LayerKind) -> bool:
        """Whether images of this kind have such a layer."""
        return layer in self.layers

    def name_layers(self, layers: Sequence[_T]) -> dict[str, _T] | None:
        """The layers of an image of this kind by name; None if their number does not match.

        `layers` has one value of any type for each, in the order of the image's manifest.
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
    """The required images that are not among these."""
    return [
        kind.name for kind in KERNEL_IMAGES.values() if kind.required and kind.name not in names
    ]


def holds_layer(image: str, layer: LayerKind) -> bool:
    """Whether the images of this name have such a layer; False if it is not a kernel's image."""
    kind = KERNEL_IMAGES.get(image)
    return kind is not None and kind.holds(layer)


def module_image(name: str) -> str:
    """The name of the image that has only the out-of-tree modules `name`."""
    return f"kernel-module-{name}"


def tag_with_modules(kernel: str, name: str) -> str:
    """The tag of `kernel-modules` that has the out-of-tree modules `name` too: `6.1.176-plus-zfs`.

    `kernel` is the tag of the kernel's own images; it is returned as it is for an empty name.
    """
    return f"{kernel}{_PLUS}{name}" if name else kernel


def split_modules(text: str) -> tuple[str, str]:
    """The kernel and the out-of-tree modules that a tag, or a kernel's name, consists of.

    `6.1-plus-zfs` gives `6.1` and `zfs`. The second is empty if there are no such modules.
    """
    kernel, _, name = text.partition(_PLUS)
    return kernel, name


def has_added_modules(image: Image) -> bool:
    """Whether the image has out-of-tree modules."""
    return MODULE_NAME in image.labels


def layers_of(image: Image) -> dict[str, Layer]:
    """The layers of an image of a kernel, by name, the lowest first.

    Out-of-tree modules are the layer `added-modules`, above the kernel's own modules or alone.
    UserError for an image that does not name its kind, or whose number of layers does not match it.
    """
    title, added = image.labels.get(TITLE, ""), image.labels.get(MODULE_NAME)
    own = image.layers if added is None else image.layers[:-1]
    alone = added is not None and title == module_image(added)
    kind = ImageKind(title, "", ()) if alone else KERNEL_IMAGES.get(title)
    named = kind.name_layers(own) if kind else None
    if named is None:
        raise UserError(
            "this image does not have the layers of a kernel image",
            why=f"it has {len(image.layers)} layers, which is wrong for '{title:.100}'"
            if kind
            else f"its label {TITLE} does not name an image of a kernel: '{title:.100}'",
            hint=f"name one of {', '.join(KERNEL_IMAGES)}",
        )
    if added is not None:
        named[ADDED_MODULES] = image.layers[-1]
    return named
