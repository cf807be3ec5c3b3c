"""What the boots of a build prove of each VMM of its kernel."""

from __future__ import annotations

import pytest

from ingot.arch import arch
from ingot.boot.boot_report import BootReport, CheckResult, Outcome, Verdict
from ingot.lab.acceptance import Acceptance
from ingot.lab.vmm_proofs import Proof, VmmProof, proofs_of, requests_for

X86, ARM = arch("x86_64"), arch("arm64")
THREE = ("firecracker", "cloud-hypervisor", "qemu")


@pytest.mark.parametrize(
    ("name", "machines"),
    [("x86_64", ["microvm", "q35"]), ("arm64", ["virt", "virt-pci"])],
)
def test_one_boot_for_each_different_machine(name: str, machines: list[str]) -> None:
    requests = requests_for(arch(name), THREE, ())
    assert [request.machine_for(arch(name)).short_name for request in requests] == machines
    assert {request.vmms for request in requests} == {THREE}


def test_a_kernel_that_no_machine_represents_boots_and_proves_nothing() -> None:
    (request,) = requests_for(X86, ("another",), ())
    machine = request.machine_for(X86)
    assert machine.name == "qemu microvm"
    assert request.notes_on(machine) == (
        "qemu microvm does not represent a VMM of this kernel (another)",
    )
    assert proofs_of(X86, ["another"]) == (VmmProof("another", Proof.NONE),)


def test_only_qemu_is_booted_itself() -> None:
    assert [(proof.vmm, proof.proof.value, proof.machine) for proof in proofs_of(ARM, THREE)] == [
        ("firecracker", "represented", "qemu virt"),
        ("cloud-hypervisor", "represented", "qemu virt-pci"),
        ("qemu", "itself", "qemu virt-pci"),
    ]
    assert [proof.text for proof in proofs_of(X86, ["qemu", "firecracker", "another"])] == [
        "qemu: booted in qemu microvm",
        "firecracker: booted in qemu microvm, which represents it",
        "another: not proven, because Ingot has no machine that represents it",
    ]


def booted(machine: str, **outcomes: Outcome) -> BootReport:
    checks = tuple(CheckResult(name, outcome, "x") for name, outcome in outcomes.items())
    return BootReport(Verdict.PASSED, machine, "tcg", 1.0, checks, (), ())


def test_a_check_that_the_first_machine_cannot_run_has_the_result_of_a_later_one() -> None:
    passed, skipped = Outcome.PASSED, Outcome.SKIPPED
    boots = (
        booted("qemu microvm", mmio=passed, pci=skipped, vsock=skipped),
        booted("qemu q35", mmio=skipped, pci=passed, vsock=skipped),
    )
    report = Acceptance(boots, proofs_of(X86, ["qemu"]), None).report
    assert report.checks == (
        CheckResult("mmio", passed, "x"),
        CheckResult("pci", passed, "x (in qemu q35)"),
        CheckResult("vsock", skipped, "x"),
    )
    assert (report.machine, report.notes) == ("qemu microvm", ("qemu: booted in qemu microvm",))
