"""What a person types to name a kernel, an image or a file: read here, and nowhere else.

The first rule that fits decides (docs/operands.md says the same to people):

    ./FILE, ../FILE, /FILE        a file, which must be there
    docker://HOST/NAME:TAG        an image of a registry
    oci:DIR:TAG                   an image of a directory with an OCI layout
    6.1, 6.1.176-minimal          a kernel of the catalog: what begins as a version
    kernel-bin:6.1, NAME:TAG      an image of the store: a colon, and no slash
    FILE                          a file, if there is one of that name
    HOST/NAME:TAG                 an image of a registry: what has a slash
    any other word                a kernel of the catalog, which may not have it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ingot.errors import UserError
from ingot.images import KERNEL_IMAGES
from ingot.registry import TRANSPORT

_LAYOUT = "oci:"
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?(?:-\w+)*")

FORMS = "write ./FILE, 6.1-minimal, kernel-bin:6.1.176 or HOST/kernel-bin:6.1.176"
"""What can be written where a kernel, an image and a file are all taken."""


@dataclass(frozen=True, slots=True)
class KernelName:
    """A kernel of the catalog, by version or series: `6.1`, `6.1.176-minimal`, `6.12-arm64`."""

    kind: ClassVar[str] = "the name of a kernel of the catalog"
    name: str

    @property
    def has_version(self) -> bool:
        """Whether it begins as a version does; any other word names nothing in most catalogs."""
        return bool(_VERSION.fullmatch(self.name))


@dataclass(frozen=True, slots=True)
class StoreImage:
    """An image of the store, by its tag there: `kernel-bin:6.1`."""

    kind: ClassVar[str] = "the name of an image of the store"
    name: str


@dataclass(frozen=True, slots=True)
class RegistryImage:
    """An image of a registry: `docker.io/foobar/kernel-bin:6.1`, without a transport."""

    kind: ClassVar[str] = "the name of an image of a registry"
    reference: str


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """An image of a directory with an OCI layout: `oci:DIR:TAG`."""

    kind: ClassVar[str] = "the name of an image of an OCI layout"
    folder: Path
    tag: str


@dataclass(frozen=True, slots=True)
class FileName:
    """A file that is there; it may be a pipe."""

    kind: ClassVar[str] = "a file"
    path: Path


Operand = KernelName | StoreImage | RegistryImage | LayoutImage | FileName


def parse_operand(text: str) -> Operand:
    """What `text` names. A UserError if it is written as a path, and no file is there."""
    if text.startswith((".", "/")):
        return FileName(_existing(text))
    if text.startswith(TRANSPORT):
        return RegistryImage(text.removeprefix(TRANSPORT))
    if text.startswith(_LAYOUT):
        folder, _, tag = text.removeprefix(_LAYOUT).partition(":")
        return LayoutImage(Path(folder), tag)
    if _VERSION.fullmatch(text):
        return KernelName(text)
    if text in KERNEL_IMAGES or (":" in text and "/" not in text):
        return StoreImage(text)
    if _is_file(Path(text)):
        return FileName(Path(text))
    return RegistryImage(text) if "/" in text else KernelName(text)


def kernel_named(text: str) -> str:
    """The name of a kernel of the catalog; a UserError if `text` names something else."""
    operand = parse_operand(text)
    if isinstance(operand, KernelName):
        return operand.name
    raise not_taken(
        text, operand, "a kernel of the catalog", "write 6.1, 6.1.176-minimal or 6.12-arm64"
    )


def not_taken(text: str, operand: Operand, wanted: str, hint: str) -> UserError:
    """The error for an operand of a kind that a verb does not take."""
    return UserError(f"{text} is not {wanted}", why=f"it is {operand.kind}", hint=hint)


def _existing(text: str) -> Path:
    path = Path(text)
    if not _is_file(path):
        why = "it is a directory" if path.is_dir() else "nothing is there"
        raise UserError(f"{text} is not a file", why=why, hint="is the path right?")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # longer than a name can be, or with a zero byte in it
        return False
