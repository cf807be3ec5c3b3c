"""How the compiler is named to make, and how it is called."""

from __future__ import annotations

from ingot.arch import arch
from ingot.builder.toolchain import compiler, make_arguments, make_flags


def test_gcc_is_a_cross_compiler_always() -> None:
    words = make_arguments(arch("arm64"), llvm=False)
    assert words == ("ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-")
    assert compiler("aarch64-linux-gnu-", llvm=False) == ("aarch64-linux-gnu-gcc",)


def test_clang_is_told_its_target() -> None:
    assert set(make_arguments(arch("arm64"), llvm=True)) == {
        *make_arguments(arch("arm64"), llvm=False),
        "LLVM=1",
        "LLVM_IAS=1",
    }
    assert compiler("aarch64-linux-gnu-", llvm=True)[:2] == ("clang", "--target=aarch64-linux-gnu")


def test_the_compiler_is_part_of_the_recipe() -> None:
    x86 = arch("x86_64")
    assert make_flags(x86) == make_flags(x86, llvm=False)
    assert set(make_flags(x86, llvm=True)) - set(make_flags(x86)) == {"LLVM=1", "LLVM_IAS=1"}
