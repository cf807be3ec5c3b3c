"""ELF files: cutting a kernel down to what a VMM loads, and looking into what it was made of."""

from ingot.elf.header import ElfError, is_elf
from ingot.elf.loadable import write_loadable
from ingot.elf.sections import ElfSymbol, Section, defined_symbols, read_content, read_sections

__all__ = [
    "ElfError",
    "ElfSymbol",
    "Section",
    "defined_symbols",
    "is_elf",
    "read_content",
    "read_sections",
    "write_loadable",
]
