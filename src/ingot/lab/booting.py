"""Booting what an image holds, or a kernel file, with the checks that it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import BootReport, Verdict
from ingot.boot.guest.guest_contents import compile_init, make_guest
from ingot.boot.guest.root_disks import make_disk_guest
from ingot.boot.vmm import choice, confinement
from ingot.boot.vmm.machines import Guest, Machine, QemuMachine
from ingot.boot.vmm.pvh import enterable
from ingot.boot.vmm.running import command_line
from ingot.builder.sandbox import Builder
from ingot.catalog import GuestCheck, Kernel
from ingot.errors import UserError
from ingot.kernel_file import read_bootable
from ingot.lab.boot_target import BootTarget, laid_out
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting

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

    proofs: tuple[GuestCheck, ...] = ()
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

    def notes_on(self, machine: Machine) -> tuple[str, ...]:
        """What is to be known of the choice of that machine, if anything."""
        if not self.vmms or set(self.vmms) & set(machine.represents):
            return ()
        names = ", ".join(self.vmms)
        return (f"{machine.name} does not stand in for a VMM of this kernel ({names})",)


def boot_image(
    setting: Setting, image: Image, builder: Builder, wish: BootWish, progress: Progress
) -> BootReport:
    """Boot the kernel of an image, with its modules if it has them, and report."""
    with laid_out(setting.project, image, builder, progress) as subject:
        return boot_subject(setting, subject, wish, progress)


def boot_file(
    setting: Setting,
    kernel: Path,
    wanted: Arch | None,
    builder: Builder,
    wish: BootWish,
    progress: Progress,
) -> BootReport:
    """Boot a kernel file, without modules, and report.

    A file that is not a kernel, or is for another arch than `wanted`, is judged without a boot.
    """
    try:
        found = read_bootable(kernel)
    except UserError as error:
        return refused(Verdict.NOT_STARTED, str(error))
    if found.arch is None or (wanted and found.arch != wanted.name):
        theirs = found.arch or "an arch that Ingot does not know"
        ours = f", not for {wanted.name}" if wanted else ""
        return refused(Verdict.WRONG_ARCH, f"{kernel.name} is a kernel for {theirs}{ours}")
    with laid_out(setting.project, kernel, builder, progress) as subject:
        return boot_subject(setting, subject, wish, progress)


def boot_subject(
    setting: Setting, subject: BootTarget, wish: BootWish, progress: Progress
) -> BootReport:
    """Boot a kernel that is laid out, and report."""
    machine = wish.machine_for(subject.arch)
    choice.require(machine)
    tell_confinement(machine, progress)
    notes = wish.notes_on(machine)
    for note in notes:
        progress.note(note)
    with progress.step("boot") as step:
        guest, machine = enter(subject, _guest(subject, machine, wish), machine)
        guest = replace(guest, append=command_line(guest.append, wish.append))
        report = choice.boot(guest, machine, setting.options.boot_seconds)
        step.result(f"{report.verdict.value} in {report.machine} ({report.accelerator})")
    return replace(report, notes=notes)


def tell_confinement(machine: Machine, progress: Progress) -> None:
    """Note, once, where QEMU will run a kernel without a filter of its system calls."""
    reason = confinement.new_fault(machine.program) if isinstance(machine, QemuMachine) else ""
    if reason:
        progress.note(f"QEMU runs without its filter of system calls: {reason}")


def refused(verdict: Verdict, reason: str) -> BootReport:
    """The report on a kernel that was not started at all."""
    return BootReport(
        verdict=verdict,
        machine="none",
        accelerator="none",
        seconds=0.0,
        checks=(),
        console=(),
        command=(),
        cause=reason,
    )


def enter(subject: BootTarget, guest: Guest, machine: Machine) -> tuple[Guest, Machine]:
    """The guest and the machine as a kernel needs them that QEMU could not enter by itself."""
    if not isinstance(machine, QemuMachine):
        return guest, machine
    kernel, entered = enterable(subject.sandbox, subject.kernel, subject.arch, machine)
    return replace(guest, kernel=kernel), entered


def _guest(subject: BootTarget, machine: Machine, wish: BootWish) -> Guest:
    init = compile_init(subject.sandbox, subject.arch)
    given = subject.kernel, subject.modules, subject.release, init, machine, wish.proofs
    if wish.disk:
        return make_disk_guest(*given, subject.sandbox, volume=DISKS[wish.disk])
    return make_guest(*given)
