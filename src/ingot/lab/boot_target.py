"""A kernel to boot or measure: its files on disk, and a sandbox to make its guests in."""

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
    """A kernel on disk, its modules (a directory that may be missing) and its release.

    The files of its guests are made in the `sandbox`, which has no access to kernel and modules.
    `directory` is for other files of a guest; the sandbox has no access to it either.
    """

    kernel: Path
    modules: Path
    release: str
    arch: Arch
    sandbox: Sandbox
    directory: Path


@contextlib.contextmanager
def prepared_target(
    project: Project, kernel: Image | Path, builder: Builder, progress: Progress
) -> Iterator[BootTarget]:
    """The kernel of an image, unpacked until the body ends, or a kernel file in its place.

    UserError if there is no kernel.
    """
    with in_use(project, progress), project.workspace.build_directory() as directory:
        sandbox = Sandbox.below(directory / "work", builder)
        if isinstance(kernel, Path):
            release = read_bootable(kernel).release or ""
            file, modules = kernel.absolute(), directory / "none"
            yield BootTarget(file, modules, release, arch_of(kernel), sandbox, directory)
            return
        facts = _facts(kernel)
        root = directory / "root"
        extract(project.layout, kernel, root, limit=KERNEL_IMAGE_BYTES)
        file, modules = _parts(root, facts.release, f"the image {kernel.descriptor.digest}")
        yield BootTarget(file, modules, facts.release, arch(facts.arch), sandbox, directory)


def _parts(root: Path, release: str, called: str) -> tuple[Path, Path]:
    """The paths of the kernel and the modules of an unpacked image; no symlink is followed.

    `called` is the image in messages. UserError if there is no kernel file, or if the modules are
    not a directory.
    """
    image = ConfinedDirectory(root)
    name = f"lib/modules/{release}"
    try:
        with image.open(KERNEL_FILE, _KERNEL_BYTES):
            modules = image.find(name)
    except FileNotFoundError:
        raise UserError(
            f"{called} has no {KERNEL_FILE}",
            hint=f"name a {BASE} image: it has the kernel and its modules",
        ) from None
    if modules and not modules.is_directory:
        raise UserError(
            f"/{name} of {called} is not a directory", hint=f"name another {BASE} image"
        )
    return root / KERNEL_FILE, root / name


def arch_of(kernel: Image | Path) -> Arch:
    """The arch that a kernel is for; UserError if it is not a kernel."""
    if isinstance(kernel, Path):
        return arch(read_bootable(kernel).arch or "")
    return arch(_facts(kernel).arch)


def _facts(image: Image) -> KernelLabels:
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            f"the image {image.descriptor.digest} does not hold a kernel built by Ingot",
            hint=f"name a {BASE} image: it has the kernel and its modules",
        )
    return facts
