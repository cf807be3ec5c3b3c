"""Booting what an image holds, or a kernel file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import Arch, arch
from ingot.boot import choice
from ingot.boot.disks import make_disk_guest
from ingot.boot.guest import compile_init, make_guest
from ingot.boot.kernel_file import read_kernel
from ingot.boot.machines import Guest, Machine, QemuMachine, without_acpi
from ingot.boot.pvh import APPEND, needs_entry, with_entry
from ingot.boot.report import BootReport, Verdict
from ingot.boot.running import command_line
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import Kernel, Proof
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_FILE, Facts, read_facts
from ingot.oci import Image, extract
from ingot.pipeline.setting import Setting, in_use
from ingot.progress import Progress

QEMU = "qemu"
DISKS: Mapping[str, bool] = {"root-on-disk": False, "modules-volume": True}
"""The checks that take a guest with its root on a disk, and whether its modules are on another."""


@dataclass(frozen=True, slots=True)
class BootWish:
    """What a boot is to be like.

    `machine` is one of the VMM's; without one, the first that stands for one of `vmms`, which are
    those of the kernel. `append` comes last on the kernel's command line. On a `disk`, which is a
    key of `DISKS`, the guest has its root there instead of in an initramfs.
    """

    proofs: tuple[Proof, ...] = ()
    vmm: str = QEMU
    machine: str = ""
    vmms: tuple[str, ...] = ()
    append: str = ""
    disk: str = ""

    def for_kernel(self, kernel: Kernel | None) -> BootWish:
        """The wish for a kernel of the catalog, if it is one."""
        return replace(self, vmms=kernel.vmms) if kernel else self

    def machine_for(self, arch: Arch) -> Machine:
        """The machine for kernels of `arch`; a UserError if there is none as asked for."""
        if self.vmm == QEMU and not self.machine:
            return choice.default_machine(arch, self.vmms)
        return choice.machine_named(arch, self.vmm, self.machine)


@dataclass(frozen=True, slots=True)
class Subject:
    """A kernel on disk, its modules (a folder that may be missing), what it calls itself."""

    kernel: Path
    modules: Path
    release: str
    arch: Arch


def boot_image(
    setting: Setting, image: Image, builder: Builder, wish: BootWish, progress: Progress
) -> BootReport:
    """Boot the kernel of an image, with its modules if it has them, and report."""
    return _boot(setting, image, builder, wish, progress)


def boot_file(
    setting: Setting,
    kernel: Path,
    wanted: Arch | None,
    builder: Builder,
    wish: BootWish,
    progress: Progress,
) -> BootReport:
    """Boot a kernel file, without modules, and report.

    A file that is no kernel, or one for another arch than `wanted`, is judged without starting it.
    """
    try:
        found = read_kernel(kernel)
    except UserError as error:
        return refused(Verdict.NOT_STARTED, str(error))
    if found.arch is None or (wanted and found.arch != wanted.name):
        theirs = found.arch or "an arch that Ingot does not know"
        ours = f", not for {wanted.name}" if wanted else ""
        return refused(Verdict.WRONG_ARCH, f"{kernel.name} is a kernel for {theirs}{ours}")
    return _boot(setting, kernel, builder, wish, progress)


def refused(verdict: Verdict, reason: str) -> BootReport:
    """The report on a kernel that was not started at all."""
    return BootReport(verdict, "none", "none", 0.0, (), (), (), reason)


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
            hint=f"boot a {BASE} image: it has the kernel and its modules",
        )
    return facts


def lay_out(setting: Setting, kernel: Image | Path, folder: Path) -> Subject:
    """The kernel of an image, unpacked below `folder`, or a kernel file where it is.

    A UserError if there is no kernel.
    """
    if isinstance(kernel, Path):
        release = read_kernel(kernel).release or ""
        return Subject(kernel.absolute(), folder / "none", release, arch_of(kernel))
    facts = _facts(kernel)
    root = folder / "root"
    extract(setting.layout, kernel, root)
    modules = root / "lib/modules" / facts.release
    return Subject(root / KERNEL_FILE, modules, facts.release, arch(facts.arch))


def enter(
    sandbox: Sandbox, subject: Subject, guest: Guest, machine: Machine
) -> tuple[Guest, Machine]:
    """The guest and the machine as a kernel needs them that QEMU could not enter by itself."""
    if not isinstance(machine, QemuMachine) or not needs_entry(subject.kernel):
        return guest, machine
    kernel = with_entry(sandbox, subject.kernel, subject.arch)
    append = command_line(APPEND, guest.append)
    return replace(guest, kernel=kernel, append=append), without_acpi(machine)


def _boot(
    setting: Setting, kernel: Image | Path, builder: Builder, wish: BootWish, progress: Progress
) -> BootReport:
    machine = wish.machine_for(arch_of(kernel))
    choice.require(machine)
    with (
        in_use(setting, progress),
        setting.workspace.build_folder() as folder,
        progress.step("boot") as step,
    ):
        subject = lay_out(setting, kernel, folder)
        sandbox = Sandbox(builder, source=folder, build=folder)
        init = compile_init(sandbox, subject.arch)
        guest = _guest(sandbox, subject, init, machine, wish)
        guest, machine = enter(sandbox, subject, guest, machine)
        guest = replace(guest, append=command_line(guest.append, wish.append))
        report = choice.boot(guest, machine, setting.boot_seconds)
        step.result(f"{report.verdict.value} in {report.machine} ({report.accelerator})")
    return report


def _guest(
    sandbox: Sandbox, subject: Subject, init: bytes, machine: Machine, wish: BootWish
) -> Guest:
    given = subject.kernel, subject.modules, subject.release, init, machine, wish.proofs
    if wish.disk:
        return make_disk_guest(*given, sandbox, volume=DISKS[wish.disk])
    return make_guest(*given)
