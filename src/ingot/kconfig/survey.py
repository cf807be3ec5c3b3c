"""Writes all options that a kernel's Kconfig defines to a file. Runs inside the builder.

This file is a program, not a part of the library: `ingot.configure` puts it into the sandbox,
with kconfiglib, and the kernel's own `make` starts it there with the environment that its
Kconfig files expect. They may run shell commands, so it must never run anywhere else.

    python3 survey.py OUTPUT

The output is JSON; `ingot.kconfig.option_table` reads and documents it. kconfiglib
14.1 reads the Kconfig language of 2020; `_Reader` translates later additions. The builder's
Python may be older than Ingot's, so nothing here is newer than Python 3.8.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import kconfiglib
from kconfiglib import OR, Choice, Kconfig, MenuNode, Symbol, expr_str

_TRISTATES = ("n", "m", "y")
_ENTRY = re.compile(r"\s*(?:menu)?config\s+(\w+)\s*$")
_HELP = re.compile(r"\s*(?:---)?help(?:---)?\s*$")
_CONDITIONAL = re.compile(r"(\s*depends\s+on\s+)(?!.*[\"'#\\])(.+?)\s+if\s+(.+?)\s*$")
_USES_MACRO = re.compile(r"\s*(?:def_bool|def_tristate|default|depends\s+on)\b.*\$\(")
_TOP = Path(os.environ.get("srctree", "."))  # noqa: SIM112 (the name the kernel's make gives it)
_NOT_SOURCE = {"Documentation", "scripts", "tools", "debian"}


class _Reader(Kconfig):  # type: ignore[misc]
    """Kconfig of current kernels: keywords newer than kconfiglib are replaced by ones it supports.

    `modules` (5.14) was `option modules`; a `transitional` symbol (6.18) is an old name that is
    read and not written, and recorded in `renamed`; `depends on A if B` is `depends on A || !(B)`.
    """

    def __init__(self, path: str) -> None:
        self.renamed: set[str] = set()
        super().__init__(path, warn=False)

    def _open(self, filename: str, mode: str) -> Any:
        with super()._open(filename, mode) as file:
            return io.StringIO("".join(self._translated(file)))

    def _translated(self, lines: Iterable[str]) -> Iterator[str]:
        """The translated lines, as many as before; help texts do not change."""
        name: str | None = None
        for line in lines:
            entry = _ENTRY.match(line)
            if entry:
                name = entry.group(1)
            elif _HELP.match(line):
                name = None
            word = line.strip()
            if name and word == "modules":
                yield "\toption modules\n"
            elif name and word == "transitional":
                self.renamed.add(name)
                yield "\n"
            else:
                yield _CONDITIONAL.sub(r"\1(\2) || !(\3)", line)


def _remembering(shell: Any) -> Any:
    """kconfiglib's $(shell,...), which runs each distinct command only once."""
    known: dict[str, str] = {}

    def run(kconf: Kconfig, name: str, command: str) -> str:
        if command not in known:
            known[command] = shell(kconf, name, command)
        return known[command]

    return run


def _text(expression: Any) -> str | None:
    """An expression in Kconfig's syntax; None for one that always holds."""
    text: str = expr_str(expression, _name)
    return None if text == "y" else text


def _name(item: Any) -> str:
    """A symbol or constant; a choice is replaced by the condition of its prompts."""
    if isinstance(item, Choice):
        conditions = [node.prompt[1] for node in item.nodes if node.prompt]
        return "(" + " || ".join(f"({expr_str(each, _name)})" for each in conditions) + ")"
    name: str = item.name
    if item.is_constant and name not in _TRISTATES:
        return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return name


def _any_of(expressions: list[Any]) -> Any:
    result = expressions[0]
    for expression in expressions[1:]:
        result = (OR, result, expression)
    return result


def _describe(symbol: Symbol, kconf: Kconfig) -> dict[str, Any]:
    """One option; empty fields are left out."""
    nodes = symbol.nodes
    prompted = [node for node in nodes if node.prompt]
    first = (prompted or nodes)[0]
    found: dict[str, Any] = {
        "type": kconfiglib.TYPE_TO_STR[symbol.orig_type],
        "prompts": [node.prompt[0] for node in prompted],
        "menu": _menu(first, kconf),
        "depends": _text(symbol.direct_dep),
        "visible": _text(_any_of([node.prompt[1] for node in prompted])) if prompted else None,
        "defaults": list(_conditional(nodes, "defaults")),
        "ranges": [
            [_name(low), _name(high), _text(condition)]
            for node in nodes
            for low, high, condition in node.ranges
        ],
        "choice": [member.name for member in symbol.choice.syms] if symbol.choice else [],
        "help": next((node.help for node in nodes if node.help), ""),
        "places": [f"{node.filename}:{node.linenr}" for node in nodes],
        "tests": [test for node in nodes for test in _tests(node)],
    }
    return {key: value for key, value in found.items() if value}


def _conditional(nodes: list[MenuNode], kind: str) -> Iterator[list[str | None]]:
    """The values of one kind with their conditions.

    With several definitions, the conditions include what each definition depends on; with one
    definition, that is in the option's own `depends`.
    """
    for node in nodes:
        for value, condition in getattr(node, kind if len(nodes) > 1 else f"orig_{kind}"):
            yield [expr_str(value, _name), _text(condition)]


def _menu(node: MenuNode, kconf: Kconfig) -> list[str]:
    titles: list[str] = []
    parent = node.parent
    while parent and parent is not kconf.top_node:
        if parent.prompt:
            titles.insert(0, parent.prompt[0])
        parent = parent.parent
    return titles


_lines: dict[str, list[str]] = {}


def _tests(node: MenuNode) -> Iterator[str]:
    """The macros with which a definition tests the toolchain, such as $(cc-option,-mfoo).

    kconfiglib only keeps their results.
    """
    if node.filename not in _lines:
        text = (_TOP / node.filename).read_text(encoding="utf-8", errors="replace")
        _lines[node.filename] = text.splitlines()
    for line in _lines[node.filename][node.linenr :]:
        if _HELP.match(line) or (line.strip() and not line[0].isspace()):
            return
        if _USES_MACRO.match(line):
            yield line[line.index("$(") :].strip()


def _reverse(kconf: Kconfig, kind: str) -> dict[str, list[list[str | None]]]:
    """Option -> the options that `select` or `imply` it, each with its condition."""
    found: dict[str, list[list[str | None]]] = {}
    for symbol in kconf.unique_defined_syms:
        for target, condition in getattr(symbol, kind):
            found.setdefault(target.name, []).append([symbol.name, _text(condition)])
    return found


def _elsewhere(defined: dict[str, Any]) -> dict[str, list[str]]:
    """The options that only Kconfig files of other arches define, and those files."""
    found: dict[str, list[str]] = {}
    for directory, directories, files in os.walk(_TOP):
        here = Path(directory)
        if here == _TOP:
            directories[:] = [name for name in directories if name not in _NOT_SOURCE]
        for file in sorted(name for name in files if name.startswith("Kconfig")):
            text = (here / file).read_text(encoding="utf-8", errors="replace")
            for name in re.findall(r"^\s*(?:menu)?config\s+(\w+)\s*$", text, re.MULTILINE):
                if name not in defined:
                    found.setdefault(name, []).append(str((here / file).relative_to(_TOP)))
    return found


def survey() -> dict[str, Any]:
    """All of one kernel's options, for the environment's ARCH."""
    kconfiglib._shell_fn = _remembering(kconfiglib._shell_fn)
    kconf = _Reader("Kconfig")
    options = {symbol.name: _describe(symbol, kconf) for symbol in kconf.unique_defined_syms}
    for kind, key in (("selects", "selected_by"), ("implies", "implied_by")):
        for name, by in _reverse(kconf, kind).items():
            options.get(name, {})[key] = by
    for name in kconf.renamed:
        options[name]["transitional"] = True
    return {
        "arch": os.environ.get("SRCARCH", ""),
        "options": options,
        "elsewhere": _elsewhere(options),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(survey(), separators=(",", ":")), encoding="utf-8")
