"""From artifacts to the images of a kernel, and back to what they say of themselves.

    flintlock-kernel   boot/vmlinux, boot/config-<release>, lib/modules/<release>   the base
    kernel-bin         boot/vmlinux
    kernel-modules     lib/modules/<release>, and links to its files at the root
    kernel-debug       usr/lib/debug/lib/modules/<release>/vmlinux, with the symbols that the
                       kernel ships without, and usr/lib/debug/boot/System.map-<release>

The links let kernel-modules serve both ways platforms use it: laid over `/`, and mounted at
/lib/modules/<release>, where modprobe finds modules.dep and kernel/ through them. The debug
image laid over `/` is where perf, crash and drgn look. Layers are shared by digest: a kernel
and its modules are stored once.

Every image has two tags: `<version>[-<flavor>][-<arch>]`, which moves, and
`<version>-<12 digits of the recipe key>`, which does not.
"""

from ingot.images.annotations import read_config, read_makeup, read_packages
from ingot.images.facts import KERNEL_FILE, Facts, facts_of, read_facts
from ingot.images.names import (
    BASE,
    BIN,
    DEBUG,
    KERNEL_IMAGES,
    MODULES,
    find_images,
    tags_for,
)
from ingot.images.write import write_images

__all__ = [
    "BASE",
    "BIN",
    "DEBUG",
    "KERNEL_FILE",
    "KERNEL_IMAGES",
    "MODULES",
    "Facts",
    "facts_of",
    "find_images",
    "read_config",
    "read_facts",
    "read_makeup",
    "read_packages",
    "tags_for",
    "write_images",
]
