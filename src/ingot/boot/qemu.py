"""Booting a guest in the QEMU machine that stands in for a microVM of its arch.

On x86_64 that is `microvm`, which is what Firecracker is: virtio over MMIO, no PCI, the ELF
kernel entered directly (QEMU: docs/system/i386/microvm.rst). On arm64 it is `virt`, with the
interrupt controller, timer and PSCI that Firecracker and Cloud Hypervisor show as well (QEMU:
docs/system/arm/virt.rst). KVM is used where it truly runs a guest, and TCG,
QEMU's own emulation, otherwise: /dev/kvm can exist and still not run a kernel.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.report import BootReport, Expectation, judge
from ingot.errors import UserError
from ingot.files import disk_errors, remove_tree
from ingot.process import run

KVM = Path("/dev/kvm")
_KVM_SILENCE_SECONDS = 6.0
"""A guest under a KVM that works prints its first line at once, and never pauses this long."""

MEMORY_MIB = 256
_INITRAMFS = "initramfs.cpio"


@dataclass(frozen=True, slots=True)
class Machine:
    """How QEMU stands in for a microVM of one arch: program, machine, processor, console.

    `name` is what reports call it; `append` is the kernel's command line, `append_tcg` what
    emulation needs beside it; `shutdown` is how init ends the guest. Where instructions are
    counted, the processor is `counting_cpu`, whose counter ticks once a nanosecond,
    `append_counting` is added to the command line, and `append_detailed` as well for the kernel to
    say what it is at.
    """

    name: str
    program: str
    machine: str
    cpu: str
    devices: tuple[str, ...]
    append: str
    append_tcg: str
    shutdown: str
    counting_cpu: str
    append_counting: str
    append_detailed: str


# `reboot=k` is the shutdown Firecracker knows: init reboots, the kernel pulses the i8042, and
# the machine ends. Under TCG the kernel's calibration of the TSC against the PIT never ends:
# the frequency is given instead (kernel: admin-guide/kernel-parameters.txt, tsc_early_khz).
# Where instructions are counted, that calibration ends at once. `no_timer_check` leaves out what
# KVM's guests leave out by themselves (kernel: arch/x86/kernel/kvm.c, kvm_guest_init).
_MACHINES = {
    "x86_64": Machine(
        name="qemu microvm",
        program="qemu-system-x86_64",
        machine="microvm,pit=on,pic=on,rtc=on,isa-serial=on",
        cpu="max",
        devices=("i8042",),
        append="console=ttyS0 reboot=k panic=-1",
        append_tcg="tsc_early_khz=2800000",
        shutdown="reboot",
        counting_cpu="max",
        append_counting="no_timer_check",
        append_detailed="earlycon=uart8250,io,0x3f8 apic=verbose",
    ),
    # pointer authentication by a cheap cipher: the architected one makes emulation crawl
    "arm64": Machine(
        name="qemu virt",
        program="qemu-system-aarch64",
        machine="virt,gic-version=3",
        cpu="max,pauth-impdef=on",
        devices=(),
        append="console=ttyAMA0 panic=-1",
        append_tcg="",
        shutdown="poweroff",
        counting_cpu="max,pauth-impdef=on,cntfrq=1000000000",
        append_counting="nokaslr",
        append_detailed="earlycon=pl011,0x9000000",
    ),
}


@dataclass(frozen=True, slots=True)
class Guest:
    """What is booted: a kernel file, an initramfs (cpio), and what its init must report.

    `append` is what this kernel needs on its command line, beside what the machine needs.
    """

    kernel: Path
    initramfs: bytes
    expected: Expectation
    append: str = ""


def machine_for(arch: Arch) -> Machine:
    """The machine that boots kernels of `arch`; a UserError where there is none."""
    if arch.name not in _MACHINES:
        raise UserError(f"Ingot has no QEMU machine for {arch.name}")
    return _MACHINES[arch.name]


def boot(guest: Guest, arch: Arch, timeout: float) -> BootReport:
    """Boot the guest and judge it, within `timeout` seconds for each accelerator tried.

    Under KVM first, if it is there; what does not pass there is booted again under TCG, so
    that a KVM which cannot run a guest is never taken for a kernel that cannot boot.
    """
    machine = machine_for(arch)
    if os.access(KVM, os.R_OK | os.W_OK) and os.uname().machine == arch.machine:
        report = _boot_with("kvm", guest, machine, timeout)
        if report.passed:
            return report
    return _boot_with("tcg", guest, machine, timeout)


def _boot_with(accelerator: str, guest: Guest, machine: Machine, timeout: float) -> BootReport:
    append = " ".join(
        words
        for words in (
            machine.append,
            machine.append_tcg if accelerator == "tcg" else "",
            guest.append,
        )
        if words
    )
    with guest_folder(guest.initramfs) as folder:
        command = [
            *base_command(machine, guest.kernel, folder, append),
            *("-accel", accelerator, "-cpu", machine.cpu, "-serial", "stdio"),
        ]
        began = time.monotonic()
        silence = _KVM_SILENCE_SECONDS if accelerator == "kvm" else None
        result = run(command, check=False, timeout=timeout, silence=silence)
        seconds = time.monotonic() - began
    console = tuple(line for line in result.output.splitlines() if line.strip())
    verdict, checks = judge(
        guest.expected, console, returncode=result.returncode, timed_out=result.timed_out
    )
    return BootReport(verdict, machine.name, accelerator, seconds, checks, console, tuple(command))


@contextlib.contextmanager
def guest_folder(initramfs: bytes) -> Iterator[Path]:
    """A folder for what QEMU needs as files, with the initramfs in it; removed at the end."""
    root = Path(tempfile.gettempdir())
    with disk_errors(root):
        folder = Path(tempfile.mkdtemp(dir=root, prefix="ingot-boot-"))
    try:
        with disk_errors(root):
            (folder / _INITRAMFS).write_bytes(initramfs)
        yield folder
    finally:
        remove_tree(folder)


def base_command(machine: Machine, kernel: Path, folder: Path, append: str) -> list[str]:
    """QEMU's command but for accelerator, processor and console; `folder` is `guest_folder`'s."""
    return [
        machine.program,
        *("-nodefaults", "-no-user-config", "-nographic", "-no-reboot"),
        *("-M", machine.machine, "-m", str(MEMORY_MIB), "-smp", "1"),
        *(word for device in machine.devices for word in ("-device", device)),
        *("-kernel", str(kernel), "-initrd", str(folder / _INITRAMFS), "-append", append),
    ]
