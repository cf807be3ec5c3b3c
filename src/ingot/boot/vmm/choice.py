"""Which machine a kernel is booted in, and whether this machine can run that one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping

from ingot.arch import Arch
from ingot.arch import arch as arch_named
from ingot.boot.boot_report import BootReport
from ingot.boot.vmm import cloud_hypervisor, firecracker, qemu
from ingot.boot.vmm.kvm import kvm_fault
from ingot.boot.vmm.machines import Guest, Machine, QemuMachine, machine_for, machines_of
from ingot.errors import MachineError
from ingot.suggestions import unknown_name

_VMM_PROGRAMS: Mapping[str, tuple[str, Callable[[Guest, Machine, float], BootReport]]] = {
    "firecracker": (firecracker.PROGRAM, firecracker.boot),
    "cloud-hypervisor": (cloud_hypervisor.PROGRAM, cloud_hypervisor.boot),
}
"""The VMMs that need KVM: their program, and how they boot a guest."""


def default_machine(arch: Arch, vmms: Iterable[str]) -> QemuMachine:
    """The first of QEMU's machines that represents one of these VMMs, or just the first."""
    wanted = set(vmms)
    for machine in machines_of(arch):
        if isinstance(machine, QemuMachine) and wanted & set(machine.represents):
            return machine
    return machine_for(arch)


def representatives(arch: Arch, vmms: Iterable[str]) -> dict[str, QemuMachine | None]:
    """For each VMM, the first of QEMU's machines that represents it; None if no machine does."""
    machines = [one for one in machines_of(arch) if isinstance(one, QemuMachine)]
    return {
        vmm: next((machine for machine in machines if vmm in machine.represents), None)
        for vmm in vmms
    }


def machine_named(arch: Arch, vmm: str, word: str = "") -> Machine:
    """The machine of a VMM with the name `word`, or its first.

    A UserError, which lists the known machines, if there is none.
    """
    known = machines_of(arch)
    of_vmm = [machine for machine in known if machine.vmm == vmm]
    if not of_vmm:
        what = f"Ingot cannot boot {arch.name} kernels in '{vmm}'"
        raise unknown_name(what, vmm, [one.vmm for one in known], listed="the VMMs are:")
    for machine in of_vmm:
        if word in ("", machine.short_name):
            return machine
    what = f"{vmm} has no machine '{word}' for {arch.name}"
    raise unknown_name(what, word, [machine.short_name for machine in of_vmm])


def obstacle(machine: Machine) -> str:
    """Why that machine cannot be started here; empty if it can be.

    KVM may be present and still not run kernels: see `boot`.
    """
    program = machine.program if isinstance(machine, QemuMachine) else _VMM_PROGRAMS[machine.vmm][0]
    if not shutil.which(program):
        return f"the program '{program}' is not installed"
    if isinstance(machine, QemuMachine):
        return ""
    if os.uname().machine != arch_named(machine.arch).machine:
        return f"{program} runs {machine.arch} kernels on {machine.arch} machines only"
    return kvm_fault()


def require(machine: Machine) -> None:
    """MachineError if that machine cannot be started here."""
    if reason := obstacle(machine):
        raise MachineError(f"{machine.name} cannot run on this computer", why=reason, hint=_HINT)


def boot(guest: Guest, machine: Machine, timeout: float) -> BootReport:
    """Boot a guest and judge it, within `timeout` seconds for each try.

    MachineError if that machine cannot be started here. Booting the kernel in QEMU shows whether
    KVM works: if it reaches init only without KVM, the VMM is not started.
    """
    require(machine)
    if isinstance(machine, QemuMachine):
        return qemu.boot(guest, machine, timeout)
    stand_in = default_machine(arch_named(machine.arch), machine.represents)
    tried = qemu.boot_with("kvm", guest, stand_in, timeout)
    if not _reached_init(tried) and _reached_init(qemu.boot_with("tcg", guest, stand_in, timeout)):
        raise MachineError(
            f"{machine.name} cannot run on this computer",
            why="the kernel boots with QEMU's emulation but not with KVM: " + tried.reason,
            hint=_HINT,
        )
    return _VMM_PROGRAMS[machine.vmm][1](guest, machine, timeout)


_HINT = "leave out --vmm to boot in the most similar QEMU machine, which does not need KVM"


def _reached_init(report: BootReport) -> bool:
    return bool(report.reports.checks)
