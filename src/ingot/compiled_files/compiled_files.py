"""The source files from which a kernel was compiled: one value, read from kbuild's own records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CompiledFiles:
    """The source files of one compile: C, assembly and headers.

    All paths are relative to the top of the source tree (`net/core/dev.c`). `built_in` has the
    files of vmlinux. `modules` has the files of each module, by its path below
    `/lib/modules/<release>/` (`kernel/net/bridge/bridge.ko`). `tree` has every file of the source
    tree, so that a path that was not compiled is known to exist.

    `left_out` has the files of the modules that were compiled, but not installed; they are not part
    of the kernel. `switched_off` has, of the C and assembly files that were not compiled, those
    whose option is off, each with that option, without CONFIG_. It is a reason to show: that a file
    was not compiled follows from the other members.
    """

    built_in: frozenset[str]
    modules: Mapping[str, frozenset[str]]
    tree: frozenset[str]
    left_out: frozenset[str] = frozenset()
    switched_off: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        """The files of vmlinux and of all modules."""
        return self.built_in.union(*self.modules.values())
