"""The contents of a test guest: its init, its modules, and the plan of its checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import CheckResult, Expectation, Outcome
from ingot.boot.guest import guest_plan
from ingot.boot.initramfs import write_initramfs
from ingot.boot.seal import KEY_FILE
from ingot.boot.vmm.machines import Guest, Machine
from ingot.builder.sandbox import Sandbox, run_tool
from ingot.builder.toolchain import compiler
from ingot.catalog import GuestCheck
from ingot.errors import UserError

_PREFERRED = ("veth", "dummy", "overlay", "bridge", "loop")
"""Modules that load in any guest, since they drive no hardware; the first that exists is used."""


_MODULE = re.compile(r"(?:\w[\w.+-]*/)*\w[\w.+-]*\.ko", re.ASCII)
"""A module's path in modules.dep: below its directory, without spaces."""

INIT = "init"
"""The init that runs checks: the C files in the directory of this name."""

_FLAGS = {
    INIT: (),
    "measure.c": ("-nostdlib", "-ffreestanding", "-fno-stack-protector"),
}
"""The sources of a guest's init, and the extra compiler flags of each."""

_LARGEST_INIT = 16 << 20
"""The most bytes of a compiled init; the largest has 1 MiB."""

SCRATCH = "block"
"""The need of a check that writes to the guest's scratch disk."""

NETWORK = "net"
"""The need of a check that sends something to the host."""


def compile_init(sandbox: Sandbox, arch: Arch, source: str = INIT) -> bytes:
    """The guest's init as a static program for `arch`, compiled in the builder from `source`."""
    here = Path(__file__).parents[1]
    named = [here / source] if (here / source).is_file() else sorted((here / source).glob("*.c"))
    files = [*named, *sorted((here / INIT).glob("*.h"))]
    given = [sandbox.add_input(str(path.relative_to(here)), path.read_bytes()) for path in files]
    sandbox = replace(sandbox, ccache=None)
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
        *(name for name in given if name.endswith(".c")),
    )
    run_tool(
        sandbox,
        words,
        "the builder cannot compile the init of the boot test",
        f"{words[0]} and a static libc for {arch.name} (on Debian, to cross compile:"
        " libc6-dev-ARCH-cross, and for clang libgcc-N-dev-ARCH-cross)",
    )
    return sandbox.read("init", _LARGEST_INIT)


def make_guest(
    kernel: Path,
    modules: Path,
    release: str,
    init: bytes,
    machine: Machine,
    checks: Sequence[GuestCheck] = (),
) -> Guest:
    """A guest that boots `kernel`, loads one module of the directory `modules` and runs the checks.

    `modules` is the image's /lib/modules/<release>. A check for which the machine has no device,
    or that a kernel of this series and arch cannot pass, is skipped. Without modules, no module
    is loaded.
    """
    guest, files = assemble(kernel, modules, release, init, machine, checks)
    return replace(guest, initramfs=write_initramfs(files))


def assemble(
    kernel: Path,
    modules: Path,
    release: str,
    init: bytes,
    machine: Machine,
    checks: Sequence[GuestCheck],
    *,
    volume: str = "",
    key: str = KEY_FILE,
) -> tuple[Guest, dict[str, bytes]]:
    """A guest like that of `make_guest` without a root, and the files (absolute path -> content) of
    its root. If `volume` names a disk, that disk is to have the modules; init will find its key
    at `key`.
    """
    skipped = skipped_checks(checks, machine)
    left_out = {one.name for one in skipped}
    planned = [check for check in checks if check.name not in left_out]
    found = guest_plan.read_modules(modules)
    module = choose_module(_dependencies(modules, found))
    mount = f"{volume} {guest_plan.home(release)}" if volume else ""
    plan = guest_plan.plan(planned, machine.shutdown, module, mount, key)
    files = {
        "/init": init,
        guest_plan.PLAN_FILE: plan.encode(),
        **guest_plan.files(planned, found, release),
    }
    expected = (
        *([guest_plan.VOLUME] if volume else []),
        *(check.name for check in planned),
        *([f"module {module}"] if module else []),
    )
    guest = Guest(
        kernel,
        None,
        Expectation(release, expected),
        append=" ".join(check.append for check in planned if check.append),
        scratch=any(SCRATCH in check.needs for check in planned),
        network=any(NETWORK in check.needs for check in planned),
        skipped=skipped,
    )
    return guest, files


def skipped_checks(checks: Iterable[GuestCheck], machine: Machine) -> tuple[CheckResult, ...]:
    """The checks that a kernel cannot run in this machine, each with its reason."""
    found = []
    for check in checks:
        reason = check.unfit
        if missing := sorted(check.needs - machine.offers):
            reason = reason or f"{machine.name} does not offer {', '.join(missing)}"
        if reason:
            found.append(CheckResult(check.name, Outcome.SKIPPED, reason))
    return tuple(found)


def read_dependencies(modules: Path) -> dict[str, tuple[str, ...]]:
    """Module -> all modules that it needs, as paths below `modules` (modules.dep(5)).

    Names in the list that are not paths of modules are left out: nothing outside is ever read.
    """
    return _dependencies(modules, guest_plan.read_modules(modules))


def _dependencies(modules: Path, found: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    if "modules.dep" not in found:
        if any(name.endswith(".ko") for name in found):
            raise UserError(
                f"{modules} has modules, but no modules.dep",
                hint="run depmod(8) for it, or boot without its modules",
            )
        return {}
    dependencies = {}
    for line in found["modules.dep"].decode("utf-8", "replace").splitlines():
        name, _, needs = line.partition(":")
        if _MODULE.fullmatch(name):
            dependencies[name] = tuple(filter(_MODULE.fullmatch, needs.split()))
    return dependencies


def choose_module(paths: Iterable[str]) -> str:
    """The file name of the module that tests loading of modules; empty if there is none."""
    by_name = {Path(path).stem: Path(path).name for path in paths}
    return next((by_name[one] for one in (*_PREFERRED, *sorted(by_name)) if one in by_name), "")
