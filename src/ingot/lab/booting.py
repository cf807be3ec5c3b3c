"""Boots the kernel of an image, or a kernel file, with the requested checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import BootReport, Outcome, Verdict
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
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting

QEMU = "qemu"
DISKS: Mapping[str, bool] = {"root-on-disk": False, "modules-volume": True}
"""The checks whose guest has its root on a disk, and whether its modules are on a second disk."""


@dataclass(frozen=True, slots=True)
class BootRequest:
    """How to boot a kernel.

    `machine` is the name of one of the VMM's machines; if it is empty, the first machine that
    represents one of `vmms` (the VMMs of the kernel) is used. `append` is added at the end of the
    kernel's command line. With a `disk`, a key of `DISKS`, the guest has its root on a disk instead
    of in an initramfs. If it `needs_a_check` and none of `checks` runs, a boot that ends as it
    should is not reported as passed, but as booted. `memory` is the guest's in MiB, 0 for as much
    as its contents need, and `cpus` the number of its processors.
    """

    checks: tuple[GuestCheck, ...] = ()
    vmm: str = QEMU
    machine: str = ""
    vmms: tuple[str, ...] = ()
    append: str = ""
    disk: str = ""
    needs_a_check: bool = False
    memory: int = 0
    cpus: int = 1

    def for_kernel(self, kernel: Kernel | None) -> BootRequest:
        """The request with the VMMs of a kernel of the catalog; unchanged without a kernel."""
        return replace(self, vmms=kernel.vmms) if kernel else self

    def sized(self, guest: Guest) -> Guest:
        """The guest with the requested memory and processors."""
        return replace(guest, memory=self.memory or guest.memory, cpus=self.cpus)

    def machine_for(self, arch: Arch) -> Machine:
        """The machine for kernels of `arch`; UserError if the requested one does not exist."""
        if self.vmm == QEMU and not self.machine:
            return choice.default_machine(arch, self.vmms)
        return choice.machine_named(arch, self.vmm, self.machine)

    def verdict_on(self, report: BootReport) -> Verdict:
        """The verdict of a report, which is not "passed" if a needed check did not run."""
        names = {check.name for check in self.checks}
        ran = any(
            check.name in names and check.outcome is not Outcome.SKIPPED for check in report.checks
        )
        if report.verdict is Verdict.PASSED and self.needs_a_check and not ran:
            return Verdict.BOOTED
        return report.verdict

    def notes_on(self, machine: Machine) -> tuple[str, ...]:
        """A note if that machine represents none of the kernel's VMMs."""
        if not self.vmms or set(self.vmms) & set(machine.represents):
            return ()
        names = ", ".join(self.vmms)
        return (f"{machine.name} does not represent a VMM of this kernel ({names})",)


def boot_image(
    setting: Setting, image: Image, builder: Builder, request: BootRequest, progress: Progress
) -> BootReport:
    """Boot the kernel of an image, with its modules if it has any, and return the report."""
    with prepared_target(setting.project, image, builder, progress) as target:
        return boot_prepared(setting, target, request, progress)


def boot_file(
    setting: Setting, kernel: Path, builder: Builder, request: BootRequest, progress: Progress
) -> BootReport:
    """Boot a kernel file that `refusal_of_file` accepts, without modules; return the report."""
    with prepared_target(setting.project, kernel, builder, progress) as target:
        return boot_prepared(setting, target, request, progress)


def refusal_of_file(kernel: Path, wanted: Arch | None) -> BootReport | None:
    """The report on a file that is not a kernel or is for another arch than `wanted`; else None.

    It takes milliseconds, and a builder minutes: this comes first.
    """
    try:
        found = read_bootable(kernel)
    except UserError as error:
        return refused(Verdict.NOT_STARTED, str(error))
    if found.arch is None or (wanted and found.arch != wanted.name):
        theirs = found.arch or "an arch that Ingot does not know"
        ours = f", not for {wanted.name}" if wanted else ""
        return refused(Verdict.WRONG_ARCH, f"{kernel.name} is a kernel for {theirs}{ours}")
    return None


def boot_prepared(
    setting: Setting, target: BootTarget, request: BootRequest, progress: Progress
) -> BootReport:
    """Boot a prepared kernel, and return the report."""
    (report,) = boot_each(setting, target, [request], progress)
    return report


def boot_each(
    setting: Setting, target: BootTarget, requests: Sequence[BootRequest], progress: Progress
) -> Iterator[BootReport]:
    """Boot a prepared kernel once for each request, one after the other, with the same init."""
    init = b""
    for request in requests:
        asked = ready_machine(request, target.arch, progress)
        title = "boot" if len(requests) == 1 else f"boot in {asked.short_name}"
        with progress.step(title) as step:
            init = init or compile_init(target.sandbox, target.arch)
            made = request.sized(_guest(target, asked, request, init))
            guest, machine = enter(target, made, asked)
            guest = replace(guest, append=command_line(guest.append, request.append))
            report = choice.boot(guest, machine, setting.options.boot_seconds)
            report = replace(report, verdict=request.verdict_on(report))
            step.result(f"{report.verdict.value} in {report.machine} ({report.accelerator})")
        yield replace(report, notes=(*report.notes, *request.notes_on(asked)))


def ready_machine(request: BootRequest, arch: Arch, progress: Progress) -> Machine:
    """The machine of a request, with notes on its limits; MachineError if it cannot start here."""
    machine = request.machine_for(arch)
    choice.require(machine)
    note_confinement(machine, progress)
    for note in request.notes_on(machine):
        progress.note(note)
    return machine


def note_confinement(machine: Machine, progress: Progress) -> None:
    """Report, once, if QEMU will run without its system call filter."""
    reason = confinement.new_fault(machine.program) if isinstance(machine, QemuMachine) else ""
    if reason:
        progress.note(f"QEMU runs without its system call filter: {reason}")


def refused(verdict: Verdict, reason: str) -> BootReport:
    """The report on a kernel that was not started."""
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


def enter(target: BootTarget, guest: Guest, machine: Machine) -> tuple[Guest, Machine]:
    """Guest and machine, changed if QEMU cannot enter this kernel by itself: see `enterable`."""
    if not isinstance(machine, QemuMachine):
        return guest, machine
    kernel, entered = enterable(target.sandbox, target.kernel, target.arch, machine)
    return replace(guest, kernel=kernel), entered


def _guest(target: BootTarget, machine: Machine, request: BootRequest, init: bytes) -> Guest:
    given = target.kernel, target.modules, target.release, init, machine, request.checks
    if request.disk:
        return make_disk_guest(*given, target.sandbox, volume=DISKS[request.disk])
    return make_guest(*given)
