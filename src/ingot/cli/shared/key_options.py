"""The keys of a command line, and the password of a private key."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ingot.errors import UserError

if TYPE_CHECKING:
    from ingot.trust.keys import PrivateKey

PASSWORD_VARIABLES = ("INGOT_KEY_PASSWORD", "COSIGN_PASSWORD")
"""The environment variables with the password, the first one that is set; may be empty."""


def read_key(path: Path) -> PrivateKey:
    """The private key in a file, decrypted with the password of the user."""
    from ingot.trust.key_files import read_private_key  # late: a large library

    return read_private_key(path, lambda: _password(f"password of {path}", confirm=False))


def new_password(path: Path) -> bytes:
    """The password for a new key, which the user types twice."""
    return _password(f"password for {path}", confirm=True)


def _password(prompt: str, *, confirm: bool) -> bytes:
    """The password from the environment, or else from the terminal."""
    for name in PASSWORD_VARIABLES:
        if (found := os.environ.get(name)) is not None:
            return found.encode()
    if not sys.stdin.isatty():
        raise UserError(
            "the password of the key is not known",
            why="there is no terminal to ask for it",
            hint=f"set the environment variable {PASSWORD_VARIABLES[0]}",
        )
    text: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return text.encode()
