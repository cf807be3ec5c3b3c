"""The programs that kernels are compiled with: their reported versions and the minimums.

A builder that is not made of packages for a series is examined before anything is compiled. The
result has a line for each tool, by its name:

    gcc=gcc (Debian 12.2.0-14) 12.2.0
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingot.builder.sandbox import Builder
from ingot.errors import MachineError

_VERSION = re.compile(r"(?<![\w.-])v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that kernels are compiled with, and how to find its version.

    `name` is its name in the list; `program` is the name of the file, which can contain the
    target's prefix (`{cross}`). `like` is the program whose minimum version applies. `llvm` is
    the toolchain it belongs to, None for both. Only some configs use one that is not `needed`.
    """

    name: str
    program: str
    like: str = ""
    llvm: bool | None = None
    needed: bool = True
    version_arguments: tuple[str, ...] = ("--version",)


_PROGRAMS = (
    Program("gcc", "{cross}gcc", llvm=False),
    Program("binutils", "{cross}ld", llvm=False),
    Program("host-gcc", "gcc", "gcc", llvm=False),
    Program("clang", "clang", llvm=True),
    Program("lld", "ld.lld", "clang", llvm=True),
    Program("llvm", "llvm-objcopy", "clang", llvm=True),
    Program("make", "make"),
    Program("flex", "flex"),
    Program("bison", "bison"),
    Program("bc", "bc"),
    Program("perl", "perl", version_arguments=("-e", "print qq(perl $^V\n)")),
    Program("python3", "python3"),
    Program("kmod", "depmod"),
    Program("openssl", "openssl", needed=False, version_arguments=("version",)),
    Program("pahole", "pahole", needed=False),
)

HEADERS: Mapping[str, tuple[str, ...]] = {
    "libelf": ("usr/include/gelf.h", "usr/include/libelf/gelf.h")
}
"""Headers that the kernel's own tools need, by library, with their possible paths."""


def programs(*, llvm: bool) -> tuple[Program, ...]:
    """The programs of one toolchain: gcc and binutils, or clang and lld, and the common ones."""
    return tuple(program for program in _PROGRAMS if program.llvm in (None, llvm))


def line_of(program: Program, output: str) -> str:
    """The line of the list for a program with this version output."""
    lines = [line.strip() for line in output.splitlines()]
    reported = next((line for line in lines if _VERSION.search(line)), "unknown")
    return f"{program.name}={reported}"


def require(builder: Builder, minimums: Mapping[str, str], kernel: str) -> None:
    """Raise a MachineError if a program is older than the minimum for compiling `kernel`.

    `minimums` are versions by the programs' names; programs without a minimum, and those that
    report no version, are not checked.
    """
    versions = dict(line.split("=", 1) for line in builder.tools)
    old = []
    for program in _PROGRAMS:
        least = minimums.get(program.like or program.name)
        number = _number(versions.get(program.name, ""))
        if least and number and number < _number(least):
            old.append(
                f"{program.name} is '{versions[program.name]}', and must be {least} or newer"
            )
    if old:
        owner = f"the builder '{builder.name}'" if builder.hermetic else "this machine"
        raise MachineError(
            f"tools of {owner} are too old to compile {kernel}",
            why="\n".join(old),
            hint="install newer ones, or compile in a builder of packages (--builder rootfs)",
        )


def _number(text: str) -> tuple[int, ...]:
    """The version in a program's version output; () if there is none.

    It is the first number that is not part of a word: `gcc (Debian 12.2.0-14) 12.2.0`.
    """
    match = _VERSION.search(text)
    return tuple(map(int, match[1].split("."))) if match else ()
