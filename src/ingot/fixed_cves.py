"""What a newer release of a series means for the CVEs of the kernels of the catalog.

A release closes a CVE if it is the first one of the series with the fix, or a later one. A series
that has ended has no more releases: what its newest one does not close stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.catalog import Kernel
from ingot.catalog.kernel_selection import ALL
from ingot.cves import Answer
from ingot.errors import IngotError
from ingot.images import BASE, KernelLabels, read_facts
from ingot.kernel_cves import KernelCves
from ingot.oci import read_image
from ingot.progress import Progress
from ingot.registry import Registry, manifest_of, read_manifest
from ingot.setting import Project
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class KernelFixes:
    """A kernel, and its CVEs in compiled files: how many there are, which of them a newer release
    closes, and which ones no release will close. The newest IDs come first."""

    kernel: Kernel
    affected: int
    closed: tuple[str, ...]
    unfixed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CveReader:
    """Judges the kernels of a project that are in the store, or else in a registry, if given."""

    cves: KernelCves
    project: Project
    registry: Registry | None
    progress: Progress

    def fixes(
        self, have: KernelVersion, newer: KernelVersion | None, *, ended: bool
    ) -> list[KernelFixes]:
        """What the release `newer` means for the kernels of the version `have`, of all flavors and
        arches. Kernels whose compiled files are not known are left out."""
        kernels = self.project.catalog.select([str(have)], arches=[ALL], flavors=[ALL])
        found = ((kernel, self._answer(kernel)) for kernel in kernels)
        return [_fixes(kernel, answer, newer, ended) for kernel, answer in found if answer]

    def _answer(self, kernel: Kernel) -> Answer | None:
        """The CVEs of a kernel; None, with a note on a failure, if they are not known."""
        try:
            layout = self.project.layout
            descriptor = layout.find(f"{BASE}:{kernel.tag}")
            facts = read_facts(read_image(layout, descriptor)) if descriptor else None
            answer = self.cves.answer_in_store(facts, kernel.tag) if facts else None
            return answer or self._published(kernel)
        except IngotError as error:
            self.progress.note(f"the CVEs of {kernel.tag} are not known: {error}")
            return None

    def _published(self, kernel: Kernel) -> Answer | None:
        """The CVEs of a kernel of the registry."""
        if self.registry is None:
            return None
        insecure = self.registry.insecure
        suffix = kernel.tag.removeprefix(str(kernel.version)).removesuffix(f"-{kernel.arch.name}")
        tag = f"{kernel.version}{suffix}-{kernel.arch.name}"
        reference = self.registry.reference(f"{BASE}:{tag}")
        content = read_manifest(reference, kernel.arch.oci, insecure=insecure)
        facts = KernelLabels.from_labels(manifest_of(content, reference).annotations or {})
        if facts is None or facts.version != str(kernel.version):
            return None
        repository = self.registry.reference(BASE)
        return self.cves.answer_in_registry(repository, facts, kernel.tag, insecure=insecure)


def _fixes(kernel: Kernel, answer: Answer, newer: KernelVersion | None, ended: bool) -> KernelFixes:
    newest = newer or kernel.version
    closed, unfixed = [], []
    for finding in sorted(answer.affected, key=lambda each: each.order, reverse=True):
        if finding.fixed_in is not None and finding.fixed_in <= newest:
            closed.append(finding.cve)
        elif ended:
            unfixed.append(finding.cve)
    return KernelFixes(kernel, len(answer.affected), tuple(closed), tuple(unfixed))


def closes_any(fixes: Sequence[KernelFixes]) -> bool:
    """Whether a release closes a CVE of a kernel; True if no kernel could be judged."""
    return not fixes or any(each.closed for each in fixes)
