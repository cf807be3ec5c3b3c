"""The kernel's linker script: what goes where, and what goes nowhere."""

from __future__ import annotations

import pytest

from ingot.size_map.linker_script import DISCARD, LinkerScript

SCRIPT = """\
# 1 "/src/arch/x86/kernel/vmlinux.lds.S"
OUTPUT_ARCH(i386:x86-64)
PHDRS {
 text PT_LOAD FLAGS(5);
}
SECTIONS
{
 . = (0xffffffff80000000 + ALIGN(0x1000000, 0x200000));
 /DISCARD/ : { *(.interp .dynamic) }
 .text : AT(ADDR(.text) - 0xffffffff80000000) {
  _text = .;
# 12 "{ *(.not) }"
  KEEP(*(.head.text))
  *(.text.hot .text.hot.*) *(.text .text.fixup) . = ALIGN((1 << 21)); *(.entry.text)
  . += (2 * (3));
 } :text =0xcccc
 .rodata : AT(ADDR(.rodata) - 0x1) ALIGN(4096) { *(.rodata) *(.rodata.*) KEEP(*(SORT(___kentry+*))) }
 .data..percpu 0 : AT(__per_cpu_load - 0x1) { *(.data..percpu) } :percpu
 .got.plt (INFO) : { *(.got.plt) }
 .init.text : { *(.init.text .init.text.*) } :init
 .exit.text : { *(EXCLUDE_FILE(*head.o) .exit.text) }
 .bss : { *(.bss..page_aligned) *(.bss) *(.bss.[0-9]) }
 ASSERT(SIZEOF(.got.plt) == 0 || SIZEOF(.got.plt) == 0x18, "Unexpected")
 /DISCARD/ : { *(.exitcall.exit) *(.exit.text) *(.discard) *(.discard.*) *(.modinfo) }
}
"""  # noqa: E501 (as a kernel has it)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        (".text", ".text"),
        (".text.hot.early", ".text"),
        (".head.text", ".text"),
        (".entry.text", ".text"),
        (".rodata.str1.8", ".rodata"),
        ("___kentry+do_it", ".rodata"),
        (".data..percpu", ".data..percpu"),
        (".got.plt", ".got.plt"),
        (".init.text.main", ".init.text"),
        (".bss.7", ".bss"),
        (".interp", DISCARD),
        (".discard.addressable", DISCARD),
        (".modinfo", DISCARD),
        (".exitcall.exit", DISCARD),
    ],
)
def test_the_script_decides(section: str, place: str) -> None:
    assert LinkerScript(SCRIPT).place(section) == place


def test_the_first_pattern_that_fits_decides() -> None:
    assert LinkerScript(SCRIPT).place(".exit.text") == ".exit.text"
    late = ".first : { *(.a.b) } .second : { *(.a.*) } .third : { *(.a.b) *(.a.c) }"
    assert LinkerScript(late).place(".a.b") == ".first"
    assert LinkerScript(late).place(".a.c") == ".second"


def test_an_orphan_keeps_its_name() -> None:
    assert LinkerScript(SCRIPT).place("__bug_table") == "__bug_table"
    assert LinkerScript(SCRIPT).place(".not") == ".not"
    assert LinkerScript("").place(".text") == ".text"


@pytest.mark.parametrize(
    "text",
    [
        "*(" * 200_000,
        "a" * 400_000,
        "a : " * 100_000,
        "(" * 400_000,
        "{" * 400_000,
        "{",
        "}}}}",
        "{{{{ *(.text",
        ": { *(",
        "*(.text)",
        "x : { *([) }",
        "\0" * 1000,
    ],
)
def test_what_is_no_script_places_nothing(text: str) -> None:
    assert LinkerScript(text).place(".text") == ".text"


@pytest.mark.parametrize(
    "text",
    [
        ".text : { *(" + "a" * (1 << 20) + ") }",
        ".text : { *(" + "SORT(" * 200_000 + ") }",
        ".text : {" + "*(" * 300_000 + "}",
        ".text : { *(" + "EXCLUDE_FILE " * 19_000 + ") }",
    ],
    ids=["word", "sorts", "inputs", "excluded"],
)
def test_a_script_that_a_tree_made_long_is_read_once(text: str) -> None:
    """The first took hours where every letter of a word was a beginning."""
    assert LinkerScript(text).place(".data") == ".data"
