"""The values of a kernel in a snippet: from its images in the store, else from the catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingot.catalog import Kernel
from ingot.errors import UserError
from ingot.images import (
    BASE,
    BIN,
    MODULES,
    KernelLabels,
    read_config,
    read_facts,
    require_same_build,
    tag_with_modules,
    tags_of_store,
)
from ingot.oci import Descriptor, Layout, read_image
from ingot.registry import check_registry, host_of

IMAGES = (BASE, BIN, MODULES)


@dataclass(frozen=True, slots=True)
class SpecKernel:
    """A kernel, and the registry references of its images (`references`, by the image's name).

    `release` is the output of `uname -r`, `command_line` the recommended command line. `store` is
    the layout that has its images, tagged `<image>:<tag of the kernel>`; None if it is not built.
    `options` are those of its config, or those that its fragments request if it is not built.
    `modules` is the name of the out-of-tree modules that its image of modules has too, or empty.
    Every text is one printable line, so that any snippet can quote it.
    """

    kernel: Kernel
    release: str
    command_line: str
    registry: str
    references: Mapping[str, str]
    pinned: bool
    store: Path | None
    modules: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def value(self, option: str) -> str:
        """The value of an option; `n` if it is not set."""
        return self.options.get(option, "n")

    @property
    def name(self) -> str:
        """The kernel's tag, with the name of its out-of-tree modules."""
        return tag_with_modules(self.kernel.tag, self.modules)


def find_spec_kernel(
    layout: Layout,
    kernel: Kernel,
    registry: str,
    *,
    pin: bool = False,
    modules: str = "",
    requests: Mapping[str, str] | None = None,
) -> SpecKernel:
    """The values of the kernel from the store, or else from the catalog.

    `modules` is the name of out-of-tree modules that the kernel is used with. With `pin`, the
    references have the digests of the images in the store. `requests` are the options that the
    kernel's fragments request. UserError if the store lacks them, if
    the registry's name is invalid, or if an image has invalid labels.
    """
    where = full_name(registry)
    images = _images(layout, kernel, "")
    if modules and images:
        images = _images_with_modules(layout, kernel, modules)
    if pin and not images:
        raise UserError(
            f"{kernel.tag} cannot be referred to by digest: the store {layout.root} lacks it",
            hint=f"build it first: ingot build {kernel.tag}",
        )
    facts = _facts(layout, kernel, images[BASE]) if images else None
    config = read_config(read_image(layout, images[BASE]).annotations) if images else None
    return SpecKernel(
        kernel=kernel,
        release=facts.release if facts else str(kernel.version),
        command_line=facts.command_line if facts else kernel.arch.command_line,
        registry=where,
        references={
            name: f"{where}/{name}@{images[name].digest}" if pin else f"{where}/{name}:{tag}"
            for name, tag in _tags(_registry_tag(kernel), modules).items()
        },
        pinned=pin,
        # a snippet names the tag, so the store itself must have it
        store=layout.root if images and layout.find(f"{BASE}:{kernel.tag}") else None,
        modules=modules,
        options=config.options if config else requests or {},
    )


def full_name(text: str) -> str:
    """The registry's full name: docker adds `docker.io/` by itself, containerd does not.

    UserError if it is not a valid name.
    """
    name = check_registry(text)
    host = host_of(f"{name}/{BASE}")
    return name if name.partition("/")[0] == host else f"{host}/{name}"


def _registry_tag(kernel: Kernel) -> str:
    """The tag of the kernel's index of all arches in a registry."""
    return dataclasses.replace(kernel, primary=True).tag


def _tags(kernel: str, modules: str) -> dict[str, str]:
    """The tag of each image, for the tag of a kernel: `modules` only changes that of MODULES."""
    return {name: tag_with_modules(kernel, modules if name == MODULES else "") for name in IMAGES}


def _images(layout: Layout, kernel: Kernel, modules: str) -> dict[str, Descriptor]:
    """The kernel's images, with the out-of-tree modules; empty if one is missing."""
    tags = tags_of_store(layout)
    found = {name: tags.get(f"{name}:{tag}") for name, tag in _tags(kernel.tag, modules).items()}
    images = {name: descriptor for name, descriptor in found.items() if descriptor}
    return images if len(images) == len(IMAGES) else {}


def _images_with_modules(layout: Layout, kernel: Kernel, modules: str) -> dict[str, Descriptor]:
    """The images of a built kernel with out-of-tree modules; UserError if these are missing."""
    images = _images(layout, kernel, modules)
    if not images:
        raise UserError(
            f"the store {layout.root} has {kernel.tag}, but not its modules '{modules}'",
            hint=f"compile them: ingot module build DIR --kernel {kernel.tag} --name {modules}",
        )
    require_same_build(_facts(layout, kernel, images[BASE]), read_image(layout, images[MODULES]))
    return images


def _facts(layout: Layout, kernel: Kernel, base: Descriptor) -> KernelLabels:
    why = "its labels do not describe a kernel"
    facts = None
    try:
        facts = read_facts(read_image(layout, base))
    except UserError as error:
        why = str(error)
    if facts is None:
        raise UserError(
            f"{BASE}:{kernel.tag} in the store {layout.root} is not an image of a kernel",
            why=why,
            hint=f"build it again: ingot build {kernel.tag}",
        )
    return facts
