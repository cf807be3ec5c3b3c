"""Tests whether QEMU can run a guest with KVM on this machine.

A KVM that runs an instruction (see `kvm`) can still refuse what QEMU sets up before a guest starts,
such as a register that the processor is said to have. The guest is a firmware of one page: at the
address where an x86 processor starts, it writes a byte to QEMU's device isa-debug-exit, and QEMU
ends with a code made of that byte (QEMU: hw/misc/debugexit.c).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingot.boot.vmm import confinement
from ingot.boot.vmm.machines import QemuMachine
from ingot.process import run

_FIRMWARE_BYTES = 64 << 10
_START = _FIRMWARE_BYTES - 16
_HLT = b"\xf4"
_BYTE = 0x2A
_CODE = b"\xb0" + bytes([_BYTE]) + b"\xe6\xf4" + _HLT  # mov al, BYTE; out 0xf4, al; hlt
_EXIT_CODE = _BYTE << 1 | 1
_SECONDS = 10.0
_LONGEST = 200


def qemu_kvm_fault(machine: QemuMachine) -> str:
    """Why QEMU cannot run guests of an x86 machine with KVM; empty if it can."""
    with tempfile.TemporaryDirectory(prefix="ingot-kvm-") as directory:
        firmware = Path(directory) / "firmware"
        firmware.write_bytes((_HLT * _START + _CODE).ljust(_FIRMWARE_BYTES, _HLT))
        result = run(_command(machine, firmware), check=False, timeout=_SECONDS)
    if result.returncode == _EXIT_CODE:
        return ""
    if result.timed_out:
        return f"a guest in {machine.program} never ran"
    lines = result.output.strip().splitlines()
    return lines[0][:_LONGEST] if lines else f"{machine.program} failed: {result.returncode}"


def _command(machine: QemuMachine, firmware: Path) -> list[str]:
    return [
        machine.program,
        *("-nodefaults", "-no-user-config", "-nographic", "-no-reboot"),
        *confinement.words(machine.program),
        *("-M", machine.machine, "-m", "16", "-accel", "kvm", "-cpu", machine.cpu),
        *("-bios", str(firmware), "-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
    ]
