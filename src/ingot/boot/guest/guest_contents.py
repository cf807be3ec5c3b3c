"""What a test guest is given: its init, its modules, and the plan of what it is to prove."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingot.arch import Arch
from ingot.boot.boot_report import Check, Expectation, Outcome
from ingot.boot.guest import guest_plan
from ingot.boot.initramfs import write_initramfs
from ingot.boot.seal import KEY_FILE
from ingot.boot.vmm.machines import Guest, Machine
from ingot.builder.sandbox import Sandbox, run_tool
from ingot.builder.toolchain import compiler
from ingot.catalog import GuestCheck
from ingot.errors import UserError

_PREFERRED = ("veth", "dummy", "overlay", "bridge", "loop")
"""Modules that load in any guest, since they drive no hardware; the first one built is tried."""


_MODULE = re.compile(r"(?:\w[\w.+-]*/)*\w[\w.+-]*\.ko(?:\.(?:gz|xz|zst))?", re.ASCII)
"""A path in modules.dep: below the folder, and one word of a plan."""

INIT = "init"
"""The init that makes checks: the C files in the folder of this name."""

_FLAGS = {
    INIT: (),
    "measure.c": ("-nostdlib", "-ffreestanding", "-fno-stack-protector"),
}
"""What guests can have as their init, and how it is compiled."""

_LARGEST_INIT = 16 << 20
"""The most bytes of a compiled init; the largest has 1 MiB."""

SCRATCH = "block"
"""What a check needs that writes to the guest's scratch disk."""

NETWORK = "net"
"""What a check needs that sends something to the host."""


def compile_init(sandbox: Sandbox, arch: Arch, source: str = INIT) -> bytes:
    """The guest's init as a static program for `arch`, compiled in the builder from `source`."""
    here = Path(__file__).parents[1]
    named = [here / source] if (here / source).is_file() else sorted((here / source).glob("*.c"))
    files = [*named, *sorted((here / INIT).glob("*.h"))]
    given = [sandbox.give(str(path.relative_to(here)), path.read_bytes()) for path in files]
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
        "the boot test's init does not compile in this builder",
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
    proofs: Sequence[GuestCheck] = (),
) -> Guest:
    """A guest that boots `kernel`, loads one module of the folder `modules` and makes the checks.

    `modules` is the image's /lib/modules/<release>. A check for which the machine has no device,
    or that a kernel of this series and arch cannot pass, is skipped. A kernel without modules is
    asked to load none.
    """
    guest, files = assemble(kernel, modules, release, init, machine, proofs)
    return replace(guest, initramfs=write_initramfs(files))


def assemble(
    kernel: Path,
    modules: Path,
    release: str,
    init: bytes,
    machine: Machine,
    proofs: Sequence[GuestCheck],
    volume: str = "",
    key: str = KEY_FILE,
) -> tuple[Guest, dict[str, bytes]]:
    """A guest as that of `make_guest` without a root, and the files (absolute path -> content) that
    its root is to hold. The modules are to be on the disk `volume`, if it names one; its init will
    find its key at `key`.
    """
    skipped = skipped_checks(proofs, machine)
    left_out = {check.name for check in skipped}
    asked = [proof for proof in proofs if proof.name not in left_out]
    found = guest_plan.read_modules(modules)
    module = choose_module(_dependencies(modules, found))
    mount = f"{volume} {guest_plan.home(release)}" if volume else ""
    files = {
        "/init": init,
        guest_plan.PLAN_FILE: guest_plan.plan(asked, machine.shutdown, module, mount, key).encode(),
        **guest_plan.files(asked, found, release),
    }
    expected = (
        *([guest_plan.VOLUME] if volume else []),
        *(proof.name for proof in asked),
        *([f"module {module}"] if module else []),
    )
    guest = Guest(
        kernel,
        None,
        Expectation(release, expected),
        append=" ".join(proof.append for proof in asked if proof.append),
        scratch=any(SCRATCH in proof.needs for proof in asked),
        network=any(NETWORK in proof.needs for proof in asked),
        skipped=skipped,
    )
    return guest, files


def skipped_checks(proofs: Iterable[GuestCheck], machine: Machine) -> tuple[Check, ...]:
    """The checks that a kernel cannot be asked for in this machine, each with its reason."""
    found = []
    for proof in proofs:
        reason = proof.unfit
        if missing := sorted(proof.needs - machine.offers):
            reason = reason or f"{machine.name} offers no {', '.join(missing)}"
        if reason:
            found.append(Check(proof.name, Outcome.SKIPPED, reason))
    return tuple(found)


def read_dependencies(modules: Path) -> dict[str, tuple[str, ...]]:
    """Module -> all modules that it needs, as paths below `modules` (modules.dep(5)).

    What the list names and is no module's path is left out: nothing outside is ever looked at.
    """
    return _dependencies(modules, guest_plan.read_modules(modules))


def _dependencies(modules: Path, found: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    if "modules.dep" not in found:
        if any(name.endswith(".ko") for name in found):
            raise UserError(f"{modules} holds modules, but no modules.dep")
        return {}
    dependencies = {}
    for line in found["modules.dep"].decode("utf-8", "replace").splitlines():
        name, _, needs = line.partition(":")
        if _MODULE.fullmatch(name):
            dependencies[name] = tuple(filter(_MODULE.fullmatch, needs.split()))
    return dependencies


def choose_module(paths: Iterable[str]) -> str:
    """The file name of the module that proves that modules load; empty if there is none."""
    by_name = {Path(path).stem: Path(path).name for path in paths}
    return next((by_name[one] for one in (*_PREFERRED, *sorted(by_name)) if one in by_name), "")
