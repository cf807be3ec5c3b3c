"""Source files that a config switches off, by the Makefiles of a source tree.

This is the reason why a file was not compiled. For an image without a list of compiled files, it is
all that is known of them:

    obj-$(CONFIG_BRIDGE) += bridge/             a directory that is not entered
    obj-$(CONFIG_TUN) += tun.o                  an object that is not compiled
    bridge-$(CONFIG_SYSFS) += br_sysfs_if.o     a part of another object

It does not prove that a file is not in the kernel. A file can be included by another one, as
arch/x86/xen/xen-head.S is by head_64.S, and headers are not in Makefiles at all. Makefiles are
read, not run; what is not understood counts as compiled. Compared with the compiled files of
6.1.176: of 28,400 C and assembly files that were not compiled, 24,300 are found, and that one file
is wrong.
Source: the kernel's Documentation/kbuild/makefiles.rst.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ingot.confined_files import ConfinedDirectory, UnsafeFileError

_MAKEFILE_LIMIT = 4 << 20
_MOST_DEPTH = 50
"""How deep objects can be parts of objects; those of the kernel are two deep."""
_NAMES = ("Kbuild", "Makefile")
"""kbuild reads the first of them that exists."""

_ASSIGNMENT = re.compile(r"\s*([A-Za-z_][\w.$()-]*)\s*(?:\+|:|\?)?=\s*(.*)")
_BY_OPTION = re.compile(r"(.+)-\$\(CONFIG_(\w+)\)")
_ALWAYS = re.compile(r"(.+)-(?:y|m|objs)")
_WORD = re.compile(r"[\w./+-]+(?:\.o\b|/(?=\s|$))")
_GOALS = ("obj", "lib", "subdir")
"""The variables of what kbuild compiles in a directory; others are parts of an object."""


class _Makefile:
    """A Makefile and the options of a config.

    `mentions` are the variables in which each object (`br.o`) and directory (`bridge/`) occurs; an
    empty variable is a place that was not understood.
    """

    def __init__(self, mentions: Mapping[str, list[str]], options: Mapping[str, str]) -> None:
        self.mentions = mentions
        self._options = options
        self._known: dict[str, str] = {}

    def option_against(self, name: str, depth: int = 0) -> str:
        """An option that is off, without which the object or directory is not compiled; or ""."""
        if name not in self._known and depth <= _MOST_DEPTH:
            self._known[name] = ""  # also the answer for an object that is a part of itself
            self._known[name] = self._against_all(self.mentions.get(name, []), depth)
        return self._known.get(name, "")

    def _against_all(self, variables: Iterable[str], depth: int) -> str:
        """One of the options, if there is one against each of the variables."""
        option = ""
        for variable in variables:
            option = self._against(variable, depth)
            if not option:
                return ""
        return option

    def _against(self, variable: str, depth: int) -> str:
        if match := _BY_OPTION.fullmatch(variable):
            if self._options.get(match[2], "n") == "n":
                return match[2]
        elif not (match := _ALWAYS.fullmatch(variable)):
            return ""
        return "" if match[1] in _GOALS else self.option_against(f"{match[1]}.o", depth + 1)


def files_switched_off(
    options: Mapping[str, str], source: ConfinedDirectory, tree: Iterable[str]
) -> dict[str, str]:
    """The C and assembly files that a config switches off, each with an option that does it.

    `options` are those of the config, without CONFIG_; `tree` has the files of the source tree
    `source`. A Makefile that cannot be read safely is left out.
    """
    names = sorted(tree)
    makefiles = {
        directory: _Makefile(mentions, options) for directory, mentions in _makefiles(source, names)
    }
    directories: dict[str, str] = {"": ""}
    found = {}
    used = {name for directory, each in makefiles.items() for name in _elsewhere(directory, each)}
    for name in names:
        directory, _, base = name.rpartition("/")
        stem, suffix = posixpath.splitext(base)
        if suffix not in (".c", ".S") or not directory or f"{directory}/{stem}.o" in used:
            continue
        # the file's own option says more than that of its directory (TUN, not NETDEVICES)
        own = makefiles[directory].option_against(f"{stem}.o") if directory in makefiles else ""
        if option := own or _against_directory(directory, makefiles, directories):
            found[name] = option
    return found


def _against_directory(
    directory: str,
    makefiles: Mapping[str, _Makefile],
    known: dict[str, str],
) -> str:
    """An option that is off, without which kbuild does not enter a directory; or ""."""
    if directory in known:
        return known[directory]
    parent, _, base = directory.rpartition("/")
    option = _against_directory(parent, makefiles, known)
    above, inner = parent, f"{base}/"
    while not option:
        if above in makefiles and inner in makefiles[above].mentions:
            option = makefiles[above].option_against(inner)
            break
        if not above:
            break
        above, _, part = above.rpartition("/")
        inner = f"{part}/{inner}"
    known[directory] = option
    return option


def _makefiles(
    source: ConfinedDirectory, names: list[str]
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """What the Makefile of each directory that has one mentions."""
    present = set(names)
    for name in names:
        directory, _, base = name.rpartition("/")
        prefix = f"{directory}/" if directory else ""
        if base in _NAMES and not (base == "Makefile" and f"{prefix}Kbuild" in present):
            with contextlib.suppress(UnsafeFileError):  # such as a link
                text = source.read(name, _MAKEFILE_LIMIT).decode("utf-8", "replace")
                yield directory, _parse(text)


def _parse(text: str) -> dict[str, list[str]]:
    """The variables of a Makefile in which each object and directory occurs."""
    mentions: dict[str, list[str]] = {}
    text = re.sub(r"(?m)#.*$", "", text.replace("\\\n", " "))
    for line in text.split("\n"):
        match = _ASSIGNMENT.fullmatch(line)
        for word in _WORD.findall(match[2]) if match else ():
            mentions.setdefault(word, []).append(match[1] if match else "")
    for word, count in Counter(_WORD.findall(text)).items():
        if count > len(mentions.get(word, ())):
            mentions.setdefault(word, []).append("")  # in a rule, a condition or a function
    return mentions


def _elsewhere(directory: str, makefile: _Makefile) -> Iterator[str]:
    """The objects in other directories that a Makefile names."""
    for word in makefile.mentions:
        if word.endswith(".o") and "/" in word:
            yield posixpath.normpath(posixpath.join(directory, word))
