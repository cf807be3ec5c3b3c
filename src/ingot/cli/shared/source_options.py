"""The options that select a kernel's source: `--source`, `--keyring`, `--patch`, `--offline`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.errors import UserError
from ingot.source.git.git_repository import PREFIX, GitUrl

OwnSource = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="PATH|git+URL#REF",
        help="Use this kernel tarball, tree or git commit instead of a release. For git, name a"
        " tag, a branch or a full commit ID: git+https://HOST/PATH#v6.1.176,"
        " git+file:///PATH#BRANCH. With a tree or git, the version is read from the tree: KERNEL"
        " may be a series, and where KERNEL is optional, it may be left out.",
        show_default=False,
    ),
]
Keyring = Annotated[
    Path | None,
    typer.Option(
        "--keyring",
        metavar="FILE",
        help="With --source git+URL#TAG: require that one of these OpenPGP keys signed the tag.",
        show_default=False,
    ),
]
Patches = Annotated[
    list[Path] | None,
    typer.Option(
        "--patch",
        metavar="FILE",
        help="Apply this patch after the patches of the catalog; may be given more than once.",
        show_default=False,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar="INGOT_OFFLINE",
        help="Use no network, only what `ingot fetch` or an earlier build put into the cache.",
    ),
]


def parse_source(
    source: str | None, keyring: Path | None
) -> tuple[Path, None] | tuple[None, GitUrl] | tuple[None, None]:
    """The value of `--source`: a path, or a git URL; neither if the option is not given.

    Raises a UserError if there is a keyring, but no git URL.
    """
    if source and source.startswith(PREFIX):
        return None, GitUrl.parse(source)
    if keyring:
        raise UserError(
            "--keyring is only for the tag of a git repository",
            hint="add --source git+https://HOST/PATH#TAG",
        )
    return (Path(source).absolute(), None) if source else (None, None)


def parse_patches(files: Sequence[Path]) -> tuple[Path, ...]:
    """The files of `--patch`; a UserError if one is missing."""
    if missing := [str(file) for file in files if not file.is_file()]:
        raise UserError(
            f"there is no patch file {', '.join(missing)}",
            hint="check the path: it is relative to the current directory",
        )
    return tuple(file.absolute() for file in files)
