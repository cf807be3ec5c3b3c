"""The config of what a person names where a config is wanted: a kernel, a file, an image."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingot import lab, pipeline
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import choose_one
from ingot.cli.shared.progress_display import kernel_label
from ingot.errors import MachineError, UserError
from ingot.image_lookup import find_image
from ingot.kconfig import OptionTable
from ingot.lab import NamedConfig
from ingot.operands import (
    FORMS,
    FileName,
    KernelName,
    LayoutImage,
    Operand,
    RegistryImage,
    StoreImage,
    not_taken,
    parse_operand,
)
from ingot.progress import Progress
from ingot.setting import Setting


@dataclass(frozen=True, slots=True)
class OperandConfig:
    """A config, and what named it; `table` if its kernel's Kconfig is at hand."""

    config: NamedConfig
    operand: Operand
    table: OptionTable | None = None


def read_operand_config(setting: Setting, text: str, progress: Progress) -> OperandConfig:
    """The config of a file, of an image, or of a kernel of the catalog, as its Kconfig resolves it.

    A UserError says what can be written, if `text` names none of these.
    """
    operand = parse_operand(text)
    if not isinstance(operand, KernelName):
        return OperandConfig(read_config(setting, text, arch_called(setting.project.host)), operand)
    if not operand.has_version:
        raise UserError(f"'{text}' is not a file, an image or a kernel of the catalog", hint=FORMS)
    kernel = choose_one(setting, operand.name)
    (resolved,) = pipeline.resolve_all(setting, [kernel], progress)
    series, arch = kernel.version.series, kernel.arch
    config = NamedConfig(kernel_label(kernel), resolved.config, series, arch)
    return OperandConfig(config, operand, resolved.table)


def read_config(setting: Setting, text: str, platform: Arch) -> NamedConfig:
    """The config of a file or of an image. A kernel's name means its base image in the store.

    `platform` is the one wanted of a registry's image that is for several. MachineError if a
    registry would have to be asked without a network.
    """
    match parse_operand(text):
        case FileName(path):
            return lab.config_of_file(path)
        case RegistryImage(reference):
            if setting.options.offline:
                raise MachineError(f"{text} is in a registry", hint="leave out --offline to ask it")
            return lab.config_of_reference(reference, platform)
        case StoreImage() | KernelName() as wanted:
            tag, image = find_image(setting.project, wanted)
            return lab.config_of_image(setting.project.layout, image, tag)
        case LayoutImage() as other:
            raise not_taken(text, other, "an image that is read here", FORMS)


def option_named(text: str) -> str:
    """An option as Kconfig calls it, from what a person types: `FUSE_FS`, `config_fuse_fs`.

    Some options have lower case in their names, but none has nothing else.
    """
    name = re.sub("^CONFIG_", "", text.strip(), flags=re.IGNORECASE)
    return name.upper() if name.islower() else name
