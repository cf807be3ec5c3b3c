"""A boot profile: what a kernel costs until init starts, in instructions and in memory.

A guest's time is counted, not measured: QEMU's `-icount shift=0` moves the guest's clock by one
nanosecond an instruction, so that a figure is the same on every run and on any machine that has
the same QEMU. How it is taken: `ingot.boot.cost.instruction_count`.

A profile is kept as JSON, as the data of an OCI artifact whose subject is the kernel's base image:

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
"""The media type of a profile: what it is as an artifact, and as the artifact's data."""


@dataclass(frozen=True, slots=True)
class Initcall:
    """One function that sets up a part of the kernel, as `initcall_debug` names it.

    `instructions` is what passed from its call to its return: what others did meanwhile, while
    it slept, is in it. Functions of one name count as one.
    """

    name: str
    instructions: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of the boot that the kernel's log marks, or all waits together, wherever they were."""

    name: str
    instructions: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kernel cost, booted on `machine` by `emulator` with `command_line`.

    `instructions` is what passed from the reset of the machine to the first instruction of
    /init: the kernel from its entry on, the unpacking of a 1 MiB initramfs included, and before
    it the emulator's firmware, which is 15,335 instructions in QEMU 7.2's microvm and 6 in its
    virt. A wait without work counts too, a nanosecond as an instruction. Left out is the
    `calibration` of the APIC timer against a clock: every kernel waits for it under emulation
    and none under KVM. Characters on the console are not in it: the boot is `quiet`.

    `phases` follow each other and sum to `instructions`; `initcalls` are the costliest first.
    Both are empty of detail, a single phase and no initcall, where the log says nothing.

    `log_clock` is how old the kernel took itself to be at that moment, in nanoseconds: what the
    time stamps of its log tell. It is less than what passed, since on x86_64 that clock begins
    late and stands still while the CPU and its timer are set up; 0 if it is not known.

    `memory_used` is in bytes: the memory of the machine (256 MiB) less what /proc/meminfo calls
    MemFree when init starts. So it has the kernel itself, its tables for all of the memory, and
    what was unpacked from the initramfs.
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
        """`instructions` as time of the guest."""
        return self.instructions / 1e9

    def to_json(self) -> dict[str, object]:
        """The profile as JSON has it; see the module's docstring."""
        values = asdict(self)
        return {**values, "phases": list(values["phases"]), "initcalls": list(values["initcalls"])}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read what `to_json` gave; a UserError lists all that is wrong with it."""
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


# Profiles come from registries too: nothing that a terminal or a page would act on, no figure
# that would not fit what is drawn of it.
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
