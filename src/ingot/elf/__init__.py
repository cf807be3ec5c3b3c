"""Reads ELF files and archives of them, and reduces a kernel to the parts that a VMM loads."""

from ingot.elf.header import (
    AARCH64,
    HEADER_SIZE,
    PT_LOAD,
    PT_NOTE,
    SEGMENT_SIZE,
    X86_64,
    ElfError,
    ElfHeader,
    Segment,
    is_elf,
    machine_of,
    read_at,
    read_header,
    read_segments,
)
from ingot.elf.loadable import write_loadable
from ingot.elf.sections import ElfSymbol, Section, defined_symbols, read_content, read_sections

__all__ = [
    "AARCH64",
    "HEADER_SIZE",
    "PT_LOAD",
    "PT_NOTE",
    "SEGMENT_SIZE",
    "X86_64",
    "ElfError",
    "ElfHeader",
    "ElfSymbol",
    "Section",
    "Segment",
    "defined_symbols",
    "is_elf",
    "machine_of",
    "read_at",
    "read_content",
    "read_header",
    "read_sections",
    "read_segments",
    "write_loadable",
]
