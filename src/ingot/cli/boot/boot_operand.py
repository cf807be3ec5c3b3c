"""What `ingot boot` is asked to boot: a kernel of the catalog, an image of the store, a file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot import lab, pipeline
from ingot.arch import Arch, arch_called
from ingot.boot.boot_report import BootReport, Verdict
from ingot.builder.sandbox import Builder
from ingot.catalog import GuestCheck, Kernel
from ingot.cli.shared.common_options import choose
from ingot.cli.shared.config_operands import file_named
from ingot.cli.shared.image_lookup import find_image
from ingot.errors import UserError
from ingot.images import BASE, BIN, read_facts
from ingot.lab import BootWish, Config
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class Meant:
    """What a command line says of the kernel to boot: its name, an arch and a flavor if given."""

    name: str
    arch: str | None = None
    flavor: str | None = None


@dataclass(frozen=True, slots=True)
class BootOperand:
    """A kernel to boot: a `file`, or an `image` of the store.

    `kernel` is what the catalog has of it; `arch` the one that was asked for, if one was.
    """

    name: str
    file: Path | None = None
    image: Image | None = None
    kernel: Kernel | None = None
    arch: Arch | None = None

    @property
    def has_modules(self) -> bool:
        return self.name.startswith(f"{BASE}:")


def find_subject(setting: Setting, meant: Meant) -> BootOperand:
    """What is meant; a UserError says what could be meant if it is nothing."""
    name, flavors = meant.name, [meant.flavor] if meant.flavor else []
    wanted = arch_called(meant.arch) if meant.arch else None
    path = file_named(name)
    if flavors and (path or ":" in name):
        raise UserError(f"{name} is of one flavor, whichever it is", hint="leave out --flavor")
    if path:
        return BootOperand(name, file=path, arch=wanted)
    if flavors:
        name = choose(setting, [name], [wanted.name] if wanted else None, flavors)[0].tag
    elif wanted and ":" not in name:
        with contextlib.suppress(UserError):  # what is no kernel of the catalog may still be a tag
            name = choose(setting, [name], [wanted.name])[0].tag
    tag, image = find_image(setting, name)
    if tag.partition(":")[0] not in (BASE, BIN):
        raise UserError(
            f"{tag} cannot be booted by itself",
            why="a boot test needs a kernel",
            hint=f"boot {BASE}:{tag.partition(':')[2]}, which has the kernel and its modules",
        )
    return BootOperand(tag, image=image, kernel=_kernel_of(setting, tag), arch=wanted)


def boot_subject(
    setting: Setting,
    subject: BootOperand,
    wish: BootWish,
    checks: Sequence[str],
    progress: Progress,
) -> BootReport:
    """Boot it with its checks, or with `checks` instead if there are any.

    One that takes a guest on a disk has all of them made there.
    """
    if disks := [name for name in checks if name in lab.DISKS]:
        wish = replace(wish, disk=max(disks, key=lambda name: lab.DISKS[name]))
        checks = [name for name in checks if name not in disks] or [lab.NO_CHECKS]
    if subject.file:
        proofs = _proofs(setting, subject, checks)
        builder = any_builder(setting, subject, progress)
        wish = replace(wish, proofs=proofs)
        return lab.boot_file(setting, subject.file, subject.arch, builder, wish, progress)
    assert subject.image is not None
    facts = read_facts(subject.image)
    if facts and subject.arch and facts.arch != subject.arch.name:
        reason = f"{subject.name} is a kernel for {facts.arch}, not for {subject.arch.name}"
        return lab.refused(Verdict.WRONG_ARCH, reason)
    wish = replace(wish.for_kernel(subject.kernel), proofs=_proofs(setting, subject, checks))
    builder = any_builder(setting, subject, progress)
    return lab.boot_image(setting, subject.image, builder, wish, progress)


def any_builder(setting: Setting, subject: BootOperand, progress: Progress) -> Builder:
    """A builder to compile the guest's init in: the kernel's own, or that of the newest kernel.

    Any will do; that one is most likely there.
    """
    kernel = subject.kernel or setting.catalog.kernels[-1]
    return pipeline.ensure_builder(setting, kernel.builder, progress)


def _kernel_of(setting: Setting, tag: str) -> Kernel | None:
    """The kernel of the catalog whose images are tagged so."""
    name = tag.partition(":")[2]
    with contextlib.suppress(UserError):
        for kernel in setting.catalog.select([name]):
            if kernel.tag == name:
                return kernel
    return None


def _proofs(setting: Setting, subject: BootOperand, names: Sequence[str]) -> tuple[GuestCheck, ...]:
    if subject.kernel and subject.has_modules:
        return lab.proofs_of_kernel(setting.catalog, subject.kernel, names)
    config = _config_of(setting, subject)
    return lab.proofs_of_config(setting.catalog, config, names, modules=subject.has_modules)


def _config_of(setting: Setting, subject: BootOperand) -> Config | None:
    """The config that a kernel tells, if it tells one."""
    with contextlib.suppress(UserError):
        if subject.file:
            return lab.config_of_file(subject.file)
        if subject.image:
            return lab.config_of_image(setting.layout, subject.image, subject.name)
    return None
