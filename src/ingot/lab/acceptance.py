"""The tests that the images of a kernel must pass before they are tagged."""

from __future__ import annotations

from ingot.boot.boot_report import BootReport
from ingot.boot.cost.boot_profile import Profile
from ingot.builder.sandbox import Builder
from ingot.catalog import Kernel
from ingot.errors import BootError
from ingot.images import read_config
from ingot.kconfig import Config
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.lab.booting import BootRequest, boot_prepared
from ingot.lab.budget_check import require_affordable
from ingot.lab.profiling import measure_prepared
from ingot.lab.proving import checks_of_kernel
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting


def accept_image(
    setting: Setting, base: Image, builder: Builder, kernel: Kernel, progress: Progress
) -> tuple[BootReport, Profile | None]:
    """Boot the kernel of the images, and measure its boot if it has a budget that needs this.

    BootError if the boot fails or exceeds the budget: the kernel is not tagged.
    """
    budget = setting.project.catalog.budget(kernel)
    counted = budget is not None and budget.needs_profile
    with prepared_target(setting.project, base, builder, progress) as target:
        report = _require_boot(setting, target, kernel, read_config(base.annotations), progress)
        profile = measure_prepared(setting, target, progress) if counted else None
    require_affordable(setting.project, kernel, base, profile, progress)
    return report, profile


def _require_boot(
    setting: Setting, target: BootTarget, kernel: Kernel, config: Config | None, progress: Progress
) -> BootReport:
    checks = checks_of_kernel(setting.project.catalog, kernel, config=config)
    request = BootRequest(checks, vmms=kernel.vmms)
    report = boot_prepared(setting, target, request, progress)
    if not report.passed:
        raise BootError(
            f"{kernel.tag} was compiled but did not pass its boot test: {report.verdict.value}",
            why=report.explain(),
            hint="it was not tagged; change its config, then build again",
        )
    return report
