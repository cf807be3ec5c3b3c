"""Booting a guest in one of QEMU's machines.

KVM is used if it really runs a guest, otherwise TCG, QEMU's own emulation: /dev/kvm can exist and
still not run a kernel. QEMU reads no configuration, has only the devices given here, and is not
allowed to start programs (`ingot.boot.vmm.confinement`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ingot.arch import arch as arch_named
from ingot.boot.boot_report import BootReport
from ingot.boot.vmm import confinement
from ingot.boot.vmm.kvm import kvm_fault
from ingot.boot.vmm.machines import MEMORY_MIB, Guest, QemuMachine
from ingot.boot.vmm.running import (
    command_line,
    disks_of,
    guest_directory,
    initramfs_in,
    root_of,
    run_guest,
)
from ingot.files import disk_errors
from ingot.process import run_in_terminal

_KVM_SILENCE_SECONDS = 6.0
"""A guest under a working KVM prints its first line at once, and never pauses this long."""
_KVM_TRIAL_SECONDS = 30.0

_ECHO = "restrict=on,guestfwd=tcp:10.0.2.100:7-chardev:echo"
"""A network only for the guest: data sent to 10.0.2.100:7 comes back, nothing else is reachable."""
_HVC = "hvc"
"""The ID of what hvc0 is connected to."""
_PMEM_MIB, _PMEM_ROOM_MIB = 16, 256
_SHARED_FILE = ("share", "file", b"proof\n")


def boot(guest: Guest, machine: QemuMachine, timeout: float) -> BootReport:
    """Boot the guest and judge it, within `timeout` seconds for each accelerator tried.

    If KVM is available, it is tried first. A boot that does not pass there is repeated under TCG,
    so that a KVM that cannot run guests is never mistaken for a kernel that cannot boot. A kernel
    that gets further under TCG has a note that says so.
    """
    if not can_accelerate(machine):
        return boot_with("tcg", guest, machine, timeout)
    tried = boot_with("kvm", guest, machine, timeout)
    if tried.passed:
        return tried
    report = boot_with("tcg", guest, machine, timeout)
    further = report.passed or (report.reports.checks and not tried.reports.checks)
    if not further:
        return report
    note = (
        f"with KVM the boot did not pass ({tried.reason or tried.verdict.value}):"
        " this is the result of QEMU's emulation"
    )
    return replace(report, notes=(*report.notes, note))


def can_accelerate(machine: QemuMachine) -> bool:
    """Whether KVM can be tried: it runs guests of the host's arch only."""
    return os.uname().machine == arch_named(machine.arch).machine and not kvm_fault()


def boot_with(accelerator: str, guest: Guest, machine: QemuMachine, timeout: float) -> BootReport:
    """Boot the guest under `kvm` or `tcg`, and judge it."""
    guest = guest.for_one_boot()
    wanted = guest.balloon_mib
    asked = {"balloon": {"value": (guest.memory - wanted) << 20}} if wanted else {}
    with guest_directory(root_of(guest)) as directory, _monitor(directory, asked) as monitor:
        command = [*_command(accelerator, guest, machine, directory), *_console(machine), *monitor]
        silence = _KVM_SILENCE_SECONDS if accelerator == "kvm" else None
        return run_guest(command, guest, machine, accelerator, timeout, silence=silence)


def boot_in_terminal(guest: Guest, machine: QemuMachine) -> None:
    """Boot the guest with this terminal as its console, until it ends or the user types Ctrl-A X.

    CommandFailedError if QEMU ends with an error.
    """
    accelerator = "kvm" if can_accelerate(machine) and _runs_under_kvm(guest, machine) else "tcg"
    with guest_directory(root_of(guest)) as directory:
        command = _command(accelerator, guest, machine, directory)
        run_in_terminal([*command, *_console(machine, ",mux=on,signal=off"), "-monitor", "none"])


def _console(machine: QemuMachine, options: str = "") -> list[str]:
    """QEMU's options that make its standard input and output the guest's console.

    With a multiplexer but no monitor, only the guest uses the terminal, and Ctrl-A X still ends
    QEMU. A guest's output can make a terminal send keys, which must not reach a monitor.
    """
    if machine.virtio_console:
        return ["-chardev", f"stdio,id={_HVC}{options}", "-serial", "none"]
    if options:
        return ["-chardev", f"stdio,id=console{options}", "-serial", "chardev:console"]
    return ["-serial", "stdio"]


def _runs_under_kvm(guest: Guest, machine: QemuMachine) -> bool:
    """Whether KVM runs the kernel until it looks for its root: a shell cannot be retried later."""
    bare = Guest(guest.kernel, None, None, guest.append)
    report = boot_with("kvm", bare, machine, _KVM_TRIAL_SECONDS)
    return any("VFS: Unable to mount root fs" in line for line in report.console)


def _command(accelerator: str, guest: Guest, machine: QemuMachine, directory: Path) -> list[str]:
    emulated = machine.append_tcg if accelerator == "tcg" else ""
    append = command_line(machine.append, emulated, guest.append)
    return [
        *base_command(machine, guest.kernel, directory, append, guest.memory, guest.cpus),
        *("-accel", accelerator, "-cpu", machine.cpu),
        *_devices(machine, guest, directory),
    ]


def base_command(
    machine: QemuMachine,
    kernel: Path,
    directory: Path,
    append: str,
    memory: int = MEMORY_MIB,
    cpus: int = 1,
) -> list[str]:
    """QEMU's command without accelerator, processor, console and virtio devices.

    `directory` is `guest_directory`'s; `memory` is in MiB.
    """
    initramfs = initramfs_in(directory)
    return [
        machine.program,
        *("-nodefaults", "-no-user-config", "-nographic", "-no-reboot"),
        *confinement.words(machine.program),
        *("-M", machine.machine, "-m", str(memory), "-smp", str(cpus)),
        *(word for device in machine.devices for word in ("-device", device)),
        *("-kernel", str(kernel)),
        *(("-initrd", str(initramfs)) if initramfs else ()),
        *("-append", append),
    ]


def _devices(machine: QemuMachine, guest: Guest, directory: Path) -> list[str]:
    """QEMU's options for the machine's virtio devices, and for the guest's disks."""
    words: list[str] = []

    def add(backend: tuple[str, str], device: str, options: str = "") -> None:
        words.extend((*backend, "-device", f"{device}-{machine.transport}{options}"))

    for number, disk in enumerate(disks_of(guest, directory)):
        drive = f"if=none,id=disk{number},format=raw,file={escaped(disk)}"
        add(("-drive", drive), "virtio-blk", f",drive=disk{number}")
    if guest.network:
        # over PCI, QEMU would look for a ROM to boot from the network
        rom = ",romfile=" if machine.transport == "pci" else ""
        words += ["-chardev", f"pipe,id=echo,path={escaped(_echo(directory))}"]
        add(("-netdev", f"user,id=net,{_ECHO}"), "virtio-net", f",netdev=net{rom}")
    add(("-object", "rng-random,id=rng,filename=/dev/urandom"), "virtio-rng", ",rng=rng")
    words += ["-device", f"virtio-balloon-{machine.transport}"]
    words += ["-device", f"virtio-serial-{machine.transport}"]
    words += [] if machine.virtio_console else ["-chardev", f"null,id={_HVC}"]
    words += ["-device", f"virtconsole,chardev={_HVC}"]
    share = f"local,id=share,path={escaped(_share(directory))},security_model=none,readonly=on"
    add(("-fsdev", share), "virtio-9p", ",fsdev=share,mount_tag=ingot")
    if "pmem" in machine.offers:
        words += _persistent_memory(guest, directory)
    if "vsock" in machine.offers:
        # an ID that no other guest has: this process' ID, above the reserved 0 to 2
        words += ["-device", f"vhost-vsock-{machine.transport},guest-cid={os.getpid() + 3}"]
    return words


def _persistent_memory(guest: Guest, directory: Path) -> list[str]:
    """QEMU's options for a persistent memory device, backed by a file."""
    path = directory / "pmem.img"
    with disk_errors(directory):
        path.touch()
        os.truncate(path, _PMEM_MIB << 20)
    backend = f"memory-backend-file,id=pmem,share=on,mem-path={escaped(path)},size={_PMEM_MIB}M"
    room = f"maxmem={guest.memory + _PMEM_ROOM_MIB}M"
    return ["-m", room, "-object", backend, "-device", "virtio-pmem-pci,memdev=pmem"]


@contextlib.contextmanager
def _monitor(directory: Path, commands: Mapping[str, object]) -> Iterator[list[str]]:
    """QEMU's options to run these commands when it starts (QEMU: QMP, over pipes).

    The commands are in the pipe, which this keeps open until the body ends.
    """
    if not commands:
        yield []
        return
    lines = [
        {"execute": name, "arguments": arguments}
        for name, arguments in {"qmp_capabilities": {}, **commands}.items()
    ]
    path = directory / "monitor"
    with disk_errors(directory):
        for end in ("in", "out"):
            os.mkfifo(f"{path}.{end}")
        pipe = os.open(f"{path}.in", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(pipe, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        device = f"pipe,id=monitor,path={escaped(path)}"
        yield ["-chardev", device, "-mon", "chardev=monitor,mode=control"]
    finally:
        os.close(pipe)


def _echo(directory: Path) -> Path:
    """A pipe whose two ends are the same: a device of QEMU reads back what it wrote."""
    path = directory / "echo"
    with disk_errors(directory):
        os.mkfifo(f"{path}.in")
        os.link(f"{path}.in", f"{path}.out")
    return path


def _share(directory: Path) -> Path:
    """The directory that the guest can mount, with one file in it."""
    name, file, content = _SHARED_FILE
    path = directory / name
    with disk_errors(directory):
        path.mkdir()
        (path / file).write_bytes(content)
    return path


def escaped(path: Path) -> str:
    """A path in QEMU's options: commas are doubled."""
    return str(path).replace(",", ",,")
