"""`ingot keygen`: make a pair of keys, to sign images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.cli.shared.common_options import Json
from ingot.cli.shared.key_options import new_password
from ingot.cli.shared.terminal import print_json, print_line
from ingot.errors import MachineError, UserError
from ingot.files import write_atomic

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import KeygenDocument

_PRIVATE_MODE = 0o600


def keygen(
    name: Annotated[
        Path,
        typer.Argument(
            metavar="NAME",
            help="The name of the pair: NAME.key is the private key, NAME.pub the public one.",
        ),
    ] = Path("ingot"),
    as_json: Json = False,
) -> None:
    """Make a pair of keys, to sign images.

    The private key is encrypted with a password, which is asked for, or taken from the variable
    INGOT_KEY_PASSWORD or COSIGN_PASSWORD. Keep the file and the password; give the public key to
    everyone who verifies your images.

    The files are those of cosign: `cosign sign --key NAME.key` works with them, and `ingot sign`
    with a pair of `cosign generate-key-pair`. No existing file is replaced.
    """
    from ingot.trust.key_files import private_key_file  # late: a large library
    from ingot.trust.keys import PrivateKey

    private, public = Path(f"{name}.key"), Path(f"{name}.pub")
    _require_new(private, public)
    password = new_password(private)
    key = PrivateKey.generate()
    write_atomic(public.absolute(), key.public.pem())
    write_atomic(private.absolute(), private_key_file(key, password), _PRIVATE_MODE)
    document: KeygenDocument = {
        "private_key": str(private),
        "public_key": str(public),
        "fingerprint": key.public.fingerprint,
    }
    if as_json:
        print_json({**document})
        return
    print_line(f"{private}  the private key: keep it, and its password")
    print_line(f"{public}  the public key, {key.public.fingerprint}")


def _require_new(*paths: Path) -> None:
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UserError(
                f"{path} exists already",
                why="a lost private key cannot be made again",
                hint="choose another name: ingot keygen NAME",
            )
        directory = path.absolute().parent
        if not directory.is_dir():
            raise UserError(f"{directory} is not a directory", hint="make it first")
        if not os.access(directory, os.W_OK):
            raise MachineError(
                f"this user cannot write to {directory}", hint="choose another directory"
            )
