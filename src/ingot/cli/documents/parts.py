"""The parts that several documents contain. A key that can be unknown is null, never missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from ingot.boot.cost.boot_profile import Initcall, Phase, Profile
    from ingot.builder.builder_packages import PackageChange
    from ingot.catalog import Kernel
    from ingot.errors import IngotError
    from ingot.kconfig import Difference
    from ingot.kernel_cves import CveCounts
    from ingot.pipeline import BuiltImage
    from ingot.progress import Timing
    from ingot.source.origin import Source


class KernelPart(TypedDict):
    """A kernel of the catalog."""

    kernel: str
    version: str
    series: str
    arch: str
    flavor: str


class FailurePart(KernelPart):
    """A kernel that failed."""

    error: str


class ImagePart(TypedDict):
    """An image."""

    image: str
    digest: str
    size: int


class StepPart(TypedDict):
    """A step of a build."""

    name: str
    seconds: float


class SizePart(TypedDict):
    """Something with a size: a module, a source directory of the kernel."""

    name: str
    size: int


class SizeChangePart(TypedDict):
    """A size on both sides of a comparison; null where the item is missing."""

    name: str
    before: int | None
    after: int | None


class OptionChangePart(TypedDict):
    """An option that differs between two configs; `n` if a config does not have it."""

    option: str
    before: str
    after: str
    menu: list[str]


class PackageChangePart(TypedDict):
    """A package of a builder that was added, removed or updated."""

    package: str
    before: str | None
    after: str | None


class SourcePart(TypedDict):
    """Where the source of a kernel came from, and what vouches for it."""

    origin: str
    url: str | None
    commit: str | None
    evidence: str
    digest: str
    size: int | None


class CveCountsPart(TypedDict):
    """How many CVEs are open in a version, and in files that a kernel was compiled from."""

    open: int
    affected: int
    not_affected: int
    undecided: int


class InstructionsPart(TypedDict):
    """A part of a boot, and its cost."""

    name: str
    instructions: int


class ProfilePart(TypedDict):
    """The boot cost of a kernel."""

    machine: str
    emulator: str
    command_line: str
    seconds: float
    instructions: int
    calibration: int
    log_seconds: float | None
    phases: list[InstructionsPart]
    initcalls: list[InstructionsPart]
    memory_used: int


class CheckPart(TypedDict):
    """A check in a guest."""

    name: str
    outcome: str
    detail: str


class VerdictPart(TypedDict):
    """The boot of a build."""

    verdict: str
    machine: str


class BootPart(VerdictPart):
    """A boot. One of `image` and `file` says what was booted; the other is null."""

    image: str | None
    file: str | None
    reason: str | None
    accelerator: str
    seconds: float
    checks: list[CheckPart]
    notes: list[str]
    forged_lines: int
    console: list[str]
    command: str


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
