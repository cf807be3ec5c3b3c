"""Giving a kernel the entry that QEMU needs, where it has none of its own.

QEMU enters an uncompressed x86_64 kernel at the address that a PVH note names (Xen:
docs/misc/pvh.pandoc). Linux has that note since 5.0 (CONFIG_PVH); Firecracker does without. So
that an older kernel can be tested as the very file that ships, a copy of it gets one more segment
(`pvh.S`), which goes on to the kernel's 64-bit entry as Firecracker would:

    the kernel's file, with a header that points to the new table
    the table of program headers, with two more: PT_LOAD for the entry, PT_NOTE for the note
    the note, the entry's code
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ingot.arch import Arch
from ingot.boot.vmm.machines import QemuMachine, without_acpi
from ingot.builder.sandbox import Sandbox, run_tool
from ingot.builder.toolchain import compiler
from ingot.elf import is_elf
from ingot.errors import UserError
from ingot.files import disk_errors

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_NOTE_HEADER = struct.Struct("<III")
_PT_LOAD, _PT_NOTE = 1, 4
_READ_EXECUTE = 5
_X86_64 = 62
_OWNER = b"Xen\0"
_PHYS32_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY
_TABLE_LIMIT = 128
_NOTES_LIMIT = 64 << 10
"""The most bytes of notes in a segment; a kernel has less than 1 KiB."""
_SOURCE = "pvh.S"

_BASE = 0x100000
"""Where `pvh.S` says that it is loaded."""
_MEMORY = 0x18000
"""What it takes from there, page tables and all."""


@dataclass(frozen=True, slots=True)
class _Kernel:
    """An ELF file: the fields of its header, its program headers, all of its bytes."""

    fields: tuple[bytes | int, ...]
    segments: tuple[tuple[int, ...], ...]
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        data = path.read_bytes()
        if len(data) < _HEADER.size:
            raise _unreadable(path)
        fields = _HEADER.unpack_from(data)
        at, size, count = fields[5], fields[9], fields[10]
        if size != _PROGRAM_HEADER.size or count > _TABLE_LIMIT or at + size * count > len(data):
            raise _unreadable(path)
        table = data[at : at + size * count]
        return cls(fields, tuple(_PROGRAM_HEADER.iter_unpack(table)), data)

    @property
    def machine(self) -> int:
        return int(self.fields[2])

    @property
    def entry(self) -> int:
        return int(self.fields[4])

    def has_pvh_note(self) -> bool:
        for kind, _, offset, _, _, size, _, alignment in self.segments:
            notes = self.data[offset : offset + min(size, _NOTES_LIMIT)]
            if kind == _PT_NOTE and _names_entry(notes, alignment):
                return True
        return False


def enterable(
    sandbox: Sandbox, kernel: Path, arch: Arch, machine: QemuMachine
) -> tuple[Path, QemuMachine]:
    """A kernel and a machine as QEMU can enter the one in the other; errors as of `with_entry`."""
    if not needs_entry(kernel):
        return kernel, machine
    return with_entry(sandbox, kernel, arch), without_acpi(machine)


def needs_entry(kernel: Path) -> bool:
    """Whether this is an x86_64 ELF kernel that QEMU could not enter by itself.

    UserError for an ELF file whose program headers cannot be read.
    """
    if not is_elf(kernel):
        return False
    read = _Kernel.read(kernel)
    return read.machine == _X86_64 and not read.has_pvh_note()


def with_entry(sandbox: Sandbox, kernel: Path, arch: Arch) -> Path:
    """A copy of the kernel, in the sandbox's results, with an entry that QEMU knows.

    The entry is assembled in the builder. Such a kernel is to be booted in a machine without ACPI
    (`machines.without_acpi`).
    """
    read = _Kernel.read(kernel)
    target = sandbox.results / "vmlinux.pvh"
    entered = _append(read, _assemble(sandbox, read, arch))
    with disk_errors(sandbox.results):
        target.write_bytes(entered)
    return target


def _assemble(sandbox: Sandbox, kernel: _Kernel, arch: Arch) -> bytes:
    source = sandbox.add_input(_SOURCE, Path(__file__).with_name(_SOURCE).read_bytes())
    sandbox = replace(sandbox, ccache=None)
    words = (
        *compiler(arch.cross, llvm=sandbox.builder.llvm),
        *("-nostdlib", "-static", "-no-pie", f"-DKERNEL_ENTRY={kernel.entry:#x}"),
        f"-Wl,-Ttext={_BASE:#x},--oformat=binary,--build-id=none",
        *("-o", "/build/pvh", source),
    )
    failure = "the entry for kernels without PVH does not assemble in this builder"
    run_tool(sandbox, words, failure, needs=words[0])
    return sandbox.read("pvh", _MEMORY)


def _append(kernel: _Kernel, code: bytes) -> bytes:
    """The file with the entry as its last segment."""
    start = -len(kernel.data) % 8 + len(kernel.data)
    note = _NOTE_HEADER.pack(len(_OWNER), 8, _PHYS32_ENTRY) + _OWNER + struct.pack("<Q", _BASE)
    note_at = start + _PROGRAM_HEADER.size * (len(kernel.segments) + 2)
    code_at = note_at + len(note)
    segments = (
        *kernel.segments,
        (_PT_LOAD, _READ_EXECUTE, code_at, _BASE, _BASE, len(code), _MEMORY, 1),
        (_PT_NOTE, _READ_EXECUTE, note_at, 0, 0, len(note), len(note), 4),
    )
    fields = list(kernel.fields)
    fields[5], fields[10] = start, len(segments)
    table = b"".join(_PROGRAM_HEADER.pack(*segment) for segment in segments)
    body = kernel.data[_HEADER.size :] + bytes(start - len(kernel.data))
    return _HEADER.pack(*fields) + body + table + note + code


def _names_entry(notes: bytes, alignment: int) -> bool:
    """Whether one of the notes is PVH's (ELF specification, "Note Section")."""
    step = max(alignment, 4)
    at = 0
    while at + _NOTE_HEADER.size <= len(notes):
        name_size, size, kind = _NOTE_HEADER.unpack_from(notes, at)
        name_at = at + _NOTE_HEADER.size
        if kind == _PHYS32_ENTRY and notes[name_at : name_at + name_size] == _OWNER:
            return True
        at = name_at + _padded(name_size, step) + _padded(size, step)
    return False


def _padded(size: int, step: int) -> int:
    return size + -size % step


def _unreadable(path: Path) -> UserError:
    return UserError(f"{path.name} is no kernel", why="its ELF program headers cannot be read")
