"""The properties of an image that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingot.boot.cost.boot_profile import Profile
from ingot.builder.builder_image import is_builder
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images import (
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULES_LAYER,
    KernelLabels,
    holds_layer,
)
from ingot.kconfig import Config
from ingot.size_map import SizeMap


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """The properties of one image; an unknown one is None.

    `size` is its size in a registry, in bytes. `kernel_size` and `modules` are sizes of the files
    as shipped, the modules by their path below `lib/modules/<release>/kernel`. Only images
    by Ingot have a `size_map` (of the kernel). `files` are all files by name, for an image that
    Ingot did not build. `profile` is the kernel's boot profile, if it was measured. `has_kernel`
    and `has_modules` say whether the image has a kernel, or is used with its modules.
    """

    name: str
    platform: str
    layers: tuple[Digest, ...]
    size: int
    facts: KernelLabels | None = None
    size_map: SizeMap | None = None
    kernel_size: int | None = None
    modules: Mapping[str, int] | None = field(default=None, hash=False)
    config: Config | None = None
    files: Mapping[str, int] | None = field(default=None, hash=False)
    profile: Profile | None = None
    has_kernel: bool = True
    has_modules: bool = True

    def held_by(self, kind: str) -> ImageSummary:
        """The summary without what images of this kind do not have.

        All images of a build describe the whole build. A kernel-bin image also has a summary of the
        modules, with which its kernel is used.
        """
        if kind not in KERNEL_IMAGES or holds_layer(kind, KERNEL_LAYER):
            return self
        has_modules = holds_layer(kind, MODULES_LAYER)
        return replace(
            self,
            size_map=None,
            kernel_size=None,
            modules=self.modules if has_modules else None,
            profile=None,
            has_kernel=False,
            has_modules=has_modules,
        )

    @property
    def modules_size(self) -> int | None:
        """Bytes of all module files together."""
        return None if self.modules is None else sum(self.modules.values())


def require_no_builder(name: str, labels: Mapping[str, str]) -> None:
    """UserError if labels or annotations are those of a builder, which has no kernel."""
    if is_builder(labels):
        raise UserError(
            f"{name} is a builder, not a kernel",
            why="a builder holds the compiler, and has no kernel to compare",
            hint="compare kernels, such as 6.1 and 6.1-minimal",
        )
