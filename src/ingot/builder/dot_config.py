"""The `.config` in a sandbox's build directory: Ingot writes it there, Kconfig rewrites it."""

from __future__ import annotations

from ingot.builder.sandbox import Sandbox
from ingot.errors import BuildError
from ingot.files import disk_errors
from ingot.kconfig import Config

NAME = ".config"
LARGEST = 16 << 20
"""The largest `.config` that is read, in bytes; those of distributions have up to 300 KiB."""


def put_config(sandbox: Sandbox, config: Config) -> None:
    """Write `text` as the `.config` in the build directory, replacing any other."""
    with disk_errors(sandbox.build):
        sandbox.outputs.write(NAME, config.text.encode())


def made_config(sandbox: Sandbox) -> Config:
    """The `.config` in the build directory; a BuildError if it is missing or not text."""
    try:
        return Config(sandbox.read(NAME, LARGEST).decode())
    except UnicodeDecodeError:
        raise BuildError("the .config that the kernel's make wrote is not UTF-8 text") from None
