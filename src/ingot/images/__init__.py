"""From artifacts to the images of a kernel, and back to what they say of themselves. The images are
rows of `image_kinds`, each with its layers:

    flintlock-kernel   boot/vmlinux, boot/config-<release>, lib/modules/<release>   the base
    kernel-bin         boot/vmlinux
    kernel-modules     lib/modules/<release>, and links to its files at the root
    kernel-debug       usr/lib/debug/lib/modules/<release>/vmlinux, with the symbols that the
                       kernel ships without, and usr/lib/debug/boot/System.map-<release>
    kernel-devel       usr/src/linux-<release>, what compiling modules for it needs, and the
                       link lib/modules/<release>/build to it

    kernel-module-<name>   modules of somebody's own: lib/modules/<release>/updates, and indexes
                           of these and the kernel's, to be laid over kernel-modules

The links let kernel-modules serve both ways platforms use it: laid over `/`, and mounted at
/lib/modules/<release>, where modprobe finds modules.dep and kernel/ through them. The debug
image laid over `/` is where perf, crash and drgn look. Layers are shared by digest: a kernel
and its modules are stored once, and so is what all kernels of one source have in kernel-devel.
A kernel without modules has that too: its headers serve tools that read them, such as bcc.

Every image has two tags: `<version>[-<flavor>][-<arch>]`, which moves, and
`<version>-<12 digits of the recipe key>`, which does not.
"""

from ingot.images.annotations import read_config, read_makeup, read_packages
from ingot.images.check_images import require_images_of
from ingot.images.image_kinds import (
    BASE,
    BIN,
    DEBUG,
    DEVEL,
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULES,
    MODULES_LAYER,
    ImageKind,
    LayerKind,
    holds_layer,
    lacking,
    layers_of,
)
from ingot.images.image_names import (
    find_images,
    outdated_tags,
    tags_for,
    tags_of_store,
)
from ingot.images.kernel_labels import KERNEL_FILE, KernelLabels, facts_of, read_facts
from ingot.images.module_images import Modules, check_module_name, write_module_images
from ingot.images.write_images import read_devel_host, write_images

__all__ = [
    "BASE",
    "BIN",
    "DEBUG",
    "DEVEL",
    "KERNEL_FILE",
    "KERNEL_IMAGES",
    "KERNEL_LAYER",
    "MODULES",
    "MODULES_LAYER",
    "ImageKind",
    "KernelLabels",
    "LayerKind",
    "Modules",
    "check_module_name",
    "facts_of",
    "find_images",
    "holds_layer",
    "lacking",
    "layers_of",
    "outdated_tags",
    "read_config",
    "read_devel_host",
    "read_facts",
    "read_makeup",
    "read_packages",
    "require_images_of",
    "tags_for",
    "tags_of_store",
    "write_images",
    "write_module_images",
]
