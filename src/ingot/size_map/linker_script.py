"""Finds the kernel section that each section of an object goes to, by the kernel's linker script.

The build writes `arch/<arch>/kernel/vmlinux.lds`, which names every section of the kernel, its
input sections, and those that are discarded:

    .init.text : AT(...) { _sinittext = .; *(.init.text .init.text.*) KEEP(*(SORT(.x*))) }
    /DISCARD/ : { *(.exitcall.exit) *(.discard) *(.discard.*) }

The first matching pattern decides; a section without one keeps its own name.
Source: binutils' documentation of `ld`, "SECTIONS", "Input Section" and "Orphan Sections".
"""

from __future__ import annotations

import fnmatch
import re

DISCARD = "/DISCARD/"
"""The name of the output section for input that is discarded."""

_LINE_MARK = re.compile(r"^#[^\n]*", re.MULTILINE)
"""A line marker of the preprocessor, which has removed the comments."""
_BLOCK = re.compile(r"(?:\A|(?<=[{};]))([^{};]*+)\{([^{}]*+)\}")
_INPUT = re.compile(r"\*\s*+\(((?:[^()]|\([^()]*+\))*+)\)")
_EXCLUDED = re.compile(r"EXCLUDE_FILE\s*+\([^()]*+\)")
_SORTED = re.compile(r"\b\w++\s*+\(([^()]*+)\)")
_WILD = re.compile(r"[*?\[]")


_MOST_PATTERNS = 20_000
"""The most patterns of a script; kernels have some 300, 100 of them with wildcards."""
_MOST_WILD = 2_000
_MOST_NAMES = 100_000
"""The most names of sections that are looked up; a kernel's objects have 20,000."""


class LinkerScript:
    """Maps the sections of objects to the sections of the kernel.

    ValueError for more patterns or names of sections than a kernel has.
    """

    def __init__(self, text: str) -> None:
        self._exact: dict[str, tuple[int, str]] = {}
        self._wild: list[tuple[int, str, re.Pattern[str]]] = []
        self._known: dict[str, str] = {}
        patterns = _patterns(text)
        wild = sum(1 for pattern, _ in patterns if _WILD.search(pattern))
        if len(patterns) > _MOST_PATTERNS or wild > _MOST_WILD:
            raise ValueError("it has more patterns than a kernel's linker script")
        for number, (pattern, target) in enumerate(patterns):
            if _WILD.search(pattern):
                self._wild.append((number, target, re.compile(fnmatch.translate(pattern))))
            else:
                self._exact.setdefault(pattern, (number, target))

    def place(self, section: str) -> str:
        """The section of the kernel that `section` goes to, or `DISCARD`."""
        if section not in self._known:
            if len(self._known) >= _MOST_NAMES:
                raise ValueError("there are more names of sections than a kernel has")
            self._known[section] = self._find(section)
        return self._known[section]

    def _find(self, section: str) -> str:
        first, target = self._exact.get(section, (None, section))
        for number, other, pattern in self._wild:
            if first is not None and number > first:
                break
            if pattern.match(section):
                return other
        return target


def _patterns(text: str) -> list[tuple[str, str]]:
    """Each pattern of the script with its output section, in order."""
    found = []
    for block in _BLOCK.finditer(_LINE_MARK.sub("", text)):
        if target := _name(block[1]):
            for given in _INPUT.finditer(block[2]):
                names = _SORTED.sub(r"\1", _EXCLUDED.sub(" ", given[1]))
                found += [(name, target) for name in names.split()]
    return found


def _name(heading: str) -> str:
    """The name of a block's output section; empty for PHDRS and similar blocks.

    It is before the last colon, and can be followed by an address (`0`) or a type (`(INFO)`). The
    text before it belongs to the previous block, or is an ASSERT.
    """
    words = heading.rpartition(":")[0].split()
    while words and (words[-1].startswith("(") or words[-1][0].isdigit()):
        words.pop()
    return words[-1] if words else ""
