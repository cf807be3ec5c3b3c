"""The tests that the images of a kernel must pass before they are tagged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingot.boot.boot_report import BootReport, Outcome
from ingot.boot.cost.boot_profile import Profile
from ingot.builder.sandbox import Builder
from ingot.catalog import Kernel
from ingot.errors import BootError
from ingot.images import read_config
from ingot.kconfig import Config
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.lab.booting import boot_each
from ingot.lab.budget_check import require_affordable
from ingot.lab.profiling import measure_prepared
from ingot.lab.proving import checks_of_kernel
from ingot.lab.vmm_proofs import Proof, VmmProof, proofs_of, requests_for
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a kernel has passed: a boot in each machine, what that proves of its VMMs, its cost.

    `report` is that of the first machine. A check that this machine cannot run has the result of a
    later boot, if it passed there. The notes say what all boots prove of each VMM.
    """

    boots: tuple[BootReport, ...]
    proofs: tuple[VmmProof, ...]
    profile: Profile | None

    @property
    def report(self) -> BootReport:
        first, *others = self.boots
        later = {
            check.name: replace(check, detail=f"{check.detail} (in {boot.machine})")
            for boot in others
            for check in boot.checks
            if check.outcome is Outcome.PASSED
        }
        checks = (
            later.get(check.name, check) if check.outcome is Outcome.SKIPPED else check
            for check in first.checks
        )
        notes = (*first.notes, *(proof.text for proof in self.proofs))
        return replace(first, checks=tuple(checks), notes=notes)


def accept_image(
    setting: Setting, base: Image, builder: Builder, kernel: Kernel, progress: Progress
) -> Acceptance:
    """Boot the kernel of the images once for each machine that represents one of its VMMs.

    Its boot is measured if it has a budget that needs this. BootError if a boot fails or exceeds
    the budget: the kernel is not tagged.
    """
    budget = setting.project.catalog.budget(kernel)
    counted = budget is not None and budget.needs_profile
    with prepared_target(setting.project, base, builder, progress) as target:
        boots = _require_boots(setting, target, kernel, read_config(base.annotations), progress)
        profile = measure_prepared(setting, target, progress) if counted else None
    require_affordable(setting.project, kernel, base, profile, progress)
    proofs = proofs_of(kernel.arch, kernel.vmms)
    for proof in proofs:
        if proof.proof is Proof.NONE:
            progress.note(f"{kernel.tag}: {proof.text}")
    return Acceptance(boots, proofs, profile)


def _require_boots(
    setting: Setting, target: BootTarget, kernel: Kernel, config: Config | None, progress: Progress
) -> tuple[BootReport, ...]:
    reports = []
    checks = checks_of_kernel(setting.project.catalog, kernel, config=config)
    requests = requests_for(kernel.arch, kernel.vmms, checks)
    for report in boot_each(setting, target, requests, progress):
        if not report.passed:
            machine = f" in {report.machine}" if len(requests) > 1 else ""
            raise BootError(
                f"{kernel.tag} was compiled but did not pass its boot test{machine}:"
                f" {report.verdict.value}",
                why=report.explain(),
                hint="it was not tagged; change its config, then build again",
            )
        reports.append(report)
    return tuple(reports)
