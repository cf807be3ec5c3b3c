"""Where a kernel's bytes go, on a kernel of a few lines: real assembler, archiver and linker."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot.confined_files import ConfinedDirectory
from ingot.elf import read_sections, write_loadable
from ingot.size_map import SizeMap
from ingot.size_map.size_attribution import measure

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("as", "ar", "ld", "readelf"))), reason="binutils are not here"
)

SCRIPT = """\
ENTRY(start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS {
 . = 0x1000000;
 .text : { KEEP(*(.head.text)) *(.text) } :text
 .rodata : { *(.rodata) *(.rodata.*) }
 . = ALIGN(4096);
 .data : { *(.data) . = ALIGN(64); } :data
 .bss : { *(.bss) }
 /DISCARD/ : { *(.discard.*) *(.note.gnu.property) }
}
"""
TEXTS = '.section .rodata.str1.1,"aMS",@progbits,1\n .asciz "{}"\n'
HEAD = '.section .head.text,"ax"\n .globl start\n start: call used\n .size start,5\n'
MEMBER = ".text\n .globl {0}\n {0}: .zero {1}\n .size {0},{1}\n"
SOURCES = {
    "arch/x86/kernel/head_64": HEAD,
    "fs/open": ".text\n .zero 100\n .data\n .zero 32\n .bss\n .zero 5000\n" + TEXTS.format("one"),
    "fs/ext4/super": ".text\n .zero 300\n" + TEXTS.format("one") + ' .asciz "of ext4"\n',
    "fs/ext4/inode": '.rodata\n .zero 40\n .section .discard.x,"a"\n .zero 999\n'.replace(
        ".rodata", ".section .rodata"
    ),
    "lib/used": MEMBER.format("used", 50),
    "lib/spare": MEMBER.format("spare", 70),
    "lib/both": MEMBER.format("both", 90) + MEMBER.format("used_too", 10),
    "timestamp": ".text\n .zero 60\n",
    "net/module": ".text\n .zero 4000\n",
}


def measure_in(build: Path, kernel: Path, modules: Path) -> SizeMap:
    return measure(ConfinedDirectory(build), build / "vmlinux", "x86", kernel, modules)


@dataclass(frozen=True)
class Tree:
    """A build directory as a compile of the kernel leaves it."""

    build: Path

    def run(self, *words: str) -> str:
        done = subprocess.run(words, cwd=self.build, check=True, capture_output=True, text=True)
        return done.stdout

    def archive(self, name: str, *objects: str) -> None:
        """As kbuild does it: thin, with the paths as they are given (`cmd_ar` there)."""
        self.run("ar", "cDPrST", name, *(f"{each}.o" for each in objects))

    def link(self, *words: str) -> None:
        script = self.build / "arch/x86/kernel/vmlinux.lds"
        script.write_text(SCRIPT)
        self.run("ld", "-o", "vmlinux", "-T", str(script), *words)

    def measure(self) -> SizeMap:
        kernel = self.build / "kernel"
        write_loadable(self.build / "vmlinux", kernel)
        made = measure_in(self.build, kernel, self.build / "modules")
        assert made.kernel_size == kernel.stat().st_size
        return made


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    for name, text in SOURCES.items():
        path = tmp_path / f"{name}.s"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        tree.run("as", "-o", f"{name}.o", str(path))
    tree.archive("fs/ext4/built-in.a", "fs/ext4/super", "fs/ext4/inode")
    tree.run("ar", "cDPrST", "fs/built-in.a", "fs/open.o", "fs/ext4/built-in.a")
    # a library has an index, by which the linker finds what it needs
    tree.run("ar", "cDPrsT", "lib/lib.a", "lib/used.o", "lib/spare.o", "lib/both.o")
    tree.archive("net/built-in.a")  # all of it is modules
    return tree


OLD = ("--whole-archive", "arch/x86/kernel/head_64.o", "fs/built-in.a", "--no-whole-archive")
"""How kernels were linked before 6.1: the head apart, libraries as needed."""


def test_each_directory_has_what_its_objects_brought(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    told = dict(tree.measure().kernel)
    rest = told.pop("")
    assert told == {
        "arch/x86/kernel": 5,  # the call
        "fs": 100 + 32,
        "fs/ext4": 300 + 40 + len("one\0of ext4\0"),  # what both say is there once
        "lib": 50,  # what nobody calls is not taken out of the library
    }
    assert rest > 0


def test_a_library_whose_every_member_is_taken_is_told_whole(tree: Tree) -> None:
    tree.link(*OLD[:-1], "lib/lib.a", "--no-whole-archive")
    assert tree.measure().kernel["lib"] == 50 + 70 + 90 + 10


def test_one_archive_of_everything_is_believed(tree: Tree) -> None:
    tree.run("ar", "cDPrST", "vmlinux.a", "arch/x86/kernel/head_64.o", "fs/built-in.a", "lib/lib.a")
    tree.link("--whole-archive", "vmlinux.a")
    told = tree.measure().kernel
    assert told["lib"] == 220
    assert told["arch/x86/kernel"] == 5


def test_an_object_in_no_directory_is_no_directories(tree: Tree) -> None:
    tree.archive("built-in.a", "timestamp")
    tree.link(*OLD[:-1], "built-in.a", "--no-whole-archive", "lib/lib.a")
    told = tree.measure().kernel  # which looks at the sum
    assert set(told) == {"", "arch/x86/kernel", "fs", "fs/ext4", "lib"}


def test_another_build_directory_gives_the_same(
    tree: Tree, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree.link(*OLD, "lib/lib.a")
    other = Tree(tmp_path_factory.mktemp("another") / "build")
    shutil.copytree(tree.build, other.build)
    assert other.measure() == tree.measure()


def test_sections_are_those_that_readelf_reads(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    row = re.compile(
        r"\[ *\d+\] (\S*) +[A-Z]+ +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Z]*) +"
    )
    for name in ("vmlinux", "fs/open.o", "fs/ext4/inode.o"):
        told = row.findall(tree.run("readelf", "-SW", name))
        with (tree.build / name).open("rb") as file:
            own = read_sections(file)
        assert [(s.name, s.offset, s.size, s.entry_size) for s in own] == [
            (name, int(offset, 16), int(size, 16), int(width, 16))
            for name, offset, size, width, _ in told
        ]
        assert [s.loaded for s in own] == ["A" in flags for *_, flags in told]
        assert [s.strings for s in own] == ["S" in flags for *_, flags in told]


def test_modules_are_measured_as_they_ship(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    modules = tree.build / "modules"
    for name, size in (("kernel/net/veth.ko", 10), ("kernel/fs/xfs.ko.xz", 20), ("modules.dep", 9)):
        path = modules / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    (modules / "kernel/net/link.ko").symlink_to("veth.ko")
    assert tree.measure().modules == {"fs/xfs.ko.xz": 20, "net/veth.ko": 10}


# What is not as it should be


def test_what_an_archive_names_outside_the_build_directory_is_not_looked_at(
    tree: Tree, tmp_path: Path
) -> None:
    tree.link(*OLD, "lib/lib.a")
    before = tree.measure()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    shutil.copy(tree.build / "net/module.o", outside / "secret.o")
    (tree.build / "net/link.o").symlink_to(outside / "secret.o")
    tree.run("ar", "cDPrST", "built-in.a", str(outside / "secret.o"), "net/link.o")
    assert tree.measure() == before


def test_objects_that_cannot_be_read_are_not_told(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    before = tree.measure().kernel
    (tree.build / "fs/ext4/super.o").write_bytes(b"\x7fELF\x02\x01 and no more")
    after = tree.measure().kernel
    assert after["fs/ext4"] == 40
    # the text that both had now counts for the other
    assert after["fs"] == before["fs"] + len("one\0")


def test_objects_that_add_up_to_more_than_there_is_are_not_told(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    tree.archive("net/built-in.a", "net/module")  # which the linker was not given
    told = tree.measure().kernel
    assert "net" not in told
    assert told["fs"] == 32  # nothing of .text is told, the rest is
    assert told["fs/ext4"] == 40 + len("one\0of ext4\0")


def test_a_kernel_smaller_than_what_went_into_it_is_not_told(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    packed = tree.build / "packed"
    packed.write_bytes(bytes(99))
    assert measure_in(tree.build, packed, tree.build / "none") == SizeMap({"": 99}, {})


@pytest.mark.parametrize("missing", ["vmlinux", "arch/x86/kernel/vmlinux.lds"])
def test_without_its_parts_a_kernel_is_not_told(tree: Tree, missing: str) -> None:
    tree.link(*OLD, "lib/lib.a")
    kernel = tree.build / "kernel"
    kernel.write_bytes(bytes(1000))
    (tree.build / missing).unlink()
    assert measure_in(tree.build, kernel, tree.build / "none") == SizeMap({"": 1000}, {})


def test_a_build_without_archives_is_not_told(tree: Tree) -> None:
    tree.link(*OLD, "lib/lib.a")
    for path in tree.build.rglob("*.a"):
        path.write_bytes(b"!<thin>\ndamaged")
    assert set(tree.measure().kernel) == {""}
