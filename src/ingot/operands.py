"""Command-line operands that name a kernel, an image or a file. Only this module parses them.

The first matching rule decides (docs/operands.md documents the same rules for users):

    ./FILE, ../FILE, /FILE        a file, which must exist
    docker://HOST/NAME:TAG        an image in a registry
    oci:DIR:TAG                   an image in an OCI layout directory
    6.1, 6.1.176-minimal          a kernel of the catalog: the text begins with a version
    kernel-bin:6.1, NAME:TAG      an image in the store: the text has a colon and no slash
    FILE                          a file, if one of that name exists
    HOST/NAME:TAG                 an image in a registry: the text has a slash
    any other text                a kernel of the catalog, which may not have it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ingot.errors import UserError
from ingot.images import KERNEL_IMAGES, split_modules
from ingot.registry import TRANSPORT

_LAYOUT = "oci:"
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?(?:-\w+)*")

FORMS = "write ./FILE, 6.1-minimal, kernel-bin:6.1.176 or HOST/kernel-bin:6.1.176"
"""The hint for an operand that may be a kernel, an image or a file."""


@dataclass(frozen=True, slots=True)
class KernelName:
    """A kernel of the catalog, by version or series: `6.1`, `6.1.176-minimal`, `6.12-arm64`.

    `6.1-plus-zfs` is a kernel with the out-of-tree modules of `ingot module build --name zfs`.
    """

    kind: ClassVar[str] = "the name of a kernel of the catalog"
    name: str

    @property
    def has_version(self) -> bool:
        """Whether the name begins with a version; other names exist in few catalogs."""
        return begins_with_version(self.name)


@dataclass(frozen=True, slots=True)
class StoreImage:
    """An image in the store, by its tag: `kernel-bin:6.1`."""

    kind: ClassVar[str] = "the name of an image of the store"
    name: str


@dataclass(frozen=True, slots=True)
class RegistryImage:
    """An image in a registry: `docker.io/foobar/kernel-bin:6.1`, without a transport prefix."""

    kind: ClassVar[str] = "the name of an image of a registry"
    reference: str


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """An image in an OCI layout directory: `oci:DIR:TAG`."""

    kind: ClassVar[str] = "the name of an image of an OCI layout"
    directory: Path
    tag: str


@dataclass(frozen=True, slots=True)
class FileName:
    """A file that exists; it may be a pipe."""

    kind: ClassVar[str] = "a file"
    path: Path


Operand = KernelName | StoreImage | RegistryImage | LayoutImage | FileName


def parse_operand(text: str) -> Operand:
    """Parse an operand. UserError if it is written as a path and the file does not exist."""
    if text.startswith((".", "/")):
        return FileName(_existing(text))
    if text.startswith(TRANSPORT):
        return RegistryImage(text.removeprefix(TRANSPORT))
    if text.startswith(_LAYOUT):
        directory, _, tag = text.removeprefix(_LAYOUT).partition(":")
        return LayoutImage(Path(directory), tag)
    if begins_with_version(text):
        return KernelName(text)
    if text in KERNEL_IMAGES or (":" in text and "/" not in text):
        return StoreImage(text)
    if _is_file(Path(text)):
        return FileName(Path(text))
    return RegistryImage(text) if "/" in text else KernelName(text)


def begins_with_version(text: str) -> bool:
    """Whether a text has the form of a kernel of the catalog: `6.1`, `6.1.176-minimal`."""
    return bool(_VERSION.fullmatch(text))


def kernel_named(text: str) -> str:
    """The name of a kernel of the catalog; UserError if `text` names something else."""
    operand = parse_operand(text)
    if isinstance(operand, KernelName):
        kernel, modules = split_modules(operand.name)
        if modules:
            raise UserError(
                f"{text} is a kernel with the out-of-tree modules '{modules}'",
                why="this command takes a kernel of the catalog",
                hint=f"name the kernel alone: {kernel}",
            )
        return kernel
    raise not_taken(
        text, operand, "a kernel of the catalog", "write 6.1, 6.1.176-minimal or 6.12-arm64"
    )


def not_taken(text: str, operand: Operand, wanted: str, hint: str) -> UserError:
    """The error for an operand of a kind that the command does not accept."""
    why = f"it is {operand.kind}"
    if isinstance(operand, KernelName) and not operand.has_version:
        why = "there is no file of that name; a name without a slash means a kernel of the catalog"
    return UserError(f"{text} is not {wanted}", why=why, hint=hint)


def _existing(text: str) -> Path:
    path = Path(text)
    if not _is_file(path):
        why = "it is a directory" if path.is_dir() else "it does not exist"
        raise UserError(f"{text} is not a file", why=why, hint="check the path")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # the name is too long, or has a null byte
        return False
