"""The operand of the verbs that boot: a kernel of the catalog, an image of the store, or a file."""

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
from ingot.errors import UserError
from ingot.image_lookup import find_kernel_image
from ingot.images import (
    BASE,
    KERNEL_LAYER,
    MODULES_LAYER,
    holds_layer,
    read_facts,
    split_modules,
    tag_with_modules,
)
from ingot.lab import BootRequest, NamedConfig
from ingot.oci import Image
from ingot.operands import FileName, KernelName, StoreImage, not_taken, parse_operand
from ingot.progress import Progress
from ingot.setting import Project, Setting

_ONLY_BASICS = "only the release and a clean shutdown were checked"


@dataclass(frozen=True, slots=True)
class KernelRequest:
    """The kernel that a command line names, and the values of --arch and --flavor if given."""

    name: str
    arch: str | None = None
    flavor: str | None = None

    def kernel_of_catalog(self, setting: Setting) -> Kernel | None:
        """The kernel of the catalog, which need not be built; None if the catalog lacks it."""
        arches, flavors = ([word] if word else None for word in (self.arch, self.flavor))
        with contextlib.suppress(UserError):
            return choose(setting, [self.name], arches, flavors)[0]
        return None


@dataclass(frozen=True, slots=True)
class BootOperand:
    """A kernel to boot: a `file`, or an `image` of the store.

    `kernel` is set if the catalog has it; `arch` is the value of --arch, if given.
    """

    name: str
    file: Path | None = None
    image: Image | None = None
    kernel: Kernel | None = None
    arch: Arch | None = None

    @property
    def has_modules(self) -> bool:
        return holds_layer(self.name.partition(":")[0], MODULES_LAYER)

    @property
    def whole_kernel(self) -> Kernel | None:
        """The kernel if it has its modules: then the catalog says which checks it must pass."""
        return self.kernel if self.has_modules else None


def find_boot_operand(setting: Setting, kernel_request: KernelRequest) -> BootOperand:
    """The kernel of a request; a UserError says what can be named if there is none."""
    wanted = arch_called(kernel_request.arch) if kernel_request.arch else None
    parsed = parse_operand(kernel_request.name)
    if kernel_request.flavor and not isinstance(parsed, KernelName):
        raise UserError(
            f"--flavor cannot be used with {kernel_request.name}",
            why=f"that is {parsed.kind}, which has one flavor already",
            hint="leave out --flavor",
        )
    match parsed:
        case FileName(path):
            return BootOperand(kernel_request.name, file=path, arch=wanted)
        case KernelName():
            tag, image = find_kernel_image(
                setting.project, _variant(setting, parsed, wanted, kernel_request.flavor)
            )
        case StoreImage():
            tag, image = find_kernel_image(setting.project, parsed)
        case other:
            raise not_taken(
                kernel_request.name,
                other,
                "a kernel of the catalog, an image of the store or a file",
                f"get its files first: ingot pull {kernel_request.name} --to DIR && ingot boot"
                " DIR/boot/vmlinux",
            )
    if not holds_layer(tag.partition(":")[0], KERNEL_LAYER):
        raise UserError(
            f"{tag} cannot be booted",
            why="it has no kernel",
            hint=f"boot {BASE}:{tag.partition(':')[2]}, which has the kernel and its modules",
        )
    if read_facts(image) is None:
        raise UserError(
            f"{tag} does not hold a kernel built by Ingot",
            why="it has no labels that describe a kernel",
            hint=f"boot its kernel as a file, which `ingot export {tag} --to DIR` writes",
        )
    return BootOperand(tag, image=image, kernel=_kernel_of(setting.project, tag), arch=wanted)


def _variant(
    setting: Setting, named: KernelName, arch: Arch | None, flavor: str | None
) -> KernelName:
    """The kernel of this arch and flavor, if they are given."""
    arches = [arch.name] if arch else None
    name, modules = split_modules(named.name)

    def chosen(flavors: list[str] | None) -> KernelName:
        tag = choose(setting, [name], arches, flavors)[0].tag
        return KernelName(tag_with_modules(tag, modules))

    if flavor:
        return chosen([flavor])
    if arch:
        with contextlib.suppress(UserError):  # a name that the catalog lacks may be a tag
            return chosen(None)
    return named


def boot_with_checks(
    setting: Setting,
    operand: BootOperand,
    request: BootRequest,
    checks: Sequence[str],
    progress: Progress,
) -> BootReport:
    """Boot a kernel with its checks, or with `checks` if there are any.

    If `checks` has a kind of disk (`lab.DISKS`), all checks run in a guest with that disk.
    """
    if disks := [name for name in checks if name in lab.DISKS]:
        request = replace(request, disk=max(disks, key=lambda name: lab.DISKS[name]))
        checks = [name for name in checks if name not in disks] or [lab.NO_CHECKS]
    config = _config_of(setting, operand)
    chosen = _select_checks(setting, operand, config, checks)
    needs_a_check = bool(chosen) or not (operand.whole_kernel or checks)
    request = replace(request, needs_a_check=needs_a_check)
    report = _boot(setting, operand, request, chosen, progress)
    if report.verdict is not Verdict.BOOTED:
        return report
    return replace(report, notes=(*report.notes, _reason_without_checks(chosen, config)))


def _reason_without_checks(chosen: Sequence[GuestCheck], config: NamedConfig | None) -> str:
    """Why no check of the kernel ran."""
    if chosen:
        return f"{_ONLY_BASICS}: this machine can run none of its {len(chosen)} checks"
    if config and config.series and config.arch:
        return f"{_ONLY_BASICS}: no check of the catalog fits the config of this kernel"
    return f"{_ONLY_BASICS}: the config of this kernel is not known"


def _boot(
    setting: Setting,
    operand: BootOperand,
    request: BootRequest,
    checks: tuple[GuestCheck, ...],
    progress: Progress,
) -> BootReport:
    if operand.file:
        if refusal := lab.refusal_of_file(operand.file, operand.arch):
            return refusal
        builder = any_builder(setting, operand, progress)
        request = replace(request, checks=checks)
        return lab.boot_file(setting, operand.file, builder, request, progress)
    assert operand.image is not None
    facts = read_facts(operand.image)
    if facts and operand.arch and facts.arch != operand.arch.name:
        reason = f"{operand.name} is a kernel for {facts.arch}, not for {operand.arch.name}"
        return lab.refused(Verdict.WRONG_ARCH, reason)
    request = replace(request.for_kernel(operand.kernel), checks=checks)
    builder = any_builder(setting, operand, progress)
    return lab.boot_image(setting, operand.image, builder, request, progress)


def any_builder(setting: Setting, operand: BootOperand, progress: Progress) -> Builder:
    """A builder to compile the guest's init in: the kernel's own, or that of the newest kernel.

    Any builder works; these are the most likely to exist already.
    """
    kernel = operand.kernel or setting.project.catalog.kernels[-1]
    return pipeline.ensure_builder(setting, kernel.builder, progress)


def _kernel_of(project: Project, tag: str) -> Kernel | None:
    """The kernel of the catalog whose images have this tag."""
    name, _ = split_modules(tag.partition(":")[2])
    with contextlib.suppress(UserError):
        for kernel in project.catalog.select([name]):
            if kernel.tag == name:
                return kernel
    return None


def checks_of_operand(setting: Setting, operand: BootOperand) -> tuple[GuestCheck, ...]:
    """The checks that a boot of the operand runs by default."""
    config = _config_of(setting, operand)
    return _select_checks(setting, operand, config, ())


def _select_checks(
    setting: Setting, operand: BootOperand, config: NamedConfig | None, names: Sequence[str]
) -> tuple[GuestCheck, ...]:
    catalog = setting.project.catalog
    added = lab.checks_of_modules(operand.image) if operand.image and not names else ()
    if kernel := operand.whole_kernel:
        resolved = config.config if config else None
        return (*lab.checks_of_kernel(catalog, kernel, names, config=resolved), *added)
    checks = lab.checks_of_config(catalog, config, names, modules=operand.has_modules)
    return (*checks, *added)


def _config_of(setting: Setting, operand: BootOperand) -> NamedConfig | None:
    """The config in a kernel's file or image, if it has one."""
    with contextlib.suppress(UserError):
        if operand.file:
            return lab.config_of_file(operand.file)
        if operand.image:
            return lab.config_of_image(setting.project.layout, operand.image, operand.name)
    return None
