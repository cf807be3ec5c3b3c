"""Adds a PVH entry to kernels without one, since QEMU needs it.

QEMU enters an uncompressed x86_64 kernel at the address that a PVH note names (Xen:
docs/misc/pvh.pandoc). Linux has that note since 5.0 (CONFIG_PVH); Firecracker does not need it.
To test an older kernel with the file that ships, a copy of that file gets one more segment
(`pvh.S`), which jumps to the kernel's 64-bit entry as Firecracker does:

    the kernel's file, with a header that points to the new table
    the table of program headers, with two more: PT_LOAD for the entry, PT_NOTE for the note
    the note, the entry's code
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ingot.arch import Arch
from ingot.boot.vmm.machines import QemuMachine, without_acpi
from ingot.builder.sandbox import Sandbox, run_tool
from ingot.builder.toolchain import compiler
from ingot.elf import (
    HEADER_SIZE,
    PT_LOAD,
    PT_NOTE,
    SEGMENT_SIZE,
    ElfError,
    ElfHeader,
    Segment,
    is_elf,
    read_header,
    read_segments,
)
from ingot.files import disk_errors
from ingot.kernel_file import headers_unreadable, pvh_note, read_kernel

_READ_EXECUTE = 5
_MOST_SEGMENTS = 128
"""A kernel has about five; the header cannot count more than 65,535."""
_SOURCE = "pvh.S"

_BASE = 0x100000
"""Where `pvh.S` says that it is loaded."""
_MEMORY = 0x18000
"""What it takes from there, page tables and all."""


@dataclass(frozen=True, slots=True)
class _ElfKernel:
    """An ELF file: its header, its program headers, all of its bytes."""

    header: ElfHeader
    segments: tuple[Segment, ...]
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        data = path.read_bytes()
        try:
            header = read_header(io.BytesIO(data))
            segments = tuple(read_segments(io.BytesIO(data), header))
            if len(segments) > _MOST_SEGMENTS:
                raise ElfError(f"there are {len(segments)} of them")
        except ElfError as error:
            raise headers_unreadable(path.name, error) from None
        return cls(header, segments, data)


def enterable(
    sandbox: Sandbox, kernel: Path, arch: Arch, machine: QemuMachine
) -> tuple[Path, QemuMachine]:
    """A kernel and a machine as QEMU can enter the one in the other; errors as of `with_entry`."""
    if not needs_entry(kernel):
        return kernel, machine
    return with_entry(sandbox, kernel, arch), without_acpi(machine)


def needs_entry(kernel: Path) -> bool:
    """Whether this is an x86_64 ELF kernel that QEMU could not enter by itself.

    UserError for an ELF file that is not a kernel, or whose program headers cannot be read.
    """
    if not is_elf(kernel):
        return False
    read = read_kernel(kernel)
    return read.arch == "x86_64" and not read.has_pvh_entry()


def with_entry(sandbox: Sandbox, kernel: Path, arch: Arch) -> Path:
    """A copy of the kernel, in the sandbox's results, with an entry that QEMU knows.

    The entry is assembled in the builder. Such a kernel is to be booted in a machine without ACPI
    (`machines.without_acpi`).
    """
    read = _ElfKernel.read(kernel)
    target = sandbox.results / "vmlinux.pvh"
    entered = _append(read, _assemble(sandbox, read, arch))
    with disk_errors(sandbox.results):
        target.write_bytes(entered)
    return target


def _assemble(sandbox: Sandbox, kernel: _ElfKernel, arch: Arch) -> bytes:
    source = sandbox.add_input(_SOURCE, Path(__file__).with_name(_SOURCE).read_bytes())
    sandbox = replace(sandbox, ccache=None)
    words = (
        *compiler(arch.cross, llvm=sandbox.builder.llvm),
        *("-nostdlib", "-static", "-no-pie", f"-DKERNEL_ENTRY={kernel.header.entry:#x}"),
        f"-Wl,-Ttext={_BASE:#x},--oformat=binary,--build-id=none",
        *("-o", "/build/pvh", source),
    )
    failure = "the entry for kernels without PVH does not assemble in this builder"
    run_tool(sandbox, words, failure, needs=words[0])
    return sandbox.read("pvh", _MEMORY)


def _append(kernel: _ElfKernel, code: bytes) -> bytes:
    """The file with the entry as its last segment."""
    start = -len(kernel.data) % 8 + len(kernel.data)
    note = pvh_note(_BASE)
    note_at = start + SEGMENT_SIZE * (len(kernel.segments) + 2)
    code_at = note_at + len(note)
    segments = (
        *kernel.segments,
        Segment(
            kind=PT_LOAD,
            flags=_READ_EXECUTE,
            offset=code_at,
            virtual=_BASE,
            physical=_BASE,
            file_size=len(code),
            memory_size=_MEMORY,
            alignment=1,
        ),
        Segment(
            kind=PT_NOTE,
            flags=_READ_EXECUTE,
            offset=note_at,
            virtual=0,
            physical=0,
            file_size=len(note),
            memory_size=len(note),
            alignment=4,
        ),
    )
    header = kernel.header._replace(segments_offset=start, segments=len(segments))
    table = b"".join(segment.pack() for segment in segments)
    body = kernel.data[HEADER_SIZE:] + bytes(start - len(kernel.data))
    return header.pack() + body + table + note + code
