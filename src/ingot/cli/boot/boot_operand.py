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
from ingot.catalog import Kernel, Proof
from ingot.cli.shared.common_options import choose
from ingot.errors import UserError
from ingot.image_lookup import find_image
from ingot.images import BASE, KERNEL_LAYER, MODULES_LAYER, holds_layer, read_facts
from ingot.lab import BootRequest, NamedConfig
from ingot.oci import Image
from ingot.operands import (
    FileName,
    KernelName,
    StoreImage,
    not_taken,
    parse_operand,
)
from ingot.progress import Progress
from ingot.setting import Project, Setting

_NO_CONFIG = (
    "no checks were run but for the release and a clean end: the config of this kernel is not known"
)


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
        return holds_layer(self.name.partition(":")[0], MODULES_LAYER)


def find_subject(setting: Setting, meant: Meant) -> BootOperand:
    """The kernel that is meant; a UserError says what can be named if there is none."""
    wanted = arch_called(meant.arch) if meant.arch else None
    operand = parse_operand(meant.name)
    if meant.flavor and not isinstance(operand, KernelName):
        raise UserError(
            f"--flavor does not go with {meant.name}",
            why=f"that is {operand.kind}, which is of one flavor already",
            hint="leave out --flavor",
        )
    match operand:
        case FileName(path):
            return BootOperand(meant.name, file=path, arch=wanted)
        case KernelName():
            tag, image = find_image(
                setting.project, _variant(setting, operand, wanted, meant.flavor)
            )
        case StoreImage():
            tag, image = find_image(setting.project, operand)
        case other:
            raise not_taken(
                meant.name,
                other,
                "a kernel of the catalog, an image of the store or a file",
                f"get its files first: ingot pull {meant.name} --to DIR && ingot boot"
                " DIR/boot/vmlinux",
            )
    if not holds_layer(tag.partition(":")[0], KERNEL_LAYER):
        raise UserError(
            f"{tag} cannot be booted by itself",
            why="a boot test needs a kernel",
            hint=f"boot {BASE}:{tag.partition(':')[2]}, which has the kernel and its modules",
        )
    return BootOperand(tag, image=image, kernel=_kernel_of(setting.project, tag), arch=wanted)


def _variant(
    setting: Setting, named: KernelName, arch: Arch | None, flavor: str | None
) -> KernelName:
    """The kernel of this arch and flavor, where they are given."""
    arches = [arch.name] if arch else None
    if flavor:
        return KernelName(choose(setting, [named.name], arches, [flavor])[0].tag)
    if arch:
        with contextlib.suppress(UserError):  # what the catalog does not have may still be a tag
            return KernelName(choose(setting, [named.name], arches)[0].tag)
    return named


def boot_subject(
    setting: Setting,
    subject: BootOperand,
    wish: BootRequest,
    checks: Sequence[str],
    progress: Progress,
) -> BootReport:
    """Boot it with its checks, or with `checks` instead if there are any.

    One that takes a guest on a disk has all of them made there.
    """
    if disks := [name for name in checks if name in lab.DISKS]:
        wish = replace(wish, disk=max(disks, key=lambda name: lab.DISKS[name]))
        checks = [name for name in checks if name not in disks] or [lab.NO_CHECKS]
    config = None if _in_catalog(subject) else _config_of(setting, subject)
    report = _boot(setting, subject, wish, _proofs(setting, subject, config, checks), progress)
    if _in_catalog(subject) or checks or not report.command:
        return report
    if config and config.series and config.arch:
        return report
    return replace(report, notes=(*report.notes, _NO_CONFIG))


def _boot(
    setting: Setting,
    subject: BootOperand,
    wish: BootRequest,
    proofs: tuple[Proof, ...],
    progress: Progress,
) -> BootReport:
    if subject.file:
        builder = any_builder(setting, subject, progress)
        wish = replace(wish, proofs=proofs)
        return lab.boot_file(setting, subject.file, subject.arch, builder, wish, progress)
    assert subject.image is not None
    facts = read_facts(subject.image)
    if facts and subject.arch and facts.arch != subject.arch.name:
        reason = f"{subject.name} is a kernel for {facts.arch}, not for {subject.arch.name}"
        return lab.refused(Verdict.WRONG_ARCH, reason)
    wish = replace(wish.for_kernel(subject.kernel), proofs=proofs)
    builder = any_builder(setting, subject, progress)
    return lab.boot_image(setting, subject.image, builder, wish, progress)


def any_builder(setting: Setting, subject: BootOperand, progress: Progress) -> Builder:
    """A builder to compile the guest's init in: the kernel's own, or that of the newest kernel.

    Any will do; that one is most likely there.
    """
    kernel = subject.kernel or setting.project.catalog.kernels[-1]
    return pipeline.ensure_builder(setting, kernel.builder, progress)


def _kernel_of(project: Project, tag: str) -> Kernel | None:
    """The kernel of the catalog whose images are tagged so."""
    name = tag.partition(":")[2]
    with contextlib.suppress(UserError):
        for kernel in project.catalog.select([name]):
            if kernel.tag == name:
                return kernel
    return None


def _in_catalog(subject: BootOperand) -> bool:
    """Whether the catalog says what the kernel, with its modules, must pass."""
    return subject.kernel is not None and subject.has_modules


def _proofs(
    setting: Setting, subject: BootOperand, config: NamedConfig | None, names: Sequence[str]
) -> tuple[Proof, ...]:
    if subject.kernel and subject.has_modules:
        return lab.proofs_of_kernel(setting.project.catalog, subject.kernel, names)
    return lab.proofs_of_config(setting.project.catalog, config, names, modules=subject.has_modules)


def _config_of(setting: Setting, subject: BootOperand) -> NamedConfig | None:
    """The config that a kernel has with it, if it has one that names its series and arch."""
    with contextlib.suppress(UserError):
        if subject.file:
            return lab.config_of_file(subject.file)
        if subject.image:
            return lab.config_of_image(setting.project.layout, subject.image, subject.name)
    return None
