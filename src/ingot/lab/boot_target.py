"""What is booted and counted: a kernel and its modules on disk, and a sandbox for its guests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch, arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.confined_files import ConfinedDirectory
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_FILE, KernelLabels, read_facts
from ingot.kernel_file import read_bootable
from ingot.oci import Image, extract
from ingot.oci.limits import KERNEL_IMAGE_BYTES
from ingot.progress import Progress
from ingot.setting import Project, in_use

_KERNEL_BYTES = 1 << 30
"""Bytes of a kernel as it ships: the largest have some 60 MiB."""


@dataclass(frozen=True, slots=True)
class BootTarget:
    """A kernel on disk, its modules (a folder that may be missing), what it calls itself.

    What its guests need is made in the `sandbox`, which sees neither. `folder` is for what else is
    laid out for a guest, and not seen there either.
    """

    kernel: Path
    modules: Path
    release: str
    arch: Arch
    sandbox: Sandbox
    folder: Path


@contextlib.contextmanager
def laid_out(
    project: Project, kernel: Image | Path, builder: Builder, progress: Progress
) -> Iterator[BootTarget]:
    """The kernel of an image, unpacked for as long, or a kernel file where it is.

    A UserError if there is no kernel.
    """
    with in_use(project, progress), project.workspace.build_folder() as folder:
        sandbox = Sandbox.below(folder / "work", builder)
        if isinstance(kernel, Path):
            release = read_bootable(kernel).release or ""
            file, modules = kernel.absolute(), folder / "none"
            yield BootTarget(file, modules, release, arch_of(kernel), sandbox, folder)
            return
        facts = _facts(kernel)
        root = folder / "root"
        extract(project.layout, kernel, root, limit=KERNEL_IMAGE_BYTES)
        file, modules = _parts(root, facts.release)
        yield BootTarget(file, modules, facts.release, arch(facts.arch), sandbox, folder)


def _parts(root: Path, release: str) -> tuple[Path, Path]:
    """The kernel and the modules of an image that was unpacked, where no link is on the way.

    UserError if there is no kernel, or something else in its place.
    """
    image = ConfinedDirectory(root)
    name = f"lib/modules/{release}"
    try:
        with image.open(KERNEL_FILE, _KERNEL_BYTES):
            modules = image.find(name)
    except FileNotFoundError:
        raise UserError(
            f"this image has no {KERNEL_FILE}",
            hint=f"name a {BASE} image: it has the kernel and its modules",
        ) from None
    if modules and not modules.is_directory:
        raise UserError(f"this image has no directory /{name}, but something else of that name")
    return root / KERNEL_FILE, root / name


def arch_of(kernel: Image | Path) -> Arch:
    """The arch that a kernel is for; a UserError if it is not a kernel."""
    if isinstance(kernel, Path):
        return arch(read_bootable(kernel).arch or "")
    return arch(_facts(kernel).arch)


def _facts(image: Image) -> KernelLabels:
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            "this image holds no kernel of Ingot's",
            hint=f"name a {BASE} image: it has the kernel and its modules",
        )
    return facts
