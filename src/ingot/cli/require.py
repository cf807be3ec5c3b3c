"""`ingot require`: does a published image serve?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from ingot.arch import Arch, arch_called
from ingot.cli.shared.common_options import CatalogFolder, Json, make_setting
from ingot.cli.shared.config_operands import option_named, read_config
from ingot.cli.shared.terminal import make_console, print_document
from ingot.errors import UserError
from ingot.kconfig import OptionRequest, Place, serves
from ingot.lab import NamedConfig
from ingot.setting import Project
from ingot.version import Series

_OPTION = re.compile(r"(?P<option>\w+)(?:=(?P<value>.+))?")
_ANY = "m"
"""An option asked for without a value: built in or a module, as one likes."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One option asked of the image, and whose wish it is."""

    subject: str
    option: str
    value: str
    place: Place | None

    def met_by(self, got: str) -> bool:
        return serves(self.value, got)


def require(
    image: Annotated[
        str,
        typer.Argument(
            help="An image of a registry (docker.io/foobar/kernel-bin:6.1) or of the store"
            " (kernel-bin:6.1), a kernel file or a .config."
        ),
    ],
    vmms: Annotated[
        list[str] | None,
        typer.Option("--vmm", metavar="VMM", help="It must boot in this VMM.", show_default=False),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--feature", metavar="FEATURE", help="It must have this feature.", show_default=False
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="NAME[=VALUE]",
            help="It must have this option: FUSE_FS=y built in, FUSE_FS built in or as a module.",
            show_default=False,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            help="Which of an image's platforms. Default: this machine's.",
            show_default=False,
        ),
    ] = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Tell whether an image serves a VMM, features and options.

    Reads the config that travels with the image; the kernel is only pulled if there is none.
    What VMMs and features need is what this catalog's fragments say of the image's series.

    Exits with 0 if the image serves, and with 1 if it does not.
    """
    setting = make_setting(catalog, None)
    if not (vmms or features or options):
        raise UserError("nothing is required of the image", hint="add --vmm, --feature or --option")
    platform = arch_called(arch or setting.project.host)
    config = read_config(setting, image, platform)
    if arch and config.arch and config.arch != platform:
        raise UserError(
            f"{image} is for {config.arch.name}, not for {platform.name}",
            hint="leave out --arch, or name the image of that arch",
        )
    wishes = list(_wishes(setting.project, config, vmms or [], features or [], options or []))
    unmet = [wish for wish in wishes if not wish.met_by(config.value(wish.option))]
    if as_json:
        print_document(json.dumps(_document(config, wishes, unmet), indent=2))
    else:
        _print(config, wishes, unmet)
    if unmet:
        raise typer.Exit(1)


def _wishes(
    project: Project,
    config: NamedConfig,
    vmms: Sequence[str],
    features: Sequence[str],
    options: Sequence[str],
) -> Iterator[_Wish]:
    for text in options:
        match = _OPTION.fullmatch(text)
        if not match:
            raise UserError(f"'{text}' is no option", hint="write FUSE_FS or FUSE_FS=y")
        yield _Wish("--option", option_named(match["option"]), match["value"] or _ANY, None)
    if not (vmms or features):
        return
    series, arch = _kernel_of(config)
    for name in vmms:
        requests = project.catalog.vmm_requests(name, series, arch)
        yield from _asked(name, requests.values())
    for name in features:
        requests = project.catalog.feature_requests(name, series, arch)
        yield from _asked(name, requests.values())


def _kernel_of(config: NamedConfig) -> tuple[Series, Arch]:
    """The series and arch that decide what fragments ask for."""
    if config.series is None or config.arch is None:
        raise UserError(
            f"{config.name} does not say which kernel it is",
            why="what a VMM or a feature needs depends on the series and the arch",
            hint="ask for single options with --option",
        )
    return config.series, config.arch


def _asked(subject: str, requests: Iterable[OptionRequest]) -> Iterator[_Wish]:
    for request in requests:
        yield _Wish(subject, request.option, request.value, request.place)


def _print(config: NamedConfig, wishes: Sequence[_Wish], unmet: Sequence[_Wish]) -> None:
    console = make_console()
    for wish in unmet:
        got = config.value(wish.option)
        asked = f"{wish.subject}, {wish.place}" if wish.place else wish.subject
        console.say(
            ("✗", "red"), f" CONFIG_{wish.option} must be {_text(wish.value)}, is {got} ({asked})"
        )
    mark = ("✗", "red") if unmet else ("✓", "green")
    met = len(wishes) - len(unmet)
    what = "does not serve" if unmet else "serves"
    console.say(mark, f" {config.name} {what}: {met} of {len(wishes)} options")


def _text(value: str) -> str:
    return "m or y" if value == "m" else value


def _document(
    config: NamedConfig, wishes: Sequence[_Wish], unmet: Sequence[_Wish]
) -> dict[str, object]:
    return {
        "image": config.name,
        "serves": not unmet,
        "asked": len(wishes),
        "unmet": [
            {
                "for": wish.subject,
                "option": wish.option,
                "wanted": wish.value,
                "got": config.value(wish.option),
                "place": str(wish.place) if wish.place else None,
            }
            for wish in unmet
        ],
    }
