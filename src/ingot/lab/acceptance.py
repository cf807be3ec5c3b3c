"""What the images of a kernel must show before they get their tags."""

from __future__ import annotations

from ingot.boot.boot_report import BootReport
from ingot.boot.cost.boot_profile import Profile
from ingot.builder.sandbox import Builder
from ingot.catalog import Kernel
from ingot.errors import BootError
from ingot.lab.boot_target import BootTarget, laid_out
from ingot.lab.booting import BootWish, boot_subject
from ingot.lab.budget_check import require_affordable
from ingot.lab.profiling import measure_subject
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Setting


def accept_image(
    setting: Setting, base: Image, builder: Builder, kernel: Kernel, progress: Progress
) -> tuple[BootReport, Profile | None]:
    """Boot what the images hold, and count what that costs if there is a budget for it.

    BootError if either is not as it must be: such a kernel gets no tag.
    """
    budget = setting.project.catalog.budget(kernel)
    counted = budget is not None and budget.needs_profile
    with laid_out(setting.project, base, builder, progress) as subject:
        report = _require_boot(setting, subject, kernel, progress)
        profile = measure_subject(setting, subject, progress) if counted else None
    require_affordable(setting.project, kernel, base, profile, progress)
    return report, profile


def _require_boot(
    setting: Setting, subject: BootTarget, kernel: Kernel, progress: Progress
) -> BootReport:
    wish = BootWish(setting.project.catalog.guest_checks(kernel), vmms=kernel.vmms)
    report = boot_subject(setting, subject, wish, progress)
    if not report.passed:
        raise BootError(
            f"{kernel.tag} was compiled but did not pass its boot test: {report.verdict.value}",
            why=report.explain(),
            hint="it was not tagged; change its config, then build again",
        )
    return report
