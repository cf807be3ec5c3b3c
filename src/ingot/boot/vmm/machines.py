"""The machines that guests are booted in, and what each offers to a guest.

QEMU has a machine for either kind of microVM. `microvm` is what Firecracker is: virtio over MMIO,
no PCI, the ELF kernel entered directly (QEMU: docs/system/i386/microvm.rst); `q35` is what Cloud
Hypervisor is: virtio over PCI, ACPI. On arm64 it is `virt`, with the interrupt controller, timer
and PSCI that both show as well (QEMU: docs/system/arm/virt.rst), and either transport.
Firecracker and Cloud Hypervisor themselves are machines too, on a machine that can run them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import Check, Expectation
from ingot.boot.seal import new_key
from ingot.errors import UserError

VHOST_VSOCK = Path("/dev/vhost-vsock")
MEMORY_MIB = 256
_WANTED_BACK_MIB = 16


@dataclass(frozen=True, slots=True)
class Guest:
    """What is booted: a kernel file, an initramfs (cpio), and what its init must report.

    `append` is what this kernel and its checks need on its command line, beside what the machine
    needs. One without `expected` has an init of its own, and need only end. `disks` are images of
    disks, vda first; a guest with a `scratch` disk has an empty one of 16 MiB before them. One with
    a `network` has a network card with nothing but an echo behind it. `skipped` are the checks that
    this guest is not asked for; `memory` is in MiB.
    """

    kernel: Path
    initramfs: bytes | None
    expected: Expectation | None
    append: str = ""
    disks: tuple[Path, ...] = ()
    scratch: bool = False
    network: bool = False
    skipped: tuple[Check, ...] = ()
    memory: int = MEMORY_MIB

    @property
    def wanted_back(self) -> int:
        """MiB that its balloon is to give back to the host, of a guest that proves that it can."""
        return _WANTED_BACK_MIB if self.expected else 0

    def for_one_boot(self) -> Guest:
        """The guest with a fresh key for the tags of its init's lines."""
        if self.expected is None:
            return self
        return replace(self, expected=replace(self.expected, key=new_key()))


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine for guests of one arch.

    `name` is what reports call it, `vmm` the program's: `qemu`, `firecracker` or
    `cloud-hypervisor`. A guest of one of the VMMs that it `stands_for` finds in it what it would
    find there. `offers` is what a guest truly has, in the words that checks use (`block`, `net`,
    `rng`, ...); `append` is the kernel's command line; `shutdown` is how init ends the guest.
    """

    name: str
    vmm: str
    arch: str
    stands_for: tuple[str, ...]
    offers: frozenset[str]
    append: str
    shutdown: str

    @property
    def word(self) -> str:
        """What it is called on a command line: `microvm`, `firecracker`."""
        return self.name.rpartition(" ")[2]


@dataclass(frozen=True, slots=True)
class QemuMachine(Machine):
    """How QEMU is such a machine: its program, machine, processor, console.

    `transport` ends the names of QEMU's virtio devices; `append_tcg` is what emulation needs on
    the command line. Where instructions are counted, the processor is `counting_cpu`, whose
    counter ticks once a nanosecond, `append_counting` is added to the command line, and
    `append_detailed` as well for the kernel to say what it is at.
    """

    program: str
    machine: str
    cpu: str
    devices: tuple[str, ...]
    transport: str
    append_tcg: str
    counting_cpu: str
    append_counting: str
    append_detailed: str


_ANY = frozenset({"block", "net", "rng", "balloon", "console", "9p"})

# `kvm`: emulation shows its guests AMD's virtualization, and guests of their own run in it.
# `reboot=k` is the shutdown Firecracker knows: init reboots, the kernel pulses the i8042, and
# the machine ends. Under TCG the kernel's calibration of the TSC against the PIT never ends:
# the frequency is given instead (kernel: admin-guide/kernel-parameters.txt, tsc_early_khz).
# Where instructions are counted, that calibration ends at once. `no_timer_check` leaves out what
# KVM's guests leave out by themselves (kernel: arch/x86/kernel/kvm.c, kvm_guest_init).
_MICROVM = QemuMachine(
    name="qemu microvm",
    vmm="qemu",
    arch="x86_64",
    stands_for=("firecracker", "qemu"),
    offers=_ANY | {"acpi", "keyboard", "kvm", "mmio", "reboot"},
    append="console=ttyS0 reboot=k panic=-1",
    shutdown="reboot",
    program="qemu-system-x86_64",
    machine="microvm,pit=on,pic=on,rtc=on,isa-serial=on",
    cpu="max",
    devices=("i8042",),
    transport="device",
    append_tcg="tsc_early_khz=2800000",
    counting_cpu="max",
    append_counting="no_timer_check",
    append_detailed="earlycon=uart8250,io,0x3f8 apic=verbose",
)
_Q35 = replace(
    _MICROVM,
    name="qemu q35",
    stands_for=("cloud-hypervisor",),
    offers=_ANY | {"acpi", "keyboard", "kvm", "pci", "pmem", "poweroff"},
    append="console=ttyS0 panic=-1",
    shutdown="poweroff",
    machine="q35",
    devices=(),
    transport="pci",
)
# pointer authentication by a cheap cipher: the architected one makes emulation crawl
_VIRT = QemuMachine(
    name="qemu virt",
    vmm="qemu",
    arch="arm64",
    stands_for=("firecracker",),
    offers=_ANY | {"mmio", "poweroff"},
    append="console=ttyAMA0 panic=-1",
    shutdown="poweroff",
    program="qemu-system-aarch64",
    machine="virt,gic-version=3",
    cpu="max,pauth-impdef=on",
    devices=(),
    transport="device",
    append_tcg="",
    counting_cpu="max,pauth-impdef=on,cntfrq=1000000000",
    append_counting="nokaslr",
    append_detailed="earlycon=pl011,0x9000000",
)
_VIRT_PCI = replace(
    _VIRT,
    name="qemu virt-pci",
    stands_for=("cloud-hypervisor", "qemu"),
    offers=_ANY | {"pci", "poweroff"},
    transport="pci",
)
QEMU_MACHINES: Sequence[QemuMachine] = (_MICROVM, _Q35, _VIRT, _VIRT_PCI)


def machine_for(arch: Arch) -> QemuMachine:
    """The machine that boots kernels of `arch` where none is asked for; a UserError without one."""
    for machine in QEMU_MACHINES:
        if machine.arch == arch.name:
            return with_host_devices(machine)
    raise UserError(f"Ingot has no QEMU machine for {arch.name}")


def with_host_devices(machine: QemuMachine) -> QemuMachine:
    """The machine with what it can offer since this host has it: vsock needs the host's vhost."""
    if os.access(VHOST_VSOCK, os.R_OK | os.W_OK):
        return replace(machine, offers=machine.offers | {"vsock"})
    return machine


def without_acpi(machine: QemuMachine) -> QemuMachine:
    """The machine for a kernel without a PVH entry: its devices are on the command line.

    Such a kernel is too old to be told the frequency of the TSC (tsc_early_khz), and under ACPI it
    waits for ever for timers that QEMU's microvm has not, or finds no tables: the entry that it
    gets (boot/vmm/pvh.S) passes none on. It has no ACPI under a Firecracker of its time either.
    """
    return replace(
        machine,
        machine=f"{machine.machine},acpi=off",
        offers=machine.offers - {"acpi"},
        append=f"{machine.append} acpi=off",
    )


_REAL = frozenset({"block", "rng", "balloon", "ptp", "vsock"})
_FIRECRACKER = Machine(
    name="firecracker",
    vmm="firecracker",
    arch="x86_64",
    stands_for=("firecracker",),
    offers=_REAL | {"keyboard", "mmio", "reboot"},
    append="console=ttyS0 reboot=k panic=-1",
    shutdown="reboot",
)
_CLOUD_HYPERVISOR = Machine(
    name="cloud-hypervisor",
    vmm="cloud-hypervisor",
    arch="x86_64",
    stands_for=("cloud-hypervisor",),
    offers=_REAL | {"acpi", "pci", "poweroff"},
    append="console=ttyS0 panic=0",
    shutdown="poweroff",
)
REAL_MACHINES: Sequence[Machine] = (
    _FIRECRACKER,
    replace(
        _FIRECRACKER,
        arch="arm64",
        offers=_REAL | {"mmio", "reboot"},
        append="console=ttyS0 panic=-1",
    ),
    _CLOUD_HYPERVISOR,
    replace(
        _CLOUD_HYPERVISOR,
        arch="arm64",
        offers=_REAL | {"pci", "poweroff"},
        append="console=ttyAMA0 panic=0",
    ),
)
"""The VMMs themselves. They have no network: that needs a tap device, which only root can make."""


def machines_of(arch: Arch) -> tuple[Machine, ...]:
    """All machines for kernels of an arch, QEMU's first, that of `machine_for` before all."""
    ours = [with_host_devices(one) for one in QEMU_MACHINES if one.arch == arch.name]
    return (*ours, *(one for one in REAL_MACHINES if one.arch == arch.name))
