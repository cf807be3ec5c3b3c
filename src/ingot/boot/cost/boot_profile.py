"""A boot profile: the instructions and the memory that a kernel needs until init starts.

A guest's time is counted, not measured: QEMU's `-icount shift=0` moves the guest's clock by one
nanosecond per instruction, so that a count is the same on every run, on any machine with the same
QEMU. `ingot.boot.cost.instruction_count` makes profiles.

A profile is stored as JSON: the data of an OCI artifact whose subject is the kernel's base image.

    {"machine": "qemu microvm", "emulator": "QEMU 7.2.22", "command_line": "console=...",
     "instructions": 103629123, "calibration": 108003250, "log_clock": 77244604,
     "phases": [{"name": "memory", "instructions": 2260211}, ...],
     "initcalls": [{"name": "populate_rootfs", "instructions": 41900271}, ...],
     "memory_used": 19386368}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingot.errors import UserError

PROFILE_TYPE = "application/vnd.ingot.boot-profile.v1+json"
"""The media type of a profile: the type of the artifact, and of its data."""


@dataclass(frozen=True, slots=True)
class Initcall:
    """One function that sets up a part of the kernel, as `initcall_debug` names it.

    `instructions` are those from its call to its return, including what other code ran while it
    slept. Functions of the same name are summed.
    """

    name: str
    instructions: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of the boot between marks of the kernel's log, or the sum of all waits."""

    name: str
    instructions: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The cost of one kernel, booted on `machine` by `emulator` with `command_line`.

    `instructions` are those from the reset of the machine to the first instruction of /init. They
    include the emulator's firmware (15,335 instructions in QEMU 7.2's microvm, 6 in its virt), the
    kernel from its entry on, and the unpacking of a 1 MiB initramfs. A wait without work counts
    one instruction per nanosecond. The `calibration` of the APIC timer against a clock is not
    included: every kernel waits for it under emulation, and none under KVM. Output to the console
    is not included, because the boot is `quiet`.

    `phases` follow each other and sum to `instructions`; `initcalls` have the costliest first.
    Without a usable log, there is a single phase, and no initcall.

    `log_clock` is the kernel's own clock at that moment, in nanoseconds, as in the time stamps of
    its log. It is less than the time that passed, since on x86_64 that clock begins late and stops
    while the CPU and its timer are set up; 0 if it is not known.

    `memory_used` is in bytes: the memory of the machine (256 MiB) less MemFree of /proc/meminfo
    when init starts. It includes the kernel itself, its tables for all of the memory, and the
    unpacked initramfs.
    """

    machine: str
    emulator: str
    command_line: str
    instructions: int
    phases: tuple[Phase, ...]
    initcalls: tuple[Initcall, ...]
    memory_used: int
    calibration: int = 0
    log_clock: int = 0

    @property
    def seconds(self) -> float:
        """`instructions` as seconds of the guest's clock."""
        return self.instructions / 1e9

    def to_json(self) -> dict[str, object]:
        """The profile as JSON; see the module's docstring."""
        values = asdict(self)
        return {**values, "phases": list(values["phases"]), "initcalls": list(values["initcalls"])}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read what `to_json` returned; a UserError lists all mistakes."""
        try:
            read = _ProfileDocument.model_validate(document)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            ]
            raise UserError("this is not a boot profile", why="\n".join(faults[:20])) from None
        return cls(
            machine=read.machine,
            emulator=read.emulator,
            command_line=read.command_line,
            instructions=read.instructions,
            phases=tuple(Phase(part.name, part.instructions) for part in read.phases),
            initcalls=tuple(Initcall(part.name, part.instructions) for part in read.initcalls),
            memory_used=read.memory_used,
            calibration=read.calibration,
            log_clock=read.log_clock,
        )


# Profiles come from registries too: allow no control characters, which a terminal or a page would
# interpret, and no number that would not fit the charts made of it.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_Text = Annotated[str, Field(max_length=4096, pattern=_PRINTABLE)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTABLE)]
_Count = Annotated[int, Field(ge=0, lt=1 << 53)]


class _StrictDocument(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)


class _PartDocument(_StrictDocument):
    name: _Name
    instructions: _Count


class _ProfileDocument(_StrictDocument):
    machine: _Text
    emulator: _Text
    command_line: _Text
    instructions: _Count
    phases: Annotated[list[_PartDocument], Field(max_length=100)]
    initcalls: Annotated[list[_PartDocument], Field(max_length=10_000)]
    memory_used: _Count
    calibration: _Count = 0
    log_clock: _Count = 0

    @model_validator(mode="after")
    def _phases_are_all(self) -> Self:
        if sum(phase.instructions for phase in self.phases) != self.instructions:
            raise ValueError("the phases do not sum to the instructions")
        return self
