"""The machines that guests are booted in, and what each offers to a guest.

QEMU has a machine for each kind of microVM. `microvm` is like Firecracker: virtio over MMIO, no
PCI, the ELF kernel entered directly (QEMU: docs/system/i386/microvm.rst). `q35` is like Cloud
Hypervisor: virtio over PCI, ACPI. On arm64 both are `virt`, with the same interrupt controller,
timer and PSCI as the two VMMs (QEMU: docs/system/arm/virt.rst), and virtio over MMIO or PCI.
Firecracker and Cloud Hypervisor themselves are machines too, where the host can run them.
Machines that end in `-hvc` have no serial console, as with libkrun (virtio over MMIO, and no ACPI)
and Apple's Virtualization framework (arm64, virtio over PCI).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import CheckResult, Expectation
from ingot.boot.seal import new_key
from ingot.errors import UserError

VHOST_VSOCK = Path("/dev/vhost-vsock")
MEMORY_MIB = 256
_BALLOON_MIB = 16


@dataclass(frozen=True, slots=True)
class Guest:
    """What to boot: a kernel file, an initramfs (cpio), and what its init must report.

    `append` is what this kernel and its checks need on the command line, in addition to the
    machine's. Without `expected`, the guest has its own init, and only has to end. `disks` are
    images of disks, vda first; `scratch` adds an empty one of 16 MiB before them. `network` adds a
    network card that only reaches an echo service. `skipped` are the checks that are not planned
    for this guest; `memory` is in MiB, `cpus` the number of its processors.
    """

    kernel: Path
    initramfs: bytes | None
    expected: Expectation | None
    append: str = ""
    disks: tuple[Path, ...] = ()
    scratch: bool = False
    network: bool = False
    skipped: tuple[CheckResult, ...] = ()
    memory: int = MEMORY_MIB
    cpus: int = 1

    @property
    def balloon_mib(self) -> int:
        """MiB that its balloon is to return to the host, if the guest runs checks."""
        return _BALLOON_MIB if self.expected else 0

    def for_one_boot(self) -> Guest:
        """The guest with a fresh key for the tags of its init's reports."""
        if self.expected is None:
            return self
        return replace(self, expected=replace(self.expected, key=new_key()))


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine for guests of one arch.

    `name` is its name in reports, `vmm` the VMM's program: `qemu`, `firecracker` or
    `cloud-hypervisor`. It `represents` VMMs: it has the devices that their guests have. `offers`
    are the devices and functions that its guests have, by the names that checks use (`block`,
    `net`, `rng`, ...). `append` is the kernel's command line, `shutdown` is how init ends the
    guest.
    """

    name: str
    vmm: str
    arch: str
    represents: tuple[str, ...]
    offers: frozenset[str]
    append: str
    shutdown: str

    @property
    def short_name(self) -> str:
        """Its name on a command line: `microvm`, `firecracker`."""
        return self.name.rpartition(" ")[2]


@dataclass(frozen=True, slots=True)
class QemuMachine(Machine):
    """A machine in QEMU: its program, machine type, processor and devices.

    `transport` is the suffix of QEMU's virtio devices; `append_tcg` is added to the command line
    under emulation. When instructions are counted, the processor is `counting_cpu`, whose counter
    ticks once a nanosecond, and `append_counting` is added to the command line; `append_detailed`
    as well for a kernel that logs its steps. With a `virtio_console`, that is the only console, as
    hvc0.
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
    virtio_console: bool = False


_ANY = frozenset({"block", "net", "rng", "balloon", "console", "9p"})

# `kvm`: emulation offers AMD's virtualization to its guests, which can run guests in it.
# `reboot=k` is the shutdown that Firecracker supports: init reboots, the kernel pulses the i8042,
# and the machine ends. Under TCG, the kernel's calibration of the TSC against the PIT never ends,
# so the frequency is set instead (kernel: admin-guide/kernel-parameters.txt, tsc_early_khz).
# When instructions are counted, that calibration ends at once. `no_timer_check` skips a check that
# KVM's guests skip by themselves (kernel: arch/x86/kernel/kvm.c, kvm_guest_init).
_MICROVM = QemuMachine(
    name="qemu microvm",
    vmm="qemu",
    arch="x86_64",
    represents=("firecracker", "qemu"),
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
    represents=("cloud-hypervisor", "crosvm"),
    offers=_ANY | {"acpi", "keyboard", "kvm", "pci", "pmem", "poweroff", "vmgenid"},
    append="console=ttyS0 panic=-1",
    shutdown="poweroff",
    machine="q35",
    devices=("vmgenid,guid=auto",),
    transport="pci",
)
# a cheap cipher for pointer authentication: emulating the architected one is very slow
_VIRT = QemuMachine(
    name="qemu virt",
    vmm="qemu",
    arch="arm64",
    represents=("firecracker",),
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
    represents=("cloud-hypervisor", "qemu", "crosvm"),
    offers=_ANY | {"pci", "poweroff"},
    transport="pci",
)
# announces its devices on the command line (QEMU: docs/system/i386/microvm.rst)
_MICROVM_HVC = replace(
    _MICROVM,
    name="qemu microvm-hvc",
    represents=("libkrun",),
    offers=_MICROVM.offers - {"acpi", "keyboard"},
    append="console=hvc0 reboot=k panic=-1",
    machine="microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=off",
    append_detailed="",
    virtio_console=True,
)
_VIRT_HVC = replace(
    _VIRT,
    name="qemu virt-hvc",
    represents=("libkrun",),
    append="console=hvc0 panic=-1",
    append_detailed="",
    virtio_console=True,
)
_VIRT_PCI_HVC = replace(
    _VIRT_HVC,
    name="qemu virt-pci-hvc",
    represents=("apple-virtualization",),
    offers=_VIRT_PCI.offers,
    transport="pci",
)
QEMU_MACHINES: Sequence[QemuMachine] = (
    *(_MICROVM, _Q35, _VIRT, _VIRT_PCI),
    *(_MICROVM_HVC, _VIRT_HVC, _VIRT_PCI_HVC),
)


def machine_for(arch: Arch) -> QemuMachine:
    """The default machine for kernels of `arch`; a UserError if there is none."""
    for machine in QEMU_MACHINES:
        if machine.arch == arch.name:
            return with_host_devices(machine)
    known = ", ".join(dict.fromkeys(machine.arch for machine in QEMU_MACHINES))
    raise UserError(
        f"Ingot has no QEMU machine for {arch.name}", hint=f"boot a kernel for one of: {known}"
    )


def with_host_devices(machine: QemuMachine) -> QemuMachine:
    """The machine with what this host adds: vsock, if the host has vhost-vsock."""
    if os.access(VHOST_VSOCK, os.R_OK | os.W_OK):
        return replace(machine, offers=machine.offers | {"vsock"})
    return machine


def without_acpi(machine: QemuMachine) -> QemuMachine:
    """The machine for a kernel without a PVH entry, with its devices on the command line.

    Such a kernel is too old for tsc_early_khz. With ACPI, it would wait forever for timers that
    QEMU's microvm does not have, or find no tables, since the entry that Ingot adds
    (boot/vmm/pvh.S) passes none on. Firecracker had no ACPI at the time of such kernels either.
    """
    return replace(
        machine,
        machine=f"{machine.machine},acpi=off",
        offers=machine.offers - {"acpi"},
        append=f"{machine.append} acpi=off",
    )


_REAL_DEVICES = frozenset({"block", "rng", "balloon", "ptp", "vsock"})
_FIRECRACKER = Machine(
    name="firecracker",
    vmm="firecracker",
    arch="x86_64",
    represents=("firecracker",),
    offers=_REAL_DEVICES | {"keyboard", "mmio", "reboot"},
    append="console=ttyS0 reboot=k panic=-1",
    shutdown="reboot",
)
_CLOUD_HYPERVISOR = Machine(
    name="cloud-hypervisor",
    vmm="cloud-hypervisor",
    arch="x86_64",
    represents=("cloud-hypervisor",),
    offers=_REAL_DEVICES | {"acpi", "pci", "poweroff"},
    append="console=ttyS0 panic=0",
    shutdown="poweroff",
)
REAL_MACHINES: Sequence[Machine] = (
    _FIRECRACKER,
    replace(
        _FIRECRACKER,
        arch="arm64",
        offers=_REAL_DEVICES | {"mmio", "reboot"},
        append="console=ttyS0 panic=-1",
    ),
    _CLOUD_HYPERVISOR,
    replace(
        _CLOUD_HYPERVISOR,
        arch="arm64",
        offers=_REAL_DEVICES | {"pci", "poweroff"},
        append="console=ttyAMA0 panic=0",
    ),
)
"""The VMMs themselves. They have no network, because only root can make the tap device for it."""


def machines_of(arch: Arch) -> tuple[Machine, ...]:
    """All machines for kernels of an arch: QEMU's first, beginning with that of `machine_for`."""
    ours = [with_host_devices(one) for one in QEMU_MACHINES if one.arch == arch.name]
    return (*ours, *(one for one in REAL_MACHINES if one.arch == arch.name))
