"""Makes the parts that several documents contain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
    from ingot.builder.builder_packages import PackageChange
    from ingot.catalog import Kernel
    from ingot.cli.documents.part_shapes import (
        CveCountsPart,
        FailurePart,
        ImagePart,
        InstructionsPart,
        KernelPart,
        OptionChangePart,
        PackageChangePart,
        ProfilePart,
        SourcePart,
        StepPart,
    )
    from ingot.errors import IngotError
    from ingot.kconfig import Difference
    from ingot.kernel_cves import CveCounts
    from ingot.pipeline import BuiltImage
    from ingot.progress import Timing
    from ingot.source.origin import Source


def kernel_part(kernel: Kernel) -> KernelPart:
    return {
        "kernel": kernel.tag,
        "version": str(kernel.version),
        "series": str(kernel.version.series),
        "arch": kernel.arch.name,
        "flavor": kernel.flavor.name,
    }


def failure_parts(failed: Iterable[tuple[Kernel, IngotError]]) -> list[FailurePart]:
    return [{**kernel_part(kernel), "error": str(error)} for kernel, error in failed]


def image_parts(images: Iterable[BuiltImage]) -> list[ImagePart]:
    return [
        {"image": image.tag, "digest": str(image.digest), "size": image.size} for image in images
    ]


def step_parts(timings: Iterable[Timing]) -> list[StepPart]:
    return [{"name": timing.title, "seconds": round(timing.seconds, 3)} for timing in timings]


def total_seconds(timings: Iterable[Timing]) -> float:
    return round(sum(timing.seconds for timing in timings), 3)


def option_change_parts(changes: Iterable[Difference]) -> list[OptionChangePart]:
    return [
        {
            "option": change.option,
            "before": change.before,
            "after": change.after,
            "menu": list(change.menu),
        }
        for change in changes
    ]


def package_change_parts(changes: Iterable[PackageChange]) -> list[PackageChangePart]:
    return [
        {"package": each.name, "before": each.before or None, "after": each.after or None}
        for each in changes
    ]


def source_part(source: Source, size: int | None = None) -> SourcePart:
    return {
        "origin": source.origin,
        "url": source.url or None,
        "commit": source.commit or None,
        "evidence": source.evidence,
        "digest": str(source.digest),
        "size": size,
    }


def cve_counts_part(counts: CveCounts | None) -> CveCountsPart | None:
    if counts is None:
        return None
    return {
        "open": counts.open,
        "affected": counts.affected,
        "not_affected": counts.not_affected,
        "undecided": counts.undecided,
    }


def profile_part(profile: Profile) -> ProfilePart:
    return {
        "machine": profile.machine,
        "emulator": profile.emulator,
        "command_line": profile.command_line,
        "seconds": profile.seconds,
        "instructions": profile.instructions,
        "calibration": profile.calibration,
        "log_seconds": profile.log_clock / 1e9 if profile.log_clock else None,
        "phases": _instructions_parts(profile.phases),
        "initcalls": _instructions_parts(profile.initcalls),
        "memory_used": profile.memory_used,
    }


def _instructions_parts(parts: Iterable[Phase | Initcall]) -> list[InstructionsPart]:
    return [{"name": part.name, "instructions": part.instructions} for part in parts]
