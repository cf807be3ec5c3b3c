"""What is kept of a kernel's makeup, and its form as JSON:

{"kernel": {"drivers/net": 12345, "": 345}, "modules": {"drivers/net/veth.ko": 23456}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_LARGEST = 1 << 40
_LONGEST = 1024


def is_name(text: str) -> bool:
    """Whether a makeup may have it as a name: one that cannot move a terminal's cursor."""
    return len(text) <= _LONGEST and text.isprintable()


@dataclass(frozen=True, slots=True)
class SizeMap:
    """Where the bytes of a kernel and its modules go.

    `kernel`: bytes of the kernel file by the folder of the source tree that they come from. The
    folder "" is what the linker made (tables, alignment) or cannot be told; the sum is the size
    of the file. `modules`: bytes of each module's file, by its path below
    `lib/modules/<release>/kernel`.
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
        """Read what `to_json` gives; ValueError for another shape, whoever may have written it."""
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
        return cls(
            _sizes(document.get("kernel"), "kernel"), _sizes(document.get("modules"), "modules")
        )


def _sizes(value: object, what: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError(f"it has no sizes of the {what}")
    for name, size in value.items():
        if not isinstance(name, str) or not is_name(name):
            raise ValueError(f"it names something of the {what} {name!r:.80}")
        if type(size) is not int or not 0 <= size <= _LARGEST:
            raise ValueError(f"the size of {name!r} of the {what} is no number of bytes")
    return dict(value)
