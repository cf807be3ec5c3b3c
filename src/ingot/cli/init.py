"""`ingot init`: a new catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingot import catalog as catalogs
from ingot.cli.shared.terminal import Terminal, print_line


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the directory kernels/ is to be made.")
    ],
) -> None:
    """Make a catalog to change as you like.

    DIR/kernels gets a copy of the fragments, rules, keys and kernels that come with Ingot;
    images go to DIR/images. Beside them, a README.md, a .gitignore and a workflow that builds and
    publishes on GitHub are written, unless DIR has such files.
    """
    made = catalogs.starter(folder.absolute())
    print_line(str(made))
    Terminal(stderr=True).say(("next:", "bold"), f" cd {folder} && ingot build 6.1-minimal")
