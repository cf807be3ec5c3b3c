"""Tests whether KVM can run guests on this machine.

/dev/kvm can exist, make a virtual machine and a processor, and still fail to run an instruction. So
this runs one: an x86 processor starts at the last 16 bytes of the first 4 GiB, where the test puts
a page of HLT, which ends KVM_RUN at once without an interrupt controller (kernel:
Documentation/virt/kvm/api.rst). Other processors are only created.

A KVM that passes may still fail to run a whole kernel: some nested ones lack some instructions.
Only booting a kernel can find that out.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

DEVICE = Path("/dev/kvm")

# include/uapi/linux/kvm.h; the numbers are computed as in include/uapi/asm-generic/ioctl.h
_CREATE_VM = 0xAE01
_VCPU_STATE_SIZE = 0xAE04
_CREATE_VCPU = 0xAE41
_SET_MEMORY = 0x4020AE46
_RUN = 0xAE80
_REGION = struct.Struct("<IIQQQ")
_EXIT_REASON = struct.Struct("<I")
_EXIT_REASON_AT = 8
_EXIT_HLT = 5

_PAGE = 4096
_RESET_PAGE = 0xFFFFF000
_HLT = b"\xf4"
_RUN_SECONDS = 3.0


@functools.cache
def kvm_fault(device: Path = DEVICE) -> str:
    """Why KVM cannot run guests here; empty if it can. It is tried once per process."""
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"this user is not allowed to use {device}"
    try:
        with _opened(os.open(device, os.O_RDWR | os.O_CLOEXEC)) as kvm:
            return _try(kvm)
    except OSError as error:
        return f"{device} cannot make a virtual machine: {error.strerror}"


def _try(kvm: int) -> str:
    page = mmap.mmap(-1, _PAGE)
    page.write(_HLT * _PAGE)
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with _opened(fcntl.ioctl(kvm, _CREATE_VM, 0)) as machine:
        fcntl.ioctl(machine, _SET_MEMORY, _REGION.pack(0, 0, _RESET_PAGE, _PAGE, place))
        with _opened(fcntl.ioctl(machine, _CREATE_VCPU, 0)) as processor:
            if os.uname().machine != "x86_64":
                return ""
            state = mmap.mmap(processor, fcntl.ioctl(kvm, _VCPU_STATE_SIZE, 0))
            return _run(processor, state)


def _run(processor: int, state: mmap.mmap) -> str:
    """Run the processor in a thread, so that one that never returns does not block the caller."""
    outcome = ["an instruction never ended"]

    def run() -> None:
        try:
            fcntl.ioctl(processor, _RUN, 0)
            (reason,) = _EXIT_REASON.unpack_from(state, _EXIT_REASON_AT)
            outcome[0] = "" if reason == _EXIT_HLT else f"an instruction ended with exit {reason}"
        except OSError as error:
            outcome[0] = f"an instruction did not run: {error.strerror}"

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_RUN_SECONDS)
    return f"KVM cannot run a guest here: {outcome[0]}" if outcome[0] else ""


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
