"""What a person may point at where a config is wanted: kernels, files, images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingot import lab, pipeline
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import choose_one
from ingot.cli.shared.progress_display import kernel_label
from ingot.errors import MachineError, UserError
from ingot.image_lookup import find_image
from ingot.images import KERNEL_IMAGES
from ingot.kconfig import OptionTable
from ingot.lab import NamedConfig
from ingot.progress import Progress
from ingot.registry import TRANSPORT
from ingot.setting import Setting

_VERSION = re.compile(r"\d+\.\d+(?:[.-]|$)")


@dataclass(frozen=True, slots=True)
class Operand:
    """A config, under the name it was asked for by; `table` if its kernel's Kconfig is at hand."""

    config: NamedConfig
    table: OptionTable | None = None


def read_operand(setting: Setting, name: str, progress: Progress) -> Operand:
    """The config that `name` means: a file, an image, or a kernel of the catalog.

    A UserError says what it could have been, if it is none of these.
    """
    if path := file_named(name):
        return Operand(lab.config_of_file(path))
    if is_image(name):
        return Operand(config_of_image_named(setting, name, arch_called(setting.project.host)))
    if not _VERSION.match(name):
        raise UserError(
            f"'{name}' is no file, no image and no kernel of the catalog",
            hint="write ./FILE, 6.1-minimal, kernel-bin:6.1.176 or registry/kernel-bin:6.1.176",
        )
    kernel = choose_one(setting, name)
    (resolved,) = pipeline.resolve_all(setting, [kernel], progress)
    series, arch = kernel.version.series, kernel.arch
    config = NamedConfig(kernel_label(kernel), resolved.config, series, arch)
    return Operand(config, resolved.table)


def file_named(name: str) -> Path | None:
    """The file of that name, which may be a pipe; None if there is none.

    A UserError if the name is written as a path and yet is no file.
    """
    path = Path(name)
    if path.exists() and not path.is_dir():
        return path
    if name.startswith((".", "/")):
        why = "it is a folder" if path.is_dir() else "there is nothing of that name"
        raise UserError(f"{name} is no file", why=why)
    return None


def option_named(text: str) -> str:
    """An option as Kconfig calls it, from what a person types: `FUSE_FS`, `config_fuse_fs`.

    Some options have lower case in their names, but none has nothing else.
    """
    name = re.sub("^CONFIG_", "", text.strip(), flags=re.IGNORECASE)
    return name.upper() if name.islower() else name


def is_image(name: str) -> bool:
    """Whether a name is written as one of an image, of the store or of a registry."""
    return (
        name.startswith(TRANSPORT)
        or name.partition(":")[0] in KERNEL_IMAGES
        or ("/" in name and not name.startswith((".", "/")))
    )


def config_of_image_named(setting: Setting, name: str, platform: Arch) -> NamedConfig:
    """The config of an image of the store (`kernel-bin:6.1`) or of a registry (`host/name:tag`).

    `platform` is meant where a registry's image is one for several. MachineError if a registry
    would have to be asked without a network.
    """
    if "/" in name:
        if setting.options.offline:
            raise MachineError(f"{name} is in a registry", hint="leave out --offline to ask it")
        return lab.config_of_reference(name, platform)
    tag, image = find_image(setting.project, name)
    return lab.config_of_image(setting.project.layout, image, tag)
