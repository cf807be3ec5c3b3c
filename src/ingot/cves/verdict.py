"""The verdict on one CVE: is its code in a kernel, by the files that it was compiled from?

A wrong "not affected" is the worst mistake that can be made here, so that verdict needs a proof:
every listed file exists in the source tree of this kernel, and none of them was compiled or
included. The rule, in order:

- a listed file was compiled or included: affected;
- no file is listed, or one is missing in the tree: undecided, unless a rename is known;
- a file decides something in a way that the compiled files do not show (Kconfig, a Makefile, a
  linker script, a device tree, Rust): undecided, unless it belongs to another architecture;
- else: not affected.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.compiled_files import CompiledFiles
from ingot.cves.renames import origins, other_names

VMLINUX = "vmlinux"
_COMPILED = (".c", ".S", ".h")
_LINKER_SCRIPT = ".lds.S"
_BUILD_PROGRAMS = re.compile(
    r"scripts/|tools/(?!perf/)|usr/|certs/|arch/[^/]+/(?:boot/)?tools/|"
    r".*/(?:conmakehash|gen-hyprel|gen_crc\w+|genmap|makemapdata|mk(?:cpustr|piggy|regtable|tables"
    r"|utf8data)|pnmtologo|vdso2c)\.[ch]$"
)
"""Programs that run during the build (`hostprogs` of Makefiles). They are not in the kernel, but
what they do wrong can be."""
_NO_CODE = re.compile(r".*\.rst|Documentation/.*|tools/testing/.*|MAINTAINERS|CREDITS")
"""Documentation, and tests that run in user space."""


class Status(enum.Enum):
    """Whether a kernel is affected by a CVE."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    UNDECIDED = "undecided"
    FIXED = "fixed"
    """Only by a decision: a patch of the catalog fixes it."""


class Cause(enum.Enum):
    """Why a status was given; the value is a description for people."""

    COMPILED = "a file was compiled in"
    INCLUDED = "a header was included"
    NOT_COMPILED = "no file was compiled in"
    LEFT_OUT = "a file was compiled only into modules that are not in kernel-modules"
    OTHER_ARCH = "it is code of another architecture"
    NO_FILE = "the record lists no file"
    MISSING = "a file is not in this source tree, under any known name"
    NOT_SHOWN = "a file has effects that the compiled files do not show"
    NO_COMPILED_FILES = "the image has no list of the files that it was compiled from"
    SWITCHED_OFF = "the config switches its files off, which does not prove it"
    DECIDED = "decided by hand"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of a CVE, its cause, and the files that decided it.

    `files` are names in this source tree, except for the cause MISSING. `compiled_into` lists
    `vmlinux` and the paths of modules that contain a file. `options` are those of the config that
    are off, without which the files are not compiled (CONFIG_TUN). `reason` and `justification` (of
    OpenVEX) are those of a decision by hand.
    """

    status: Status
    cause: Cause
    files: tuple[str, ...] = ()
    compiled_into: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    reason: str = ""
    justification: str = ""


class CompiledIndex:
    """What a kernel was compiled from, for looking up many files."""

    def __init__(self, compiled: CompiledFiles) -> None:
        self.tree = compiled.tree
        self.all = compiled.all
        self.left_out = compiled.left_out
        self.switched_off = compiled.switched_off
        self._compiled = compiled
        self._arches = {arch for file in self.all if (arch := _arch_of(file))}

    def is_foreign(self, file: str) -> bool:
        """Whether a file belongs to an architecture of which nothing was compiled."""
        arch = _arch_of(file)
        return bool(arch) and arch not in self._arches

    def places(self, files: Sequence[str]) -> tuple[str, ...]:
        """`vmlinux` and the modules that any of the files was compiled into."""
        wanted = set(files)
        found = [] if wanted.isdisjoint(self._compiled.built_in) else [VMLINUX]
        modules: Mapping[str, frozenset[str]] = self._compiled.modules
        found += sorted(name for name, inner in modules.items() if not wanted.isdisjoint(inner))
        return tuple(found)


def judge_files(files: Sequence[str], compiled: CompiledIndex) -> Verdict:
    """The verdict on a CVE whose first fix changed these files."""
    found, missing = _in_tree(files, compiled.tree)
    parts = [part for file in missing for part in origins(file)]
    if used := [file for file in dict.fromkeys([*found, *parts]) if file in compiled.all]:
        cause = Cause.INCLUDED if all(file.endswith(".h") for file in used) else Cause.COMPILED
        return Verdict(Status.AFFECTED, cause, tuple(used), compiled.places(used))
    with_code = [file for file in files if not _has_no_code(file)]
    if not with_code:
        return Verdict(Status.UNDECIDED, Cause.NO_FILE, tuple(files))
    if lost := [file for file in missing if not (_has_no_code(file) or compiled.is_foreign(file))]:
        return Verdict(Status.UNDECIDED, Cause.MISSING, tuple(lost))
    if hidden := [file for file in found if not (_is_shown(file) or compiled.is_foreign(file))]:
        return Verdict(Status.UNDECIDED, Cause.NOT_SHOWN, tuple(hidden))
    decided = [*found, *missing]
    if all(compiled.is_foreign(file) for file in with_code):
        return Verdict(Status.NOT_AFFECTED, Cause.OTHER_ARCH, tuple(decided))
    cause = Cause.NOT_COMPILED if compiled.left_out.isdisjoint(found) else Cause.LEFT_OUT
    options = _options_off(found, compiled.switched_off)
    return Verdict(Status.NOT_AFFECTED, cause, tuple(decided), options=options)


def guess(files: Sequence[str], switched_off: Mapping[str, str]) -> Verdict:
    """The verdict for a kernel whose compiled files are not known: always undecided.

    `switched_off` are files that its config switches off, each with an option that is off.
    """
    if files and all(file in switched_off for file in files):
        options = _options_off(files, switched_off)
        return Verdict(Status.UNDECIDED, Cause.SWITCHED_OFF, tuple(files), options=options)
    return Verdict(Status.UNDECIDED, Cause.NO_COMPILED_FILES)


def _options_off(files: Sequence[str], switched_off: Mapping[str, str]) -> tuple[str, ...]:
    """The options that switch the files off, as far as they are known."""
    names = (switched_off[file] for file in files if file in switched_off)
    return tuple(dict.fromkeys(f"CONFIG_{name}" for name in names))


def _in_tree(files: Sequence[str], tree: frozenset[str]) -> tuple[list[str], list[str]]:
    """The names that the listed files have in this tree, and the files that it does not have."""
    found: list[str] = []
    missing: list[str] = []
    for file in files:
        names = [file] if file in tree else [name for name in other_names(file) if name in tree]
        found += names
        if not names:
            missing.append(file)
    return list(dict.fromkeys(found)), missing


def _arch_of(file: str) -> str:
    """The architecture whose directory has the file, such as `arm64`; empty if none has."""
    parts = file.split("/", 2)
    return parts[1] if parts[0] == "arch" and len(parts) == 3 else ""


def _is_shown(file: str) -> bool:
    """Whether the compiled files show what the file is used for."""
    if _has_no_code(file):
        return True
    if file.endswith(_LINKER_SCRIPT) or _BUILD_PROGRAMS.match(file):
        return False
    return file.endswith(_COMPILED)


def _has_no_code(file: str) -> bool:
    """Whether the file cannot be a part of any kernel."""
    return _NO_CODE.fullmatch(file) is not None
