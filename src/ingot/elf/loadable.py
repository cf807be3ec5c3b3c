"""Reduces an ELF kernel to the parts that a VMM loads.

A VMM reads the ELF header, the program headers and their segments, and never the section headers
(System V ABI, chapter 5 "Program Loading"; PVH reads its entry from a note segment: Xen,
docs/misc/pvh.pandoc). So the symbol table, relocations, debug information and the section headers
are removed, and also the gaps between segments: the linker aligns each segment to 2 MiB in the
file, for loaders that map files, but VMMs copy them.

    ELF header, program headers
    the bytes of each PT_LOAD segment, in order, at offsets aligned to a page
    (PT_NOTE and others point into these, as before)

A plain container build does this with the builder's own Python
(`pipeline.containerfile_writer`): this file, and those it imports, work with Python 3.7.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ingot.elf.header import (
    HEADER_SIZE,
    PT_LOAD,
    SEGMENT_SIZE,
    ElfError,
    ElfHeader,
    Segment,
    is_elf,
    read_at,
    read_header,
    read_segments,
)
from ingot.errors import BuildError

_ALIGNMENT = 4096
_CHUNK = 1 << 20


def write_loadable(source: Path, target: Path) -> None:
    """Write the parts of the 64-bit ELF file `source` that a loader reads to `target`.

    Both files give the same memory contents when loaded. Raises BuildError if the segments of the
    file cannot be read.
    """
    with source.open("rb") as file:
        header, segments = _read(file, source)
        if sum(s.file_size for s in segments if s.kind == PT_LOAD) > source.stat().st_size:
            # else a small file could name the same bytes any number of times
            raise _not_loadable(source, "its segments have more bytes than the file")
        placed = _place(segments, source)
        with target.open("wb") as out:
            out.write(_without_sections(header, len(placed)).pack())
            out.write(b"".join(new.pack() for _, new in placed))
            for old, new in placed:
                if old.kind == PT_LOAD:
                    out.write(bytes(new.offset - out.tell()))
                    _copy(file, old, out, source)


def _read(file: BinaryIO, path: Path) -> tuple[ElfHeader, list[Segment]]:
    """The ELF header and the program headers, as they are."""
    try:
        header = read_header(file)
        segments = read_segments(file, header)
    except ElfError as error:
        raise _not_loadable(path, str(error)) from None
    return header, segments


def _without_sections(header: ElfHeader, segments: int) -> ElfHeader:
    """The ELF header, followed directly by the program headers, without sections."""
    return header._replace(
        segments_offset=HEADER_SIZE,
        sections_offset=0,
        segments=segments,
        section_size=0,
        sections=0,
        names=0,
    )


def _place(segments: Sequence[Segment], path: Path) -> list[tuple[Segment, Segment]]:
    """Each program header, old and new: the loaded segments are placed without gaps."""
    loaded: list[tuple[Segment, Segment]] = []
    end = HEADER_SIZE + len(segments) * SEGMENT_SIZE
    for old in sorted((s for s in segments if s.kind == PT_LOAD), key=lambda s: s.offset):
        # the ABI requires offset and address to be equal modulo the alignment
        offset = end + (old.virtual - end) % _ALIGNMENT
        new = old._replace(offset=offset, alignment=min(old.alignment, _ALIGNMENT))
        loaded.append((old, new))
        end = offset + old.file_size
    if not loaded:
        raise _not_loadable(path, "it has no segment to load")
    rest = [(s, _within(s, loaded)) for s in segments if s.kind != PT_LOAD]
    return [*loaded, *((old, new) for old, new in rest if new)]


def _within(segment: Segment, loaded: Sequence[tuple[Segment, Segment]]) -> Segment | None:
    """A segment within a loaded one, moved with it; None for a segment that is not loaded."""
    if not segment.file_size:
        return segment._replace(offset=0)
    for old, new in loaded:
        if old.holds(segment):
            return segment._replace(offset=segment.offset - old.offset + new.offset)
    return None


def _copy(file: BinaryIO, segment: Segment, out: BinaryIO, path: Path) -> None:
    done = 0
    while done < segment.file_size:
        data = read_at(file, segment.offset + done, min(segment.file_size - done, _CHUNK))
        if not data:
            raise _not_loadable(path, "a segment is cut off")
        out.write(data)
        done += len(data)


def _not_loadable(path: Path, why: str) -> BuildError:
    return BuildError(f"{path.name} cannot be reduced to the parts that a VMM loads", why=why)


if __name__ == "__main__":
    made, shipped = map(Path, sys.argv[1:])
    if is_elf(made):
        write_loadable(made, shipped)
    else:
        shutil.copyfile(made, shipped)
