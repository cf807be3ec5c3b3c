"""`ingot spec`: what to paste where a kernel is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from ingot import specs
from ingot.cli.push import DEFAULT_REGISTRY
from ingot.cli.shared.common_options import CatalogFolder, KernelName, choose_one, make_setting
from ingot.cli.shared.terminal import Terminal, print_document

_NAMES = [platform.name for platform in specs.PLATFORMS]


def _complete(incomplete: str) -> list[str]:
    return [name for name in _NAMES if name.startswith(incomplete)]


def spec(
    kernel: KernelName,
    platform: Annotated[
        str,
        typer.Option(
            metavar="PLATFORM",
            help=f"Who is to use it: {', '.join(_NAMES)}.",
            autocompletion=_complete,
        ),
    ],
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy",
            help="For Flintlock before 0.5.0 and CAPMVM before 0.8.0: one image, no volume.",
        ),
    ] = False,
    registry: Annotated[
        str,
        typer.Option(envvar="REGISTRY", metavar="HOST[/PATH]", help="Where the images are."),
    ] = DEFAULT_REGISTRY,
    pin: Annotated[
        bool,
        typer.Option("--pin", help="Refer to images by the digests of what the store has."),
    ] = False,
    catalog: CatalogFolder = None,
) -> None:
    """Print what to paste where a kernel is used.

    A create request of Flintlock, the part of a MicrovmMachineTemplate (CAPMVM), a config file of
    Firecracker, a command for Cloud Hypervisor, commands for containerd.

    Only that goes to standard output; what to know and do about it goes to standard error.
    """
    row = specs.platform_named(platform, legacy=legacy)
    setting = make_setting(catalog, None)
    subject = specs.find_spec_kernel(
        setting.project.layout, choose_one(setting, kernel), registry, pin=pin
    )
    made = specs.make_spec(row, subject)
    errors = Terminal(stderr=True)
    _tell(errors, ("warning:", "yellow"), made.warnings)
    _tell(errors, ("note:", "bold"), made.notes)
    _tell(errors, ("next:", "bold"), made.steps)
    print_document(made.snippet)


def _tell(console: Terminal, word: tuple[str, str], texts: Iterable[str]) -> None:
    for text in texts:
        console.say(word, f" {text}")
