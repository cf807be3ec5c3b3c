from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ingot.boot.vmm.pvh import _append, _ElfKernel, needs_entry
from ingot.errors import UserError

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
PVH_NOTE = struct.pack("<III", 4, 4, 18) + b"Xen\0" + struct.pack("<I", 0x1000300)
OTHER_NOTE = struct.pack("<III", 4, 20, 3) + b"GNU\0" + bytes(20)
X86_64, ARM64 = 62, 183
BANNER = b"Linux version 6.1.176 (ingot@ingot)"


def elf(path: Path, notes: bytes = b"", machine: int = X86_64, count: int | None = None) -> Path:
    """A kernel of one segment, and one of notes if there are any."""
    segments = 2 if notes else 1
    at = HEADER.size + segments * PROGRAM_HEADER.size
    table = PROGRAM_HEADER.pack(1, 5, at, 0x1000000, 0x1000000, 16, 16, 1)
    if notes:
        table += PROGRAM_HEADER.pack(4, 0, at + 16, 0, 0, len(notes), len(notes), 4)
    header = HEADER.pack(
        *(b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), 2, machine, 1, 0x1000200, 64, 0, 0),
        *(64, 56, segments if count is None else count, 0, 0, 0),
    )
    path.write_bytes(header + table + b"the kernel's own" + notes + BANNER)
    return path


def test_a_kernel_without_the_note_needs_an_entry(tmp_path: Path) -> None:
    assert needs_entry(elf(tmp_path / "vmlinux"))
    assert needs_entry(elf(tmp_path / "vmlinux", OTHER_NOTE))


def test_a_kernel_with_the_note_has_its_own(tmp_path: Path) -> None:
    assert not needs_entry(elf(tmp_path / "vmlinux", PVH_NOTE))
    assert not needs_entry(elf(tmp_path / "vmlinux", OTHER_NOTE + PVH_NOTE))


def test_what_is_entered_in_another_way_needs_none(tmp_path: Path) -> None:
    assert not needs_entry(elf(tmp_path / "vmlinux", machine=ARM64))
    image = tmp_path / "Image"
    image.write_bytes(b"MZ\x40\xfa" + bytes(100))
    assert not needs_entry(image)


@pytest.mark.parametrize("count", [0xFFFF, 100])
def test_a_table_that_is_not_there_is_told(tmp_path: Path, count: int) -> None:
    with pytest.raises(UserError, match="program headers"):
        needs_entry(elf(tmp_path / "vmlinux", count=count))


def test_a_header_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(b"\x7fELF\x02\x01")
    with pytest.raises(UserError, match="not a kernel"):
        needs_entry(path)


@pytest.mark.parametrize("notes", [OTHER_NOTE[:14], OTHER_NOTE[:8], b"\xff" * 40])
def test_notes_that_are_cut_off_hold_no_entry(tmp_path: Path, notes: bytes) -> None:
    assert needs_entry(elf(tmp_path / "vmlinux", notes))


def test_the_entry_is_added_and_the_kernel_kept(tmp_path: Path) -> None:
    path = elf(tmp_path / "vmlinux", OTHER_NOTE)
    before = path.read_bytes()
    path.write_bytes(_append(_ElfKernel.read(path), b"\xfc\x90code"))
    after = path.read_bytes()
    assert not needs_entry(path)
    # but for the header, which counts two segments more and finds them at the end
    assert after[HEADER.size : len(before)] == before[HEADER.size :]
    kernel = _ElfKernel.read(path)
    assert kernel.header.entry == 0x1000200
    *old, load, note = kernel.segments
    assert old == list(_ElfKernel.read(elf(tmp_path / "before", OTHER_NOTE)).segments)
    assert after[load[2] : load[2] + load[5]] == b"\xfc\x90code"
    assert load[3] == load[4] == 0x100000
    assert after[note[2] : note[2] + note[5]].endswith(struct.pack("<Q", 0x100000))


def test_a_kernel_with_more_segments_than_the_header_counts_gets_no_entry(tmp_path: Path) -> None:
    path = elf(tmp_path / "vmlinux", count=0xFFFF)
    path.write_bytes(path.read_bytes() + bytes(56 * 0xFFFF))
    with pytest.raises(UserError, match="65535 of them"):
        _ElfKernel.read(path)
