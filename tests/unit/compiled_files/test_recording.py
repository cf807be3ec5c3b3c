"""The files of a kernel and its modules, from the records of a build directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot.compiled_files import CompiledFiles, find_compiled_files
from ingot.confined_files import ConfinedDirectory
from ingot.errors import BuildError, IngotError
from tests.support.build_records import (
    build_files,
    compiler_record,
    link_record,
    put,
    record_of,
    source_files,
)
from tests.support.object_files import make_archive


@dataclass(frozen=True)
class Compile:
    """A source tree and the build directory of its compile."""

    root: Path

    @property
    def build(self) -> Path:
        return self.root / "build"

    @property
    def source(self) -> Path:
        return self.root / "source"

    def compiled(self, name: str, source: str, *read: str) -> None:
        """An object from a file of the source tree, which the tree gets."""
        put(self.source, {path.removeprefix("/src/"): "" for path in (source, *read)
                          if path.startswith("/src/") and not self.has(path)})  # fmt: skip
        put(self.build, {name: "", record_of(name): compiler_record(name, source, *read)})

    def has(self, path: str) -> bool:
        return (self.source / path.removeprefix("/src/")).exists()

    def made(self, name: str, command: str) -> None:
        """A file that another command made."""
        put(self.build, {name: "", record_of(name): link_record(name, command)})

    def archive(self, name: str, *members: str) -> None:
        put(self.build, {name: ""})
        (self.build / name).write_bytes(make_archive(members))

    def files(self, *installed: str, options: Mapping[str, str] | None = None) -> CompiledFiles:
        return find_compiled_files(
            ConfinedDirectory(self.build), ConfinedDirectory(self.source), installed, options or {}
        )

    def error(self, *installed: str) -> str:
        with pytest.raises(IngotError) as caught:
            self.files(*installed)
        return str(caught.value)


@pytest.fixture
def kernel(tmp_path: Path) -> Compile:
    """A kernel of one C file, with a record of the link of vmlinux.o."""
    kernel = Compile(tmp_path)
    put(kernel.build, build_files())
    put(kernel.source, source_files())
    return kernel


@pytest.fixture
def older(tmp_path: Path) -> Compile:
    """A kernel before 6.0: the link of vmlinux has no record of its objects."""
    kernel = Compile(tmp_path)
    kernel.compiled("init/main.o", "/src/init/main.c")
    kernel.archive("init/built-in.a", "main.o")
    return kernel


INIT = {"init/main.c", "include/linux/init.h"}


def test_vmlinux_is_what_its_link_names(kernel: Compile) -> None:
    kernel.archive("vmlinux.a", "init/main.o", "net/dev.o")
    kernel.compiled("net/dev.o", "/src/net/dev.c", "/src/include/linux/net.h")
    kernel.compiled("lib/used.o", "/src/lib/used.c")
    kernel.archive("lib/lib.a", "used.o")
    kernel.compiled("lib/left.o", "/src/lib/left.c")
    kernel.made(
        "vmlinux.o",
        "ld -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive"
        " --start-group lib/lib.a --end-group ; ./tools/objtool/objtool --link vmlinux.o",
    )
    kernel.compiled("tools/objtool/objtool", "/src/tools/objtool/check.c")
    files = kernel.files()
    assert files.built_in == INIT | {"net/dev.c", "include/linux/net.h", "lib/used.c"}
    assert files.modules == {}
    assert {"lib/left.c", "tools/objtool/check.c"} <= files.tree


def test_objects_that_are_linked_last_and_the_linker_script_are_part_of_vmlinux(
    kernel: Compile,
) -> None:
    kernel.compiled("init/version-timestamp.o", "/src/init/version-timestamp.c")
    put(kernel.build, {".vmlinux.export.c": ""})
    kernel.compiled(".vmlinux.export.o", ".vmlinux.export.c", "/src/include/linux/export.h")
    kernel.compiled("arch/x86/kernel/vmlinux.lds", "/src/arch/x86/kernel/vmlinux.lds.S")
    kernel.compiled("arch/x86/kernel/asm-offsets.s", "/src/arch/x86/kernel/asm-offsets.c")
    kernel.compiled("scripts/mod/devicetable-offsets.s", "/src/scripts/mod/devicetable-offsets.c")
    assert kernel.files().built_in == INIT | {
        *("init/version-timestamp.c", "include/linux/export.h"),
        *("arch/x86/kernel/vmlinux.lds.S", "arch/x86/kernel/asm-offsets.c"),
    }


def test_without_a_record_of_the_link_all_archives_are_vmlinux(older: Compile) -> None:
    older.compiled("fs/open.o", "/src/fs/open.c")
    older.archive("fs/built-in.a", "open.o")
    older.compiled("lib/sort.o", "/src/lib/sort.c")
    older.archive("lib/lib.a", "sort.o")
    put(older.build, {"sound/built-in.a": "!<arch>\n"})  # what ar writes without members
    older.compiled("arch/x86/kernel/head_64.o", "/src/arch/x86/kernel/head_64.S")
    older.compiled("arch/x86/boot/header.o", "/src/arch/x86/boot/header.S")
    assert older.files().built_in == {
        *("init/main.c", "fs/open.c", "lib/sort.c", "arch/x86/kernel/head_64.S")
    }


def test_a_static_library_of_an_embedded_program_is_not_followed(kernel: Compile) -> None:
    kernel.compiled("init/main.o", "/src/init/main.c")
    put(kernel.source, {"init/main.c": '.incbin "preload/umd"'})
    put(kernel.build, {"preload/libbpf.a": "!<arch>\n"})
    kernel.made("preload/umd", "gcc -o preload/umd preload/main.o preload/libbpf.a -lelf")
    kernel.compiled("preload/main.o", "/src/preload/main.c")
    assert kernel.files().built_in == {"init/main.c", "preload/main.c"}


def test_a_module_beside_head_objects_is_not_part_of_vmlinux(older: Compile) -> None:
    older.compiled("arch/x86/kernel/msr.o", "/src/arch/x86/kernel/msr.c")
    put(older.build, {"arch/x86/kernel/msr.mod": "arch/x86/kernel/msr.o\nsymbol other\n"})
    put(older.build, {"arch/x86/kernel/msr.mod.c": ""})
    older.compiled("arch/x86/kernel/msr.mod.o", "arch/x86/kernel/msr.mod.c")
    older.made("arch/x86/kernel/msr.ko", "ld -r -o x arch/x86/kernel/msr.o")
    put(older.build, {"modules.order": "arch/x86/kernel/msr.ko\n"})
    files = older.files("kernel/arch/x86/kernel/msr.ko")
    assert files.built_in == {"init/main.c"}
    assert files.modules == {"kernel/arch/x86/kernel/msr.ko": {"arch/x86/kernel/msr.c"}}


def test_a_module_is_what_its_list_of_objects_names(kernel: Compile) -> None:
    put(kernel.build, build_files("net/bridge/bridge", "net/veth"))
    put(kernel.source, source_files("net/veth"))
    put(kernel.build, {"net/bridge/bridge.mod": "net/bridge/br.o\nnet/bridge/br_if.o\n"})
    kernel.made("net/bridge/bridge.o", "ld -r -o net/bridge/bridge.o @net/bridge/bridge.mod")
    for name in ("br", "br_if"):
        kernel.compiled(f"net/bridge/{name}.o", f"/src/net/bridge/{name}.c")
    files = kernel.files("kernel/net/bridge/bridge.ko")
    assert files.modules == {
        "kernel/net/bridge/bridge.ko": {
            *("net/bridge/br.c", "net/bridge/br_if.c", "include/linux/init.h")
        }
    }
    assert files.built_in == INIT
    assert files.all == files.built_in | {"net/bridge/br.c", "net/bridge/br_if.c"}


def test_a_module_that_is_not_installed_is_left_out(kernel: Compile) -> None:
    put(kernel.build, build_files("net/veth", "net/tun"))
    put(kernel.source, source_files("net/veth", "net/tun"))
    files = kernel.files("kernel/net/veth.ko")
    assert files.left_out == {"net/tun.c"}  # and not a header that vmlinux includes as well
    assert files.all == INIT | {"net/veth.c"}
    assert kernel.files("kernel/net/veth.ko", "kernel/net/tun.ko").left_out == set()


def test_files_that_were_not_compiled_have_an_option_that_is_off(kernel: Compile) -> None:
    put(kernel.build, build_files("net/veth"))
    put(kernel.source, source_files("net/veth", "net/tun", "net/odd"))
    put(
        kernel.source,
        {
            "Kbuild": "obj-y += net/ init/\nobj-$(CONFIG_INIT) += init/main.o\n",
            "net/Makefile": "obj-$(CONFIG_TUN) += tun.o\nobj-$(CONFIG_VETH) += veth.o\n",
        },
    )
    (kernel.source / "net/Kbuild").symlink_to("Makefile")  # cannot be read safely
    assert kernel.files("kernel/net/veth.ko").switched_off == {}
    (kernel.source / "net/Kbuild").unlink()
    assert kernel.files("kernel/net/veth.ko").switched_off == {"net/tun.c": "TUN"}
    assert kernel.files(options={"VETH": "m", "TUN": "m"}).switched_off == {}


def test_generated_files_lead_to_their_sources(kernel: Compile) -> None:
    kernel.compiled(
        "init/main.o", "/src/init/main.c", "include/generated/asm/syscalls.h", "lib/t.h"
    )
    table = "/src/arch/x86/entry/syscall_64.tbl"
    put(kernel.source, {"arch/x86/entry/syscall_64.tbl": "", "scripts/syscalltbl.sh": ""})
    kernel.made("include/generated/asm/syscalls.h", f"sh /src/scripts/syscalltbl.sh {table} out")
    kernel.made("lib/t.h", "lib/mktable > lib/t.h")
    kernel.compiled("lib/mktable", "/src/lib/mktable.c", "/usr/include/stdio.h")
    assert kernel.files().built_in == {
        *("init/main.c", "scripts/syscalltbl.sh", "arch/x86/entry/syscall_64.tbl", "lib/mktable.c")
    }


def test_generated_files_without_a_record_lead_to_a_source_of_their_name(kernel: Compile) -> None:
    kernel.compiled("init/main.o", "x509.asn1.c", "x509.asn1.h", "map.c", "include/generated/a.h")
    put(kernel.source, {"x509.asn1": "", "map.c_shipped": "", "map": "", "Makefile": ""})
    put(kernel.build, {"x509.asn1.c": "", "x509.asn1.h": "", "map.c": ""})
    assert kernel.files().built_in >= {"x509.asn1", "map.c_shipped"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("/src/vdso-wrap.S", '\t.incbin "vdso/vdso.so"\n'),
        ("/src/vdso-wrap.c", 'asm("  .incbin \\"vdso/vdso.so\\" \\n");\n'),
        ("vdso-wrap.S", '\t.incbin\t"vdso/vdso.so"\n\t.incbin "not/assembled"\n'),
    ],
)
def test_what_is_embedded_is_part_of_vmlinux(kernel: Compile, source: str, text: str) -> None:
    top = kernel.source if source.startswith("/src/") else kernel.build
    put(top, {source.removeprefix("/src/"): text})
    kernel.compiled("init/main.o", source)
    kernel.made("vdso/vdso.so", "objcopy -S vdso/vdso.so.dbg vdso/vdso.so")
    kernel.made("vdso/vdso.so.dbg", "ld -o vdso/vdso.so.dbg -T vdso/vdso.lds vdso/gettime.o")
    kernel.compiled("vdso/vdso.lds", "/src/vdso/vdso.lds.S")
    kernel.compiled("vdso/gettime.o", "/src/vdso/gettime.c")
    assert kernel.files().built_in >= {"vdso/vdso.lds.S", "vdso/gettime.c"}


def test_an_embedded_file_without_a_literal_name_is_an_error(kernel: Compile) -> None:
    put(kernel.source, {"init/main.c": 'asm("\\t.incbin VDSO_PATH\\n");\n'})
    assert "init/main.c embeds a file (.incbin)" in kernel.error()


def test_the_sources_of_a_repository_are_not_part_of_the_tree(kernel: Compile) -> None:
    put(kernel.source, {".git/config": "", ".gitignore": ""})
    (kernel.source / "link").symlink_to("/nowhere")
    assert kernel.files().tree == INIT | {".gitignore", "link"}


def test_headers_of_the_compiler_are_not_files_of_the_tree(kernel: Compile) -> None:
    kernel.compiled("init/main.o", "/src/init/main.c", "/usr/lib/gcc/include/stdarg.h")
    assert kernel.files().built_in == {"init/main.c"}


def test_paths_are_normalized(kernel: Compile) -> None:
    path = "/src/arch/x86/kernel/cpu/../../../../include/linux/init.h"
    kernel.compiled("init/main.o", "/src/init/main.c", path, "/build/include/generated/x.h")
    assert kernel.files().built_in == INIT


# Damage


@pytest.mark.parametrize("name", [".vmlinux.o.cmd", "init/.main.o.cmd"])
@pytest.mark.parametrize("content", ["", "damaged", "savedcmd_x := gcc\n"])
def test_a_damaged_record_is_an_error(kernel: Compile, name: str, content: str) -> None:
    put(kernel.build, {name: content})
    error = kernel.error()
    assert name in error
    assert "are not known" in error


@pytest.mark.parametrize("name", ["init/.main.o.cmd", "net/.veth.o.cmd", "net/.veth.ko.cmd"])
def test_a_missing_record_is_an_error(kernel: Compile, name: str) -> None:
    put(kernel.build, build_files("net/veth"))
    put(kernel.source, source_files("net/veth"))
    (kernel.build / name).unlink()
    assert f"{name}: it is missing" in kernel.error("kernel/net/veth.ko")


@pytest.mark.parametrize("content", ["", "net/veth.o", "net/veth.c\n"])
def test_a_damaged_list_of_objects_is_an_error(kernel: Compile, content: str) -> None:
    put(kernel.build, {**build_files("net/veth"), "net/veth.mod": content})
    put(kernel.source, source_files("net/veth"))
    assert "net/veth.mod" in kernel.error("kernel/net/veth.ko")


def test_a_module_that_no_list_names_is_an_error(kernel: Compile) -> None:
    assert "does not list the installed module" in kernel.error("kernel/net/veth.ko")
    put(kernel.build, {"modules.order": "veth\n"})
    assert "modules.order has the line" in kernel.error()


def test_a_build_without_records_is_an_error(tmp_path: Path) -> None:
    for name in ("build", "source"):
        (tmp_path / name).mkdir()
    assert "no records of the objects of vmlinux" in Compile(tmp_path).error()


def test_a_source_that_the_tree_does_not_have_is_an_error(kernel: Compile) -> None:
    (kernel.source / "include/linux/init.h").unlink()
    assert "the source tree has no 'include/linux/init.h'" in kernel.error()


@pytest.mark.parametrize("archive", [b"", b"!<arch>\nxx", b"!<thin>\nxx"])
def test_a_damaged_archive_is_an_error(older: Compile, archive: bytes) -> None:
    (older.build / "init/built-in.a").write_bytes(archive)
    if archive:
        assert "built-in.a" in older.error()
    assert older.error()


def test_members_outside_of_the_build_directory_are_an_error(older: Compile) -> None:
    older.archive("init/built-in.a", "main.o", "../../secret.o")
    assert older.error()


def test_no_link_is_followed_and_no_pipe_is_waited_for(kernel: Compile, tmp_path: Path) -> None:
    put(tmp_path, {"secret": compiler_record("init/main.o", "/src/init/main.c")})
    record = kernel.build / "init/.main.o.cmd"
    record.unlink()
    record.symlink_to(tmp_path / "secret")
    assert kernel.error()
    record.unlink()
    os.mkfifo(record)
    assert kernel.error()


def test_records_that_lead_in_a_circle_end(kernel: Compile) -> None:
    kernel.made("a.h", "cp b.h a.h")
    kernel.made("b.h", "cp a.h b.h")
    kernel.compiled("init/main.o", "/src/init/main.c", "a.h")
    assert kernel.files().built_in == {"init/main.c"}


def test_an_error_says_what_to_do(kernel: Compile) -> None:
    put(kernel.build, {".vmlinux.o.cmd": ""})
    with pytest.raises(BuildError) as caught:
        kernel.files()
    assert "build the kernel again" in caught.value.hint
