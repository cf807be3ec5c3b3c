"""The shapes that several documents contain. A key that can be unknown is null, never missing.

Imported only to check types and to write docs/json.md: making the shapes takes milliseconds.
"""

from __future__ import annotations

from typing import TypedDict


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
