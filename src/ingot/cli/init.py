"""`ingot init`: a new catalog."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ingot import catalog as catalogs
from ingot.cli.shared.terminal import Terminal, print_line


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory in which kernels/ is made.")
    ],
) -> None:
    """Make a catalog of your own.

    Copies the catalog that comes with Ingot (kernels, fragments, rules, keys) to DIR/kernels;
    images will be in DIR/images. Also writes a README.md, a .gitignore and a GitHub workflow that
    builds and publishes the kernels, unless DIR has such files.
    """
    made = catalogs.starter(directory.absolute())
    print_line(str(made))
    Terminal(stderr=True).say(("next:", "bold"), f"{_enter(directory)} ingot build 6.1-minimal")


def _enter(directory: Path) -> str:
    return "" if directory.absolute() == Path.cwd() else f" cd {shlex.quote(str(directory))} &&"
