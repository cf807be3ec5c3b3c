"""Subjects to write snippets for: kernels of the repository's catalog, built or not."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

from ingot import catalog
from ingot.catalog import Kernel
from ingot.images import BASE, BIN, MODULES, KernelLabels
from ingot.oci import Descriptor, Layout, Platform, file_entry, write_image, write_layer
from ingot.specs import SpecKernel, find_spec_kernel
from tests.support.digests import digest
from tests.support.places import REPOSITORY

REGISTRY = "docker.io/foobar"


@cache
def kernels() -> tuple[Kernel, ...]:
    """Every kernel of the repository's catalog."""
    return tuple(catalog.load(REPOSITORY / "kernels").kernels)


@cache
def kernel(name: str) -> Kernel:
    (found,) = catalog.load(REPOSITORY / "kernels").select([name])
    return found


def subject(
    name: str | Kernel, *, release: str | None = None, command_line: str | None = None
) -> SpecKernel:
    """A kernel that is not built, unless told otherwise."""
    found = kernel(name) if isinstance(name, str) else name
    made = find_spec_kernel(Layout(Path("/nowhere/images")), found, REGISTRY)
    if release is not None:
        made = dataclasses.replace(made, release=release)
    if command_line is not None:
        made = dataclasses.replace(made, command_line=command_line)
    return made


def build(
    layout: Layout,
    found: Kernel,
    *,
    release: str | None = None,
    command_line: str = "console=ttyS0 quiet",
    images: tuple[str, ...] = (BASE, BIN, MODULES),
    labels: bool = True,
) -> dict[str, Descriptor]:
    """Images with the kernel's tags and labels, as a build leaves them; the bytes are fake."""
    facts = KernelLabels(
        version=str(found.version),
        release=str(found.version),
        arch=found.arch.name,
        recipe_key=digest("recipe"),
        config_digest=digest("config"),
        source_digest=digest("source"),
        builder_digest=digest("builder"),
        command_line="quiet",
    )
    told = facts.labels() if labels else {}
    if labels:
        # as somebody may have written them: no Facts have them
        kernel_release = str(found.version) if release is None else release
        told["dev.ingot.release"] = kernel_release
        told["dev.ingot.mount-path"] = f"/lib/modules/{kernel_release}"
        told["dev.ingot.command-line"] = command_line
    made = {}
    layout.root.parent.mkdir(exist_ok=True)
    for name in images:
        content = layout.root.parent / "content"
        content.write_text(name)
        layer = write_layer(layout, [file_entry(name, content)], 1)
        made[name] = write_image(layout, [layer], Platform("linux", found.arch.oci), told, {}, 1)
    layout.tag({f"{name}:{found.tag}": descriptor for name, descriptor in made.items()})
    return made
