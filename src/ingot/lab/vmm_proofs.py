"""What the boots of a kernel prove of each VMM that it is for.

A build boots a kernel in QEMU only, so QEMU is the one VMM that it proves. Another VMM is
represented by the machine of QEMU that has the devices of its guests. A VMM that no machine
represents is not proven at all, and no boot in another machine counts for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ingot.arch import Arch
from ingot.boot.vmm.choice import representatives
from ingot.catalog import GuestCheck
from ingot.lab.booting import BootRequest


class Proof(Enum):
    """How far a VMM is proven."""

    ITSELF = "itself"
    REPRESENTED = "represented"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class VmmProof:
    """What is proven of one VMM: `machine` is the one that was booted for it, if there is one."""

    vmm: str
    proof: Proof
    machine: str = ""

    @property
    def text(self) -> str:
        """The proof in one line."""
        return {
            Proof.ITSELF: f"{self.vmm}: booted in {self.machine}",
            Proof.REPRESENTED: f"{self.vmm}: booted in {self.machine}, which represents it",
            Proof.NONE: f"{self.vmm}: not proven, because Ingot has no machine that represents it",
        }[self.proof]


def proofs_of(arch: Arch, vmms: Iterable[str]) -> tuple[VmmProof, ...]:
    """What the boots of `requests_for` prove of each of these VMMs, if they pass."""
    found = []
    for vmm, machine in representatives(arch, vmms).items():
        if machine is None:
            found.append(VmmProof(vmm, Proof.NONE))
        else:
            proof = Proof.ITSELF if vmm == machine.vmm else Proof.REPRESENTED
            found.append(VmmProof(vmm, proof, machine.name))
    return tuple(found)


def requests_for(
    arch: Arch, vmms: tuple[str, ...], checks: tuple[GuestCheck, ...]
) -> list[BootRequest]:
    """A boot for each different machine that represents one of the VMMs of a kernel.

    A kernel whose VMMs have no such machine is booted in the first machine of its arch, which
    proves none of them: the report of that boot has a note that says so.
    """
    machines = [one for one in representatives(arch, vmms).values() if one]
    names = dict.fromkeys(machine.short_name for machine in machines)
    return [BootRequest(checks, machine=name, vmms=vmms) for name in [*names] or [""]]
