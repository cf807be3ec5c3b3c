"""`ingot require`: check the config of a kernel against VMMs, features and options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import CatalogDirectory, Insecure, Json, make_setting
from ingot.cli.shared.completion import (
    complete_features,
    complete_images,
    complete_one_arch,
    complete_vmms,
)
from ingot.cli.shared.config_operands import option_named, read_config
from ingot.cli.shared.terminal import make_console, print_json
from ingot.errors import ConfigError, UserError
from ingot.images import BASE, BIN, KERNEL_LAYER, holds_layer
from ingot.kconfig import FragmentLine, OptionRequest, serves
from ingot.kconfig.similar_names import similar
from ingot.lab import NamedConfig
from ingot.setting import Project
from ingot.version import Series

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import RequireDocument

_OPTION = re.compile(r"(?P<option>\w+)(?:=(?P<value>.+))?")
_ANY = "m"
"""The value of `--option NAME` without a value: built in or a module."""


@dataclass(frozen=True, slots=True)
class _Requirement:
    """One option that the kernel must have, and the VMM, feature or `--option` that requires it."""

    required_by: str
    option: str
    value: str
    place: FragmentLine | None

    def met_by(self, got: str) -> bool:
        return serves(self.value, got)


def require(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|FILE",
            help="An image of a registry (docker.io/foobar/kernel-bin:6.1) or of the store"
            " (kernel-bin:6.1), a kernel file or a .config.",
            autocompletion=complete_images,
        ),
    ],
    vmms: Annotated[
        list[str] | None,
        typer.Option(
            "--vmm",
            metavar="VMM",
            help="The kernel must support this VMM of the catalog.",
            show_default=False,
            autocompletion=complete_vmms,
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--feature",
            metavar="FEATURE",
            help="The kernel must support this feature of the catalog.",
            show_default=False,
            autocompletion=complete_features,
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="NAME[=VALUE]",
            help="The kernel must have this option: FUSE_FS=y is built in, FUSE_FS is built in or a"
            " module.",
            show_default=False,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="ARCH",
            help="The arch to read from a multi-arch image. Default: the arch of this machine.",
            show_default=False,
            autocompletion=complete_one_arch,
        ),
    ] = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Check that a kernel supports VMMs, features and options.

    Reads the config from the image's manifest, and pulls the kernel only if the manifest has none.
    The fragments of the catalog say which options a VMM or a feature needs in the kernel's series.
    Of a VMM's fragment, only what is to be on is needed: the rest suits the catalog's own kernels.

    Exits with 0 if the kernel has all required options, and with 1 if it does not.
    """
    setting = make_setting(catalog, None)
    if not (vmms or features or options):
        raise UserError("nothing is required", hint="add --vmm, --feature or --option")
    platform = arch_called(arch or setting.project.host)
    config = read_config(setting, image, platform, insecure=insecure)
    if arch and config.arch and config.arch != platform:
        raise UserError(
            f"{image} is for {config.arch.name}, not for {platform.name}",
            hint="leave out --arch, or name the image of that arch",
        )
    _require_kernel(config)
    required = list(
        _requirements(setting.project, config, vmms or [], features or [], options or [])
    )
    unmet = [one for one in required if not one.met_by(config.value(one.option))]
    if as_json:
        print_json(_document(config, required, unmet))
    else:
        _print(config, required, unmet)
    if unmet:
        raise typer.Exit(ConfigError.exit_code)


def _require_kernel(config: NamedConfig) -> None:
    """Raise a UserError if the config describes a kernel that is in another image."""
    if config.kind and not holds_layer(config.kind, KERNEL_LAYER):
        others = [config.name.replace(config.kind, other) for other in (BIN, BASE)]
        raise UserError(
            f"{config.name} has no kernel",
            why=f"it is a {config.kind} image, which is used with one",
            hint=f"name {' or '.join(others)}",
        )


def _requirements(
    project: Project,
    config: NamedConfig,
    vmms: Sequence[str],
    features: Sequence[str],
    options: Sequence[str],
) -> Iterator[_Requirement]:
    for text in options:
        match = _OPTION.fullmatch(text)
        if not match:
            raise UserError(f"'{text}' is not an option", hint="write FUSE_FS or FUSE_FS=y")
        yield _Requirement("--option", option_named(match["option"]), match["value"] or _ANY, None)
    if not (vmms or features):
        return
    series, arch = _kernel_of(config)
    for name in vmms:
        requests = project.catalog.vmm_needs(name, series, arch)
        yield from _required_by(name, requests.values())
    for name in features:
        requests = project.catalog.feature_requests(name, series, arch)
        yield from _required_by(name, requests.values())


def _kernel_of(config: NamedConfig) -> tuple[Series, Arch]:
    """The series and arch, which decide the options that fragments ask for."""
    if config.series is None or config.arch is None:
        raise UserError(
            f"the series and the arch of {config.name} are not known",
            why="what a VMM or a feature needs depends on both",
            hint="require single options with --option",
        )
    return config.series, config.arch


def _required_by(name: str, requests: Iterable[OptionRequest]) -> Iterator[_Requirement]:
    for request in requests:
        yield _Requirement(name, request.option, request.value, request.place)


def _print(
    config: NamedConfig, required: Sequence[_Requirement], unmet: Sequence[_Requirement]
) -> None:
    console = make_console()
    for one in unmet:
        got = config.value(one.option)
        place = f"{one.required_by}, {one.place}" if one.place else one.required_by
        console.say(
            ("✗", "red"),
            f" CONFIG_{one.option} must be {_text(one.value)}, is {got} ({place})",
            _similar_option(config, one),
        )
    mark = ("✗", "red") if unmet else ("✓", "green")
    met = len(required) - len(unmet)
    console.say(mark, f" {config.name} has {met} of {len(required)} required options")


def _similar_option(config: NamedConfig, requirement: _Requirement) -> str:
    """A suggestion for an option of the command line that may be misspelt."""
    if requirement.place or config.value(requirement.option) != "n":
        return ""
    names = similar(requirement.option, config.config.options)
    return f": did you mean {' or '.join(names)}?" if names else ""


def _text(value: str) -> str:
    return "m or y" if value == "m" else value


def _document(
    config: NamedConfig, required: Sequence[_Requirement], unmet: Sequence[_Requirement]
) -> RequireDocument:
    return {
        "config": config.name,
        "ok": not unmet,
        "asked": len(required),
        "unmet": [
            {
                "required_by": one.required_by,
                "option": one.option,
                "wanted": one.value,
                "value": config.value(one.option),
                "place": str(one.place) if one.place else None,
            }
            for one in unmet
        ],
    }
