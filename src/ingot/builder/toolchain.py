"""The command-line arguments that select a toolchain: gcc and binutils, or clang and lld."""

from __future__ import annotations

from ingot.arch import Arch


def make_arguments(arch: Arch, *, llvm: bool) -> tuple[str, ...]:
    """The arguments of the kernel's make that set the architecture and the toolchain.

    With `llvm`, that is clang, its assembler and lld (kernel: Documentation/kbuild/llvm.rst;
    before 5.15 the assembler was not the default). CROSS_COMPILE then only names the target.
    """
    words = (f"ARCH={arch.make}", f"CROSS_COMPILE={arch.cross}")
    return (*words, "LLVM=1", "LLVM_IAS=1") if llvm else words


def make_flags(arch: Arch, *, llvm: bool = False) -> tuple[str, ...]:
    """The arguments of make that affect its output: they are part of the recipe.

    The user, host and version names replace those of this machine (kernel:
    Documentation/kbuild/reproducible-builds.rst).
    """
    return (
        *make_arguments(arch, llvm=llvm),
        "KBUILD_BUILD_HOST=ingot",
        "KBUILD_BUILD_USER=ingot",
        "KBUILD_BUILD_VERSION=1",
        "LOCALVERSION=",
        "INSTALL_MOD_STRIP=1",
    )


def compiler(cross: str, *, llvm: bool) -> tuple[str, ...]:
    """The C compiler's command with its first arguments, for the target of the prefix `cross`."""
    return ("clang", f"--target={cross.rstrip('-')}", "-fuse-ld=lld") if llvm else (f"{cross}gcc",)
