"""The machine's own compiler as a builder, which does not have to be made.

The sandbox shows the machine's /usr, read-only, and of /etc only what is needed to find programs
and libraries. The builder's digest is that of the versions that its tools report. Tools with the
same version can differ between machines, so it is not hermetic.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.builder_packages import digest_of
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import SEARCH_PATH, Builder
from ingot.builder.tool_versions import HEADERS, line_of, programs
from ingot.builder.toolchain import compiler
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError
from ingot.process import run
from ingot.progress import Progress

SHOWN = (
    *("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"),
    # not all of /etc: it has secrets, which root can read in the sandbox as well
    *("etc/alternatives", "etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d"),
)
_PLAIN = {"LC_ALL": "C"}
_BINUTILS = ("as", "ld", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "size", "strip")


def packages(spec: BuilderSpec, arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The tools that compile for `arch`, a line each; None if a required one is missing."""
    lines, missing = _examine(spec, arch, site.host)
    return None if missing else lines


def ensure(spec: BuilderSpec, arch: Arch, site: Site, _progress: Progress) -> Builder:
    """The builder; a MachineError names the tools for `arch` that are missing here."""
    lines, missing = _examine(spec, arch, site.host)
    if missing:
        raise MachineError(
            f"this machine cannot compile {arch.name} kernels: {', '.join(missing)} not found",
            hint="install them, or compile in a builder of packages (--builder rootfs)",
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
        tools=lines,
    )


def _examine(spec: BuilderSpec, arch: Arch, host: Arch) -> tuple[tuple[str, ...], list[str]]:
    """The lines of the tools found, and the names of required ones that are missing."""
    lines, missing = [f"machine={host.machine}"], []
    for each in programs(llvm=spec.llvm):
        path = _find(each.program, arch, host)
        if path:
            lines.append(
                line_of(each, run([path, *each.version_arguments], env=_PLAIN, check=False).output)
            )
        elif each.needed:
            missing.append(each.program.format(cross=arch.cross))
    for name, places in HEADERS.items():
        if not any((Path("/") / place).exists() for place in places):
            missing.append(f"{name}'s headers")
    if not missing and not _has_static_libc(spec, arch, host):
        missing.append(f"a static libc for {arch.name}, which the boot test's init is linked with")
    return tuple(sorted(lines)), missing


def _has_static_libc(spec: BuilderSpec, arch: Arch, host: Arch) -> bool:
    """Whether the compiler finds a libc.a (gcc(1), -print-file-name prints a path then)."""
    path = _find("clang" if spec.llvm else "{cross}gcc", arch, host)
    assert path is not None
    words = compiler(arch.cross, llvm=spec.llvm)[1:]
    output = run([path, *words, "-print-file-name=libc.a"], env=_PLAIN, check=False).output
    return output.startswith("/")


def _find(program: str, arch: Arch, host: Arch) -> str | None:
    """The path of a program in the sandbox; the native toolchain may not have the prefix."""
    found = shutil.which(program.format(cross=arch.cross), path=SEARCH_PATH)
    if found is None and arch == host:
        return shutil.which(program.format(cross=""), path=SEARCH_PATH)
    return found


def _aliases(arch: Arch, host: Arch) -> dict[str, str]:
    """The prefixed names that the kernel's make uses, for tools without a prefix here."""
    return dict(_own_names(arch)) if arch == host else {}


def _own_names(arch: Arch) -> Iterator[tuple[str, str]]:
    for program in ("gcc", *_BINUTILS):
        name = f"{arch.cross}{program}"
        own = shutil.which(program, path=SEARCH_PATH)
        if own and not shutil.which(name, path=SEARCH_PATH):
            yield name, own
