"""Compares the cost of a kernel with its budget in the catalog."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.boot.cost.boot_profile import Profile
from ingot.catalog import Budget, Kernel
from ingot.errors import BootError
from ingot.images import read_size_map
from ingot.lab.profiling import kept_profile
from ingot.oci import Image
from ingot.progress import Progress
from ingot.setting import Project


@dataclass(frozen=True, slots=True)
class Overrun:
    """A limit of the budget that a kernel exceeds. `counted`: an emulator measured the value."""

    text: str
    counted: bool


def require_affordable(
    project: Project, kernel: Kernel, base: Image, profile: Profile | None, progress: Progress
) -> None:
    """BootError if the kernel of a base image costs more than its budget.

    `profile` is its boot profile; if None, the one in the store is used, if there is one. Values
    that another emulator than the budget's has counted are only reported in a note.
    """
    budget = project.catalog.budget(kernel)
    if budget is None:
        return
    if budget.needs_profile and profile is None:
        profile = kept_profile(project.layout, base)
    size_map = read_size_map(base.annotations)
    found = overruns(budget, profile, size_map.kernel_size if size_map else None)
    noted = [each for each in found if each.counted and not _binding(budget, profile)]
    if noted:
        texts = ", ".join(each.text for each in noted)
        progress.note(
            f"{kernel.tag}: {texts}; not an error, because that budget is for {budget.emulator}"
        )
    if failing := [each.text for each in found if each not in noted]:
        raise BootError(
            f"{kernel.tag} costs more than its budget",
            why="\n".join(failing),
            hint="`ingot profile KERNEL` and `ingot diff` show what it costs; if the cost is"
            f" justified, raise the budget in {project.catalog.file.name}",
        )


def overruns(budget: Budget, profile: Profile | None, size: int | None) -> tuple[Overrun, ...]:
    """The limits that a kernel exceeds; an unknown value (None) exceeds none."""
    rows = (
        (
            "instructions to init",
            budget.instructions,
            profile.instructions if profile else None,
            True,
        ),
        (
            "bytes of memory in use at init",
            budget.memory,
            profile.memory_used if profile else None,
            True,
        ),
        ("bytes of the kernel file", budget.size, size, False),
    )
    return tuple(
        Overrun(f"{found:,} {what}, of {most:,} allowed (+{(found - most) / most:.1%})", counted)
        for what, most, found, counted in rows
        if most is not None and found is not None and found > most
    )


def _binding(budget: Budget, profile: Profile | None) -> bool:
    return profile is None or budget.accepts(profile.emulator)
