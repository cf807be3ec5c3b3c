"""The source files from which a kernel was compiled: one value, read from kbuild's own records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompiledFiles:
    """The source files of one compile: C, assembly and headers.

    All paths are relative to the top of the source tree (`net/core/dev.c`). `built_in` has the
    files of vmlinux. `modules` has the files of each module, by its path below
    `/lib/modules/<release>/` (`kernel/net/bridge/bridge.ko`). `tree` has every file of the source
    tree, so that a path that was not compiled is known to exist.
    """

    built_in: frozenset[str]
    modules: Mapping[str, frozenset[str]]
    tree: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """The files of vmlinux and of all modules."""
        return self.built_in.union(*self.modules.values())
