"""What a test guest is given: the init, the modules it loads, and the plan it follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.initramfs import write_initramfs
from ingot.boot.qemu import Guest
from ingot.boot.report import Expectation
from ingot.builder.sandbox import Sandbox
from ingot.builder.toolchain import compiler
from ingot.errors import MachineError, UserError
from ingot.process import CommandFailedError, run

_PREFERRED = ("veth", "dummy", "overlay", "bridge", "loop")
"""Modules that load in any guest, since they drive no hardware; the first one built is tried."""


_FLAGS = {
    "init.c": (),
    "measure.c": ("-nostdlib", "-ffreestanding", "-fno-stack-protector"),
}
"""What guests can have as their init, and how it is compiled."""


def compile_init(sandbox: Sandbox, arch: Arch, source: str = "init.c") -> bytes:
    """The guest's init as a static program for `arch`, compiled in the builder from `source`."""
    sandbox = replace(sandbox, source=Path(__file__).parent, ccache=None)
    words = (
        *compiler(arch.cross, llvm=sandbox.builder.llvm),
        "-static",
        "-Os",
        "-s",
        "-Wall",
        "-Werror",
        "-o",
        "/build/init",
        *_FLAGS[source],
        f"/src/{source}",
    )
    try:
        run(sandbox.command(words))
    except CommandFailedError as error:
        raise MachineError(
            "the boot test's init does not compile in this builder",
            why="\n".join(error.tail),
            hint=f"a builder needs {words[0]} and a static libc for {arch.name} (on Debian, to cross"
            f" compile: libc6-dev-ARCH-cross, and for clang libgcc-N-dev-ARCH-cross); {error.hint}",
        ) from error
    return (sandbox.build / "init").read_bytes()


def make_guest(kernel: Path, modules: Path, release: str, init: bytes, shutdown: str) -> Guest:
    """A guest that boots `kernel` and loads one module of the folder `modules`.

    `modules` is the image's /lib/modules/<release>; `shutdown` is how init ends the guest
    (`reboot` or `poweroff`). A kernel without modules is asked to load none.
    """
    chosen = choose_module(read_dependencies(modules))
    paths = {f"/lib/modules/{release}/{name}": modules / name for name in chosen}
    plan = "".join(f"module {path}\n" for path in paths) + f"{shutdown}\n"
    files = {"/init": init, "/ingot/plan": plan.encode()}
    files |= {path: file.read_bytes() for path, file in paths.items()}
    names = tuple(Path(name).name for name in chosen)
    return Guest(kernel, write_initramfs(files), Expectation(release, names))


def read_dependencies(modules: Path) -> dict[str, tuple[str, ...]]:
    """Module -> what must be loaded before it, in that order, as paths below `modules`.

    Source: modules.dep(5); depmod lists a module's dependencies, the nearest first.
    """
    path = modules / "modules.dep"
    if not path.is_file():
        if any(modules.rglob("*.ko")):
            raise UserError(f"{modules} holds modules, but no modules.dep")
        return {}
    dependencies = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, needs = line.partition(":")
        dependencies[name] = tuple(reversed(needs.split()))
    return dependencies


def choose_module(dependencies: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """One module to prove that modules load, after all that it needs; empty if there is none."""
    by_name = {Path(path).stem: path for path in dependencies}
    for name in (*_PREFERRED, *sorted(by_name)):
        if path := by_name.get(name):
            return (*dependencies[path], path)
    return ()
