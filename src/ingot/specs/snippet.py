"""From a platform's row and a kernel to the text to paste, and what to know and do about it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ingot.catalog import Kernel
from ingot.errors import UserError
from ingot.images import BASE, BIN, KERNEL_FILE, MODULES
from ingot.specs.platforms import FILES, PLACEHOLDER, TargetPlatform
from ingot.specs.spec_kernel import SpecKernel

_TEMPLATES = Path(__file__).parent / "templates"

_QUOTES: Mapping[str, Callable[[object], str]] = {
    ".json": json.dumps,
    ".yaml": json.dumps,
    ".sh": lambda value: shlex.quote(str(value)),
}
"""How a value is written in each format. What JSON says of a text or a map, YAML says too."""

_PARAMETER = re.compile(r'(?:[^\s"]|"[^"]*")+')
"""A word of a kernel's command line (kernel: admin-guide/kernel-parameters.rst)."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A snippet, and what a person is told beside it: doubts, facts, the next steps."""

    snippet: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    steps: tuple[str, ...]


def make_spec(platform: TargetPlatform, subject: SpecKernel) -> Spec:
    """What to give `platform`, or to run on it, so that it uses the kernel.

    UserError if the platform's console on the kernel's arch is not known.
    """
    values = _values(platform, subject)
    return Spec(
        snippet=_fill(platform.template, values),
        warnings=tuple(_warnings(platform, subject)),
        notes=(
            _origin(subject),
            *_support(platform, subject.kernel),
            *(text.format_map(values) for text in platform.notes),
        ),
        steps=tuple(text.format_map(values) for text in platform.steps),
    )


def command_line(platform: TargetPlatform, subject: SpecKernel) -> str:
    """The recommended command line, on the console that the platform has.

    Empty where the platform has a command line of its own.
    """
    if not platform.consoles:
        return ""
    arch = subject.kernel.arch.name
    if arch not in platform.consoles:
        raise UserError(f"Ingot does not know the console that {platform.title} has on {arch}")
    words = [
        word
        for word in _PARAMETER.findall(subject.command_line)
        if word.partition("=")[0] != "console"
    ]
    return " ".join([f"console={platform.consoles[arch]}", *words, *platform.arguments])


def parameters(platform: TargetPlatform, subject: SpecKernel) -> dict[str, str]:
    """What is recommended beside the parameters on the platform's own command line.

    Name -> value, which is empty where a parameter has none.
    """
    pairs = (word.partition("=") for word in _PARAMETER.findall(subject.command_line))
    return {name: value for name, _, value in pairs if name not in platform.own}


def _values(platform: TargetPlatform, subject: SpecKernel) -> dict[str, object]:
    """What templates, notes and steps may name."""
    kernel = subject.kernel
    return {
        "title": platform.title,
        "tag": kernel.tag,
        "oci": f"linux/{kernel.arch.oci}",
        "one_image": platform.one_image,
        "registry": subject.registry,
        "kernel": subject.references[BASE if platform.one_image else BIN],
        "modules": subject.references[MODULES],
        "filename": KERNEL_FILE,
        "release": subject.release,
        "mount_path": f"/lib/modules/{subject.release}",
        "command_line": command_line(platform, subject),
        "parameters": parameters(platform, subject),
        "placeholder": PLACEHOLDER,
        "files": FILES,
        "get": _get(subject),
        "store": _on_one_line(subject.store),
    }


def _fill(template: str, values: Mapping[str, object]) -> str:
    """The text of a template. Whatever it names is quoted as its format wants it."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        finalize=_QUOTES[PurePath(template).suffix],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)


def _on_one_line(path: Path | None) -> str:
    """The path as a comment of a script can have it; empty where it cannot."""
    return str(path) if path and str(path).isprintable() else ""


def _get(subject: SpecKernel) -> str:
    """The command that puts the kernel's files where snippets look for them."""
    kernel = subject.kernel
    if subject.store and not subject.pinned:
        return f"ingot export {kernel.tag} --to {FILES}"
    return f"ingot pull {subject.references[BASE]} --arch {kernel.arch.name} --to {FILES}"


def _origin(subject: SpecKernel) -> str:
    """Where release and command line are from."""
    tag = subject.kernel.tag
    if subject.store:
        return f"release and command line are those of {BASE}:{tag} in the store"
    return (
        f"{tag} is not built here: the release is taken to be {subject.release}, and the"
        " command line is the usual one of its arch"
    )


def _support(platform: TargetPlatform, kernel: Kernel) -> list[str]:
    """Since which releases the makers of the platform's VMMs stand by the series."""
    return [
        f"{name} supports guests of {kernel.version.series} since {kernel.support[name]}"
        for name in platform.vmms
        if name in kernel.vmms and name in kernel.support
    ]


def _warnings(platform: TargetPlatform, subject: SpecKernel) -> list[str]:
    """What the catalog says against booting this kernel there."""
    kernel = subject.kernel
    arch = kernel.arch.name
    fitting = [name for name in platform.vmms if name in kernel.vmms]
    others = [name for name in platform.vmms if name not in kernel.vmms]
    warnings = [
        f"{name}'s makers call {arch} experimental"
        for name in fitting
        if name in kernel.experimental
    ]
    if others:
        only = f"use it with {' or '.join(fitting)}" if fitting else "it may not boot there"
        warnings.append(
            f"the catalog does not make {kernel.tag} for {' and '.join(others)} on {arch}: {only}"
        )
    return warnings
