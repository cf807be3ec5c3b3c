"""`ingot init`: a catalog of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ingot import catalog as catalogs


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
    print(made)
    Console(stderr=True).print(
        f"[bold]next:[/] cd {folder} && ingot build 6.1-minimal", highlight=False
    )
