"""kbuild's records of a build (`.<name>.cmd`), written by hand as kbuild writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

OPTION = "    $(wildcard include/config/NET) \\\n"


def compiler_record(name: str, source: str, *read: str, saved: bool = True) -> str:
    """The record of an object that a compiler made; `saved` as since 6.4."""
    listed = "".join(f"  {path} \\\n{OPTION}" for path in read)
    return (
        f"{link_record(name, f'gcc -Wp,-MMD,.d -c -o {name} {source}', saved=saved)}"
        f"\nsource_{name} := {source}\n\ndeps_{name} := \\\n{OPTION}{listed}"
        f"\n{name}: $(deps_{name})\n\n$(deps_{name}):\n"
    )


def link_record(name: str, command: str, *, saved: bool = True) -> str:
    """The record of a file that another command made."""
    return f"{'saved' if saved else ''}cmd_{name} := {command}\n"


def record_of(name: str) -> str:
    directory, _, base = name.rpartition("/")
    return f"{directory}/.{base}.cmd" if directory else f".{base}.cmd"


def put(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def source_files(*modules: str) -> dict[str, str]:
    """The source tree of `build_files`; modules are named without suffix."""
    names = ["init/main.c", "include/linux/init.h", *(f"{name}.c" for name in modules)]
    return dict.fromkeys(names, "")


def build_files(*modules: str) -> dict[str, str]:
    """What a compile of `init/main.c`, and of modules of one C file each, leaves."""
    read = "/src/include/linux/init.h"
    files = {
        "vmlinux.o": "",
        "init/main.o": "",
        record_of("vmlinux.o"): link_record("vmlinux.o", "ld -r -o vmlinux.o init/main.o"),
        record_of("init/main.o"): compiler_record("init/main.o", "/src/init/main.c", read),
        "modules.order": "".join(f"{name}.o\n" for name in modules),
    }
    for name in modules:
        link = f"ld -r -T scripts/module.lds -o {name}.ko {name}.o {name}.mod.o"
        files |= {
            f"{name}.mod": f"{name}.o\n",
            record_of(f"{name}.o"): compiler_record(f"{name}.o", f"/src/{name}.c"),
            record_of(f"{name}.mod.o"): compiler_record(f"{name}.mod.o", f"{name}.mod.c", read),
            record_of(f"{name}.ko"): link_record(f"{name}.ko", link),
            **{f"{name}{suffix}": "" for suffix in (".o", ".ko", ".mod.o", ".mod.c")},
        }
    return files
