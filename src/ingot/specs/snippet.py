"""Makes the snippet for a platform and a kernel, with warnings, notes and next steps."""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from xml.sax.saxutils import escape

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ingot.catalog import Kernel
from ingot.errors import UserError
from ingot.images import BASE, BIN, KERNEL_FILE, MODULES
from ingot.root_file_systems import (
    ROOT_FILE_SYSTEMS,
    RootFileSystem,
    require_root,
    roots_text,
)
from ingot.specs.platforms import FILES, MODULE_FILES, PLACEHOLDER, TargetPlatform
from ingot.specs.spec_kernel import SpecKernel

_TEMPLATES = Path(__file__).parent / "templates"

_QUOTES: Mapping[str, Callable[[object], str]] = {
    ".json": json.dumps,
    ".yaml": json.dumps,
    ".sh": lambda value: shlex.quote(str(value)),
    ".xml": lambda value: escape(str(value), {'"': "&quot;"}),
}
"""How a value is quoted in each format. A JSON string or map is also valid YAML."""

_PARAMETER = re.compile(r'(?:[^\s"]|"[^"]*")+')
"""A word of a kernel's command line (kernel: admin-guide/kernel-parameters.rst)."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A snippet, with warnings, notes and next steps for the user."""

    snippet: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    steps: tuple[str, ...]


def make_spec(
    platform: TargetPlatform,
    spec_kernel: SpecKernel,
    today: datetime.date | None = None,
    others: Sequence[Kernel] = (),
    root: RootFileSystem | None = None,
) -> Spec:
    """The configuration or commands that make `platform` use the kernel.

    `root` is the file system of the guest's root, ext4 by default. UserError if the kernel cannot
    mount it by itself, or if the platform makes the root from a container image.

    On the day `today`, a warning says if the support of its series is over, and names the newest of
    the `others` that is supported. Without a day, there is no such warning.

    UserError if the platform's console on the kernel's arch is not known, and for out-of-tree
    modules on a platform that takes kernel and modules from one image.
    """
    if platform.one_image and spec_kernel.modules:
        raise UserError(
            f"{platform.title} cannot use {spec_kernel.name}",
            why="it takes kernel and modules from one image, which has no out-of-tree modules",
            hint="leave out --legacy, or copy the modules into the guest's root file system",
        )
    if root:
        _require_root(platform, spec_kernel, root)
    values = _values(platform, spec_kernel, root or ROOT_FILE_SYSTEMS[0])
    return Spec(
        snippet=_fill(platform.template, values),
        warnings=(
            *_warnings(platform, spec_kernel),
            *(_ended(platform, spec_kernel.kernel, today, others) if today else ()),
        ),
        notes=(
            _origin(spec_kernel),
            *_support(platform, spec_kernel.kernel),
            *(text.format_map(values) for text in platform.notes),
            *([roots_text(spec_kernel.value)] if platform.consoles else []),
        ),
        steps=tuple(text.format_map(values) for text in platform.steps),
    )


def _require_root(platform: TargetPlatform, spec_kernel: SpecKernel, root: RootFileSystem) -> None:
    if not platform.consoles:
        raise UserError(
            f"--rootfs does not apply to {platform.title}",
            why="the root of its guests is made from a container image",
            hint="leave out --rootfs",
        )
    require_root(root, spec_kernel.value, spec_kernel.name)


def command_line(
    platform: TargetPlatform, spec_kernel: SpecKernel, root: RootFileSystem = ROOT_FILE_SYSTEMS[0]
) -> str:
    """The recommended command line, with the console and the root of the platform.

    Empty if the platform has its own command line.
    """
    if not platform.consoles:
        return ""
    arch = spec_kernel.kernel.arch.name
    if arch not in platform.consoles:
        raise UserError(
            f"Ingot does not know the console that {platform.title} has on {arch}",
            hint=f"name a kernel for one of: {', '.join(platform.consoles)}",
        )
    words = [
        word
        for word in _PARAMETER.findall(spec_kernel.command_line)
        if word.partition("=")[0] != "console"
    ]
    return " ".join([f"console={platform.consoles[arch]}", *words, *_root_words(platform, root)])


def _root_words(platform: TargetPlatform, root: RootFileSystem) -> list[str]:
    """The platform's own parameters, changed for a root of another file system than ext4."""
    if root == ROOT_FILE_SYSTEMS[0]:
        return list(platform.arguments)
    words = ["ro" if root.read_only and word == "rw" else word for word in platform.arguments]
    return [*words, f"rootfstype={root.name}"]


def parameters(platform: TargetPlatform, spec_kernel: SpecKernel) -> dict[str, str]:
    """The recommended parameters that are not on the platform's own command line.

    Name -> value, which is empty for a parameter without one.
    """
    pairs = (word.partition("=") for word in _PARAMETER.findall(spec_kernel.command_line))
    return {name: value for name, _, value in pairs if name not in platform.own}


def _values(
    platform: TargetPlatform, spec_kernel: SpecKernel, root: RootFileSystem
) -> dict[str, object]:
    """The values for templates, notes and steps."""
    kernel = spec_kernel.kernel
    return {
        "title": platform.title,
        "tag": kernel.tag,
        "name": spec_kernel.name,
        "oci": f"linux/{kernel.arch.oci}",
        "machine_arch": kernel.arch.machine,
        **platform.values.get(kernel.arch.name, {}),
        "one_image": platform.one_image,
        "registry": spec_kernel.registry,
        "kernel": spec_kernel.references[BASE if platform.one_image else BIN],
        "modules": spec_kernel.references[MODULES],
        "filename": KERNEL_FILE,
        "release": spec_kernel.release,
        "mount_path": f"/lib/modules/{spec_kernel.release}",
        "command_line": command_line(platform, spec_kernel, root),
        "root": root,
        "parameters": parameters(platform, spec_kernel),
        "placeholder": PLACEHOLDER,
        "files": FILES,
        "modules_files": _modules_files(spec_kernel),
        "get": _get(spec_kernel),
        "push": _push(spec_kernel),
        "store": _on_one_line(spec_kernel.store),
    }


def _fill(template: str, values: Mapping[str, object]) -> str:
    """The text of a template. Each value is quoted for the template's format."""
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
    """The path for a comment of a script; empty if it is not printable on one line."""
    return str(path) if path and str(path).isprintable() else ""


def _get(spec_kernel: SpecKernel) -> str:
    """The command that puts the kernel's files into the directory that snippets use."""
    arch = spec_kernel.kernel.arch.name
    if _exports(spec_kernel):
        return f"ingot export {spec_kernel.name} --to {FILES}"
    pull = f"ingot pull {spec_kernel.references[BASE]} --arch {arch} --to {FILES}"
    if not spec_kernel.modules:
        return pull
    modules = spec_kernel.references[MODULES]
    return f"{pull} && ingot pull {modules} --arch {arch} --to {MODULE_FILES}"


def _modules_files(spec_kernel: SpecKernel) -> str:
    """The directory that has the modules after the command of `_get`."""
    return MODULE_FILES if spec_kernel.modules and not _exports(spec_kernel) else FILES


def _exports(spec_kernel: SpecKernel) -> bool:
    """Whether the files come from the store."""
    return spec_kernel.store is not None and not spec_kernel.pinned


def _push(spec_kernel: SpecKernel) -> str:
    """The step after which the registry has the images."""
    push = f"ingot push {spec_kernel.name} --registry {spec_kernel.registry}"
    if spec_kernel.store:
        return f"push the images, unless the registry has them: {push}"
    make = f"ingot build {spec_kernel.kernel.tag}"
    return f"build and push the images, unless the registry has them: {make} && {push}"


def _origin(spec_kernel: SpecKernel) -> str:
    """The note that says where release and command line come from."""
    tag = spec_kernel.name
    if spec_kernel.store:
        kernel = spec_kernel.kernel.tag
        return f"release and command line are those of {BASE}:{kernel} in the store"
    return (
        f"{tag} is not built here: its release is assumed to be {spec_kernel.release}, and its"
        " command line the default of its arch"
    )


def _support(platform: TargetPlatform, kernel: Kernel) -> list[str]:
    """The notes on the first releases of the platform's VMMs that support the series."""
    return [
        f"{name} supports guests of {kernel.version.series} since {kernel.support[name]}"
        + (f", guaranteed until {kernel.support_ends[name]}" if name in kernel.support_ends else "")
        for name in platform.vmms
        if name in kernel.vmms and name in kernel.support
    ]


def _ended(
    platform: TargetPlatform, kernel: Kernel, today: datetime.date, others: Sequence[Kernel]
) -> Iterator[str]:
    """Warnings if the series has ended, or its support by one of the platform's VMMs."""
    series = kernel.version.series
    if kernel.ended(today):
        yield f"{series} has got no fixes since {kernel.end_of_life}: use a newer series"
    for name in platform.vmms:
        if name not in kernel.support_ends or kernel.supported(name, today):
            continue
        newer = [one.version.series for one in others if one.supported(name, today)]
        hint = f"; it supports {max(newer)}" if newer else ""
        end = kernel.support_ends[name]
        yield f"the support of {name} for guests of {series} was guaranteed until {end}{hint}"


def _warnings(platform: TargetPlatform, spec_kernel: SpecKernel) -> list[str]:
    """The reasons in the catalog against booting this kernel on the platform."""
    kernel = spec_kernel.kernel
    arch = kernel.arch.name
    fitting = [name for name in platform.vmms if name in kernel.vmms]
    others = [name for name in platform.vmms if name not in kernel.vmms]
    warnings = [
        f"support for {arch} is experimental in {name}"
        for name in fitting
        if name in kernel.experimental
    ]
    if others:
        only = f"use it with {' or '.join(fitting)}" if fitting else "it may not boot there"
        warnings.append(
            f"{kernel.tag} is not configured for {' and '.join(others)} on {arch}: {only}"
        )
    return warnings
