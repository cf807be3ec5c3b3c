"""How a builder's compiler is called: gcc and binutils, or clang and lld."""

from __future__ import annotations

from ingot.arch import Arch


def make_words(arch: Arch, *, llvm: bool) -> tuple[str, ...]:
    """The words that tell the kernel's make which compiler to use, for what.

    With `llvm`, that is clang, its own assembler and lld (kernel: Documentation/kbuild/llvm.rst;
    before 5.15 the assembler had to be asked for). The name of the cross compiler then names the
    target.
    """
    words = (f"ARCH={arch.make}", f"CROSS_COMPILE={arch.cross}")
    return (*words, "LLVM=1", "LLVM_IAS=1") if llvm else words


def compiler(cross: str, *, llvm: bool) -> tuple[str, ...]:
    """The words that begin a call of the C compiler, for the target that `cross` names."""
    return ("clang", f"--target={cross.rstrip('-')}", "-fuse-ld=lld") if llvm else (f"{cross}gcc",)
