"""The programs kernels are compiled with: what each tells of itself, and how old it may be.

A builder that is no set of packages chosen for a series is asked for them before anything is
compiled. What they tell is a line each, by the tool's name:

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
    """A program that kernels are compiled with, and what is asked of its version.

    `name` is what it is called in the list. The `program`'s own name may begin with that of the
    target (`{cross}`). `like` is whose minimum it must have. `llvm` says which toolchain it is
    part of: None for both. One that is not `needed` is of use to some configs.
    """

    name: str
    program: str
    like: str = ""
    llvm: bool | None = None
    needed: bool = True
    question: tuple[str, ...] = ("--version",)


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
    Program("perl", "perl", question=("-e", "print qq(perl $^V\n)")),
    Program("python3", "python3"),
    Program("kmod", "depmod"),
    Program("openssl", "openssl", needed=False, question=("version",)),
    Program("pahole", "pahole", needed=False),
)

HEADERS: Mapping[str, tuple[str, ...]] = {
    "libelf": ("usr/include/gelf.h", "usr/include/libelf/gelf.h")
}
"""Files without which the kernel's own tools do not compile: what has them, where they may be."""


def programs(*, llvm: bool) -> tuple[Program, ...]:
    """What is asked for: gcc and binutils, or clang and lld, and what both need."""
    return tuple(program for program in _PROGRAMS if program.llvm in (None, llvm))


def line_of(program: Program, said: str) -> str:
    """What is listed of a program that said this when it was asked."""
    lines = [line.strip() for line in said.splitlines()]
    telling = next((line for line in lines if _VERSION.search(line)), "unknown")
    return f"{program.name}={telling}"


def require(builder: Builder, minimums: Mapping[str, str], kernel: str) -> None:
    """Raise a MachineError if a program is older than what compiling `kernel` needs at least.

    `minimums` are versions by the programs' names; what they do not name is not looked at, nor is
    a program that tells no version.
    """
    told = dict(line.split("=", 1) for line in builder.told)
    old = []
    for program in _PROGRAMS:
        least = minimums.get(program.like or program.name)
        number = _number(told.get(program.name, ""))
        if least and number and number < _number(least):
            old.append(f"{program.name} is '{told[program.name]}', and must be {least} or newer")
    if old:
        whose = (
            f"the builder '{builder.name}' has tools that"
            if builder.hermetic
            else ("this machine's tools")
        )
        raise MachineError(
            f"{whose} are too old to compile {kernel}",
            why="\n".join(old),
            hint="take newer ones, or compile in a builder of packages (--builder rootfs)",
        )


def _number(text: str) -> tuple[int, ...]:
    """The version in what a program says of itself; () if there is none.

    It is the first number that is no part of a word: `gcc (Debian 12.2.0-14) 12.2.0`.
    """
    match = _VERSION.search(text)
    return tuple(map(int, match[1].split("."))) if match else ()
