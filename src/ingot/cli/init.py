"""`ingot init`: a catalog of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingot import catalog as catalogs
from ingot.cli.shared.terminal import Terminal, print_line


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the folder kernels/ is to be made.")
    ],
) -> None:
    """Make a catalog of one's own.

    DIR/kernels gets a copy of the fragments, rules, keys and kernels that come with Ingot,
    to be changed at will; images go to DIR/images.
    """
    made = catalogs.starter(folder.absolute())
    print_line(str(made))
    Terminal(stderr=True).say(("next:", "bold"), f" cd {folder} && ingot build 6.1-minimal")
