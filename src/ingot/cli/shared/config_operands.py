"""Operands that name a config: a kernel, a file or an image."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingot import lab, pipeline
from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import choose_one
from ingot.cli.shared.progress_display import kernel_label
from ingot.errors import MachineError, UserError
from ingot.image_lookup import find_image
from ingot.kconfig.option_table import OptionTable
from ingot.lab import NamedConfig
from ingot.operands import (
    FORMS,
    FileName,
    KernelName,
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
    """A config and its operand; `table` is set if the operand is a kernel of the catalog."""

    config: NamedConfig
    operand: Operand
    table: OptionTable | None = None


def read_operand_config(
    setting: Setting, text: str, progress: Progress, *, insecure: bool = False
) -> OperandConfig:
    """The config of a file or an image, or the resolved config of a kernel of the catalog.

    Raises a UserError that lists the forms of operands if `text` is none of these.
    """
    operand = parse_operand(text)
    if not isinstance(operand, KernelName):
        platform = arch_called(setting.project.host)
        return OperandConfig(
            _config_of(setting, text, operand, platform, insecure=insecure), operand
        )
    if not operand.has_version:
        raise UserError(f"'{text}' is not a file, an image or a kernel of the catalog", hint=FORMS)
    kernel = choose_one(setting, operand.name)
    (resolved,) = pipeline.resolve_all(setting, [kernel], progress)
    series, arch = kernel.version.series, kernel.arch
    config = NamedConfig(kernel_label(kernel), resolved.config, series, arch)
    return OperandConfig(config, operand, resolved.table)


def read_config(
    setting: Setting, text: str, platform: Arch, *, insecure: bool = False
) -> NamedConfig:
    """The config of a file or of an image. A kernel's name means its base image in the store.

    `platform` selects the image of a multi-arch image in a registry. Raises MachineError for an
    image in a registry with --offline.
    """
    return _config_of(setting, text, parse_operand(text), platform, insecure=insecure)


def read_foreign_config(
    text: str, operand: Operand, platform: Arch, *, insecure: bool, offline: bool
) -> NamedConfig | None:
    """The config of a file or of an image of a registry, for which no catalog is needed.

    None for the other operands. Raises MachineError for an image of a registry if `offline`.
    """
    match operand:
        case FileName(path):
            return lab.config_of_file(path)
        case RegistryImage(reference):
            if offline:
                raise MachineError(f"{text} is in a registry", hint="leave out --offline")
            return lab.config_of_reference(reference, platform, insecure=insecure)
    return None


def _config_of(
    setting: Setting, text: str, operand: Operand, platform: Arch, *, insecure: bool
) -> NamedConfig:
    offline = setting.options.offline
    foreign = read_foreign_config(text, operand, platform, insecure=insecure, offline=offline)
    if foreign:
        return foreign
    match operand:
        case StoreImage() | KernelName() as wanted:
            tag, image = find_image(setting.project, wanted)
            return lab.config_of_image(setting.project.layout, image, tag)
        case other:
            raise not_taken(text, other, "an image that is read here", FORMS)


def option_named(text: str) -> str:
    """The Kconfig name of an option that a user writes as `FUSE_FS` or `config_fuse_fs`.

    A name in lower case alone becomes upper case: some names of options have lower-case letters,
    but none has only these.
    """
    name = re.sub("^CONFIG_", "", text.strip(), flags=re.IGNORECASE)
    return name.upper() if name.islower() else name
