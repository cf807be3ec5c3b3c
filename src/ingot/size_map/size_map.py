"""The size map of a kernel, and its JSON format:

{"kernel": {"drivers/net": 12345, "": 345}, "modules": {"drivers/net/veth.ko": 23456}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_LARGEST = 1 << 40
_LONGEST = 1024


def is_name(text: str) -> bool:
    """Whether a size map can contain this name: it must be printable and not too long."""
    return len(text) <= _LONGEST and text.isprintable()


@dataclass(frozen=True, slots=True)
class SizeMap:
    """The sizes of the parts of a kernel and of its modules.

    `kernel`: bytes of the kernel file by the directory of the source tree that they come from.
    The directory "" is for data that the linker made (tables, alignment) and for bytes of unknown
    origin; the sum is the size of the file. `modules`: bytes of each module's file, by its path
    below `lib/modules/<release>/kernel`.
    """

    kernel: Mapping[str, int] = field(hash=False)
    modules: Mapping[str, int] = field(hash=False)

    @property
    def kernel_size(self) -> int:
        """Bytes of the kernel file."""
        return sum(self.kernel.values())

    @property
    def modules_size(self) -> int:
        """Bytes of all module files together."""
        return sum(self.modules.values())

    def to_json(self) -> dict[str, object]:
        return {"kernel": dict(self.kernel), "modules": dict(self.modules)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read the result of `to_json`; ValueError for anything else."""
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
        return cls(
            _sizes(document.get("kernel"), "kernel"), _sizes(document.get("modules"), "modules")
        )


def _sizes(value: object, what: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError(f"it has no sizes of the {what}")
    for name, size in value.items():
        if not isinstance(name, str) or not is_name(name):
            raise ValueError(f"{name!r:.80} is not a valid name in the sizes of the {what}")
        if type(size) is not int or not 0 <= size <= _LARGEST:
            raise ValueError(f"the size of {name!r} of the {what} is not a number of bytes")
    return dict(value)
