"""The machine's own compiler as a builder: nothing to make, and nothing that machines share.

What is compiled sees the machine's /usr, read-only, and of /etc only what programs are found
through, in the same sandbox as everywhere. Its digest is that of the versions its tools tell:
the same versions may still be other programs on another machine, so it is not hermetic.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.packages import digest_of
from ingot.builder.sandbox import SEARCH_PATH, Builder
from ingot.builder.site import Site
from ingot.builder.toolchain import compiler
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError
from ingot.process import run
from ingot.progress import Progress

SHOWN = (
    *("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"),
    # not all of /etc: it has secrets, which root may read in the sandbox as well
    *("etc/alternatives", "etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d"),
)
_VERSION = re.compile(r"(?<![\w.-])v?(\d+(?:\.\d+)*)")
_PLAIN = {"LC_ALL": "C"}
_BINUTILS = ("as", "ld", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "size", "strip")


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program, or a file, that kernels are compiled with, and what is asked of its version.

    `name` is what it is called in the builder's list. The program's name may begin with that of
    the target (`{cross}`). `like` is whose minimum it must have. `llvm` says which toolchain it is
    part of: None for both. One that is not `needed` is of use to some configs.
    """

    name: str
    program: str
    like: str = ""
    llvm: bool | None = None
    needed: bool = True
    question: tuple[str, ...] = ("--version",)


_TOOLS = (
    _Tool("gcc", "{cross}gcc", llvm=False),
    _Tool("binutils", "{cross}ld", llvm=False),
    _Tool("host-gcc", "gcc", "gcc", llvm=False),
    _Tool("clang", "clang", llvm=True),
    _Tool("lld", "ld.lld", "clang", llvm=True),
    _Tool("llvm", "llvm-objcopy", "clang", llvm=True),
    _Tool("make", "make"),
    _Tool("flex", "flex"),
    _Tool("bison", "bison"),
    _Tool("bc", "bc"),
    _Tool("perl", "perl", question=("-e", "print qq(perl $^V\n)")),
    _Tool("python3", "python3"),
    _Tool("kmod", "depmod"),
    _Tool("openssl", "openssl", needed=False, question=("version",)),
    _Tool("pahole", "pahole", needed=False),
)
_HEADERS = {"libelf": ("usr/include/gelf.h", "usr/include/libelf/gelf.h")}
"""Files without which the kernel's own tools do not compile: what has them, where they may be."""


def packages(spec: BuilderSpec, arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The tools that would compile for `arch`, a line each; None if one is missing."""
    lines, missing = _examine(spec, arch, site.host)
    return None if missing else lines


def ensure(spec: BuilderSpec, arch: Arch, site: Site, _progress: Progress) -> Builder:
    """The builder, ready to be entered; a MachineError names what it lacks to compile for `arch`."""
    lines, missing = _examine(spec, arch, site.host)
    if missing:
        raise MachineError(
            f"this machine cannot compile {arch.name} kernels: it lacks {', '.join(missing)}",
            hint="install what is missing, or compile in a builder of packages (--builder rootfs)",
        )
    return Builder(
        spec.name,
        digest_of(lines),
        Path("/"),
        lines,
        hermetic=False,
        llvm=spec.llvm,
        shown=SHOWN,
        aliases=_aliases(arch, site.host),
    )


def require(builder: Builder, minimums: Mapping[str, str], kernel: str) -> None:
    """Raise a MachineError if a tool is older than what compiling `kernel` needs at least.

    `minimums` are versions by the tools' names; what they do not name is not looked at, nor is
    a tool that tells no version.
    """
    told = dict(line.split("=", 1) for line in builder.packages)
    old = []
    for tool in _TOOLS:
        least = minimums.get(tool.like or tool.name)
        number = _number(told.get(tool.name, ""))
        if least and number and number < _number(least):
            old.append(f"{tool.name} is '{told[tool.name]}', and must be {least} or newer")
    if old:
        raise MachineError(
            f"this machine's tools are too old to compile {kernel}",
            why="\n".join(old),
            hint="install newer ones, or compile in a builder of packages (--builder rootfs)",
        )


def _examine(spec: BuilderSpec, arch: Arch, host: Arch) -> tuple[tuple[str, ...], list[str]]:
    """The lines of the tools that are there, and the names of needed ones that are not."""
    lines, missing = [f"machine={host.machine}"], []
    for tool in _TOOLS:
        if tool.llvm not in (None, spec.llvm):
            continue
        path = _find(tool.program, arch, host)
        if path:
            said = run([path, *tool.question], env=_PLAIN, check=False).output
            lines.append(f"{tool.name}={_telling_line(said)}")
        elif tool.needed:
            missing.append(tool.program.format(cross=arch.cross))
    for name, places in _HEADERS.items():
        if not any((Path("/") / place).exists() for place in places):
            missing.append(f"{name}'s headers")
    if not missing and not _has_static_libc(spec, arch, host):
        missing.append(f"a static libc for {arch.name}, which the boot test's init is made with")
    return tuple(sorted(lines)), missing


def _has_static_libc(spec: BuilderSpec, arch: Arch, host: Arch) -> bool:
    """Whether the compiler knows a libc.a (gcc(1), -print-file-name: without one, no path)."""
    path = _find("clang" if spec.llvm else "{cross}gcc", arch, host)
    assert path is not None
    words = compiler(arch.cross, llvm=spec.llvm)[1:]
    said = run([path, *words, "-print-file-name=libc.a"], env=_PLAIN, check=False).output
    return said.startswith("/")


def _find(program: str, arch: Arch, host: Arch) -> str | None:
    """The path of a program in the sandbox; the machine's own toolchain may go without a prefix."""
    found = shutil.which(program.format(cross=arch.cross), path=SEARCH_PATH)
    if found is None and arch == host:
        return shutil.which(program.format(cross=""), path=SEARCH_PATH)
    return found


def _aliases(arch: Arch, host: Arch) -> dict[str, str]:
    """The names that the kernel's make asks for, for tools that this machine calls otherwise."""
    return dict(_own_names(arch)) if arch == host else {}


def _own_names(arch: Arch) -> Iterator[tuple[str, str]]:
    for program in ("gcc", *_BINUTILS):
        name = f"{arch.cross}{program}"
        own = shutil.which(program, path=SEARCH_PATH)
        if own and not shutil.which(name, path=SEARCH_PATH):
            yield name, own


def _telling_line(output: str) -> str:
    """Of what a tool says of itself, the first line with a version."""
    lines = [line.strip() for line in output.splitlines()]
    return next((line for line in lines if _VERSION.search(line)), "unknown")


def _number(text: str) -> tuple[int, ...]:
    """The version in what a tool says of itself; () if there is none.

    It is the first number that is no part of a word: `gcc (Debian 12.2.0-14) 12.2.0`.
    """
    match = _VERSION.search(text)
    return tuple(map(int, match[1].split("."))) if match else ()
