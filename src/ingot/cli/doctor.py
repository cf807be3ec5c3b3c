"""`ingot doctor`: check that this machine has what Ingot needs."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import tools
from ingot.arch import arch, arch_called
from ingot.boot.vmm.kvm import kvm_fault
from ingot.boot.vmm.kvm_in_qemu import qemu_kvm_fault
from ingot.boot.vmm.machines import machine_for
from ingot.builder import container_engines
from ingot.builder.sandbox import check_sandbox, confinement
from ingot.cli.shared.common_options import Json
from ingot.cli.shared.terminal import Terminal, print_json
from ingot.errors import IngotError, MachineError

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import DoctorDocument


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """One line of the output. `ok` is None for information that is not a requirement."""

    name: str
    ok: bool | None
    detail: str


def doctor(
    install: Annotated[
        bool,
        typer.Option("--install", help="Install missing Debian packages, as root or with sudo."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing if nothing is missing.")
    ] = False,
    arches: Annotated[
        list[str] | None,
        typer.Option(
            "--arch",
            metavar="ARCH",
            help="An architecture to build kernels for; may be given more than once. Default: the"
            " architecture of this machine.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check what this machine has and lacks.

    Looks for the programs, packages and permissions that Ingot needs.

    Exits with 3 if something is missing, with an error that names it and how to install it.
    """
    names = [arch_called(name).name for name in arches or [os.uname().machine]]
    if install:
        errors = Terminal(stderr=True)
        tools.install(errors.say, *names)
    findings = _examine(names)
    if as_json:
        print_json(_document(findings))
    elif not quiet:
        _print(Terminal(), findings)
    tools.require_all(*names)
    bad = [finding for finding in findings if finding.ok is False]
    if bad:
        raise MachineError(f"{bad[0].name}: {bad[0].detail}")


def _examine(arches: Sequence[str]) -> list[_Diagnosis]:
    findings = [
        _Diagnosis(tool.program, tool.present(), f"{tool.purpose} (package {tool.package})")
        for tool in tools.needed(*arches)
    ]
    if all(finding.ok for finding in findings):
        findings.append(_sandbox())
    if os.geteuid() != 0:
        findings.append(_id_ranges())
    findings += [_kvm(), _engines()]
    return findings


def _id_ranges() -> _Diagnosis:
    """Whether this user has IDs to make the builder with (subuid(5), subgid(5))."""
    user = pwd.getpwuid(os.getuid()).pw_name
    for name in ("/etc/subuid", "/etc/subgid"):
        path = Path(name)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        if not any(line.split(":")[0] in (user, str(os.getuid())) for line in lines):
            command = f"sudo usermod --add-{path.name}s 100000-165535 {user}"
            detail = f"{name} has no range for {user} (next: {command})"
            return _Diagnosis("ID ranges", False, detail)
    return _Diagnosis("ID ranges", True, f"{user} has IDs to make the builder with")


def _sandbox() -> _Diagnosis:
    try:
        check_sandbox()
    except IngotError as error:
        return _Diagnosis("sandbox", False, f"{error} (next: {error.hint})")
    if os.geteuid() == 0 and not confinement():
        detail = (
            "bubblewrap works, but before 0.8 it cannot hide the machine's control groups from a"
            " build of root: build untrusted sources as an ordinary user"
        )
        return _Diagnosis("sandbox", None, detail)
    return _Diagnosis("sandbox", True, "bubblewrap works")


def _kvm() -> _Diagnosis:
    if fault := kvm_fault() or _qemu_fault():
        return _Diagnosis("KVM", None, f"{fault}: boot tests run in QEMU's TCG, which is slower")
    detail = "QEMU runs an instruction with it: boot tests try it first, and note it if it fails"
    return _Diagnosis("KVM", None, detail)


def _qemu_fault() -> str:
    """Why QEMU cannot use KVM; empty if it can, if it is not installed, or for another arch."""
    machine = machine_for(arch("x86_64"))
    if os.uname().machine != arch(machine.arch).machine:
        return ""
    if not shutil.which(machine.program):
        return ""
    return qemu_kvm_fault(machine)


def _engines() -> _Diagnosis:
    found = ", ".join(container_engines.installed())
    detail = (
        f"{found} for --builder container" if found else "none; only --builder container needs one"
    )
    return _Diagnosis("container engine", None, detail)


def _print(console: Terminal, findings: list[_Diagnosis]) -> None:
    marks = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}
    for finding in findings:
        console.say(marks[finding.ok], f" {finding.name}: {finding.detail}")


def _document(findings: Sequence[_Diagnosis]) -> DoctorDocument:
    return {"diagnoses": [{"name": f.name, "ok": f.ok, "detail": f.detail} for f in findings]}
