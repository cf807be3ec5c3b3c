"""The options that say what is compiled: `--source`, `--keyring`, `--patch`, `--offline`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ingot.errors import UserError
from ingot.setting import Setting
from ingot.source.git.git_repository import PREFIX, GitUrl
from ingot.source.origin import Source

OwnSource = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="PATH|git+URL#REF",
        help="Use this kernel tarball or tree instead of a download, or what a tag, branch or full"
        " commit ID of a git repository names: git+https://HOST/PATH#v6.1.176,"
        " git+file:///PATH#BRANCH. With a tree or git, a series means the version it is, and is"
        " meant where no kernel is named.",
        show_default=False,
    ),
]
Keyring = Annotated[
    Path | None,
    typer.Option(
        "--keyring",
        metavar="FILE",
        help="With --source git+URL#TAG: the tag must be signed by one of these OpenPGP keys.",
        show_default=False,
    ),
]
Patches = Annotated[
    list[Path] | None,
    typer.Option(
        "--patch",
        metavar="FILE",
        help="Apply this patch after those of the catalog; may be given more than once, in order.",
        show_default=False,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar="INGOT_OFFLINE",
        help="Use no network at all, only what is here; `ingot fetch` gets it.",
    ),
]


def parse_source(
    source: str | None, keyring: Path | None
) -> tuple[Path, None] | tuple[None, GitUrl] | tuple[None, None]:
    """What `--source` names: a path, or something in a git repository, or nothing.

    A UserError if there is a keyring and nothing that could be signed by its keys.
    """
    if source and source.startswith(PREFIX):
        return None, GitUrl.parse(source)
    if keyring:
        raise UserError(
            "--keyring is there to check the tag of a git repository",
            hint="name one with --source git+https://HOST/PATH#TAG",
        )
    return (Path(source).absolute(), None) if source else (None, None)


def git_document(setting: Setting) -> dict[str, str] | None:
    """For a script, what `--source git+...` came to; None if the source is no such thing."""
    own = setting.options.local
    if not isinstance(own, Source):
        return None
    return {
        "url": own.url,
        "commit": own.commit,
        "evidence": own.evidence,
        "digest": str(own.digest),
    }


def parse_patches(files: Sequence[Path]) -> tuple[Path, ...]:
    """The files that `--patch` names, which are there."""
    if missing := [str(file) for file in files if not file.is_file()]:
        raise UserError(f"there is no patch {', '.join(missing)}")
    return tuple(file.absolute() for file in files)
