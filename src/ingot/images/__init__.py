"""Writes the images of a kernel, and reads their labels and annotations. The images are rows of
`image_kinds`, each with its layers:

    flintlock-kernel   boot/vmlinux, boot/config-<release>, lib/modules/<release>   the base
    kernel-bin         boot/vmlinux
    kernel-modules     lib/modules/<release>, and links to its files at the root
    kernel-debug       usr/lib/debug/lib/modules/<release>/vmlinux, with the symbols that the
                       kernel ships without, and usr/lib/debug/boot/System.map-<release>
    kernel-devel       usr/src/linux-<release>, what compiling modules for it needs, and the
                       link lib/modules/<release>/build to it

    kernel-module-<name>   out-of-tree modules: lib/modules/<release>/updates, and indexes of
                           these and the kernel's modules, to be laid over kernel-modules

Because of the links, kernel-modules works in both ways that platforms use it: laid over `/`, and
mounted at /lib/modules/<release>, where modprobe finds modules.dep and kernel/ through them. perf,
crash and drgn find the files of the debug image if it is laid over `/`. Layers are shared by
digest: a kernel and its modules are stored once, and so are the files of kernel-devel that all
kernels of one source have in common. A kernel without modules has a kernel-devel image as well:
tools such as bcc read its headers.

Every image has two tags: the moving `<version>[-<flavor>][-<arch>]`, and the immutable
`<version>-<12 digits of the recipe key>`. Artifacts about a kernel (`image_names`) are tagged like
its base image, with their kind at the end.

The modules that write and check images (`write_images`, `module_images`, `check_images`) are
imported by their names: a command that only looks for images does not need them.
"""

from ingot.images.added_modules import added_modules, require_same_build, with_modules
from ingot.images.annotations import read_config, read_packages, read_size_map
from ingot.images.image_kinds import (
    BASE,
    BIN,
    DEBUG,
    DEVEL,
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULES,
    MODULES_LAYER,
    TITLE,
    ImageKind,
    LayerKind,
    has_added_modules,
    holds_layer,
    lacking,
    layers_of,
    module_image,
    split_modules,
    tag_with_modules,
)
from ingot.images.image_names import (
    ARTIFACT_KINDS,
    BUILD_RECORD,
    COMPILED_FILES,
    PROFILE,
    SIGNATURES,
    artifact_kind,
    artifact_tag,
    base_tag,
    find_images,
    is_immutable,
    outdated_tags,
    signatures_tag,
    signed_image,
    tags_for,
    tags_of_store,
)
from ingot.images.kernel_labels import KERNEL_FILE, KernelLabels, facts_of, read_facts

__all__ = [
    "ARTIFACT_KINDS",
    "BASE",
    "BIN",
    "BUILD_RECORD",
    "COMPILED_FILES",
    "DEBUG",
    "DEVEL",
    "KERNEL_FILE",
    "KERNEL_IMAGES",
    "KERNEL_LAYER",
    "MODULES",
    "MODULES_LAYER",
    "PROFILE",
    "SIGNATURES",
    "TITLE",
    "ImageKind",
    "KernelLabels",
    "LayerKind",
    "added_modules",
    "artifact_kind",
    "artifact_tag",
    "base_tag",
    "facts_of",
    "find_images",
    "has_added_modules",
    "holds_layer",
    "is_immutable",
    "lacking",
    "layers_of",
    "module_image",
    "outdated_tags",
    "read_config",
    "read_facts",
    "read_packages",
    "read_size_map",
    "require_same_build",
    "signatures_tag",
    "signed_image",
    "split_modules",
    "tag_with_modules",
    "tags_for",
    "tags_of_store",
    "with_modules",
]
