"""What is booted and counted: a kernel and its modules on disk, and a sandbox for its guests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch, arch
from ingot.boot.kernel_file import read_kernel
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_FILE, Facts, read_facts
from ingot.oci import Image, extract
from ingot.pipeline.setting import Setting, in_use
from ingot.progress import Progress


@dataclass(frozen=True, slots=True)
class Subject:
    """A kernel on disk, its modules (a folder that may be missing), what it calls itself.

    What its guests need is made in the `sandbox`.
    """

    kernel: Path
    modules: Path
    release: str
    arch: Arch
    sandbox: Sandbox


@contextlib.contextmanager
def laid_out(
    setting: Setting, kernel: Image | Path, builder: Builder, progress: Progress
) -> Iterator[Subject]:
    """The kernel of an image, unpacked for as long, or a kernel file where it is.

    A UserError if there is no kernel.
    """
    with in_use(setting, progress), setting.workspace.build_folder() as folder:
        sandbox = Sandbox.below(folder / "work", builder)
        if isinstance(kernel, Path):
            release = read_kernel(kernel).release or ""
            file, modules = kernel.absolute(), folder / "none"
            yield Subject(file, modules, release, arch_of(kernel), sandbox)
            return
        facts = _facts(kernel)
        root = folder / "root"
        extract(setting.layout, kernel, root)
        modules = root / "lib/modules" / facts.release
        yield Subject(root / KERNEL_FILE, modules, facts.release, arch(facts.arch), sandbox)


def arch_of(kernel: Image | Path) -> Arch:
    """The arch that a kernel is for; a UserError if it is no kernel."""
    if isinstance(kernel, Path):
        return arch(read_kernel(kernel).arch or "")
    return arch(_facts(kernel).arch)


def _facts(image: Image) -> Facts:
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            "this image holds no kernel of Ingot's",
            hint=f"name a {BASE} image: it has the kernel and its modules",
        )
    return facts
