"""What is in an image, without writing it anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.errors import UserError
from ingot.oci.archive import Member, clean_name, open_layer
from ingot.oci.entry import Kind
from ingot.oci.image import Image
from ingot.oci.layout import Layout

_Files = dict[str, tuple[int, Member]]


@dataclass(frozen=True, slots=True, order=True)
class FileInfo:
    """A file of an image: size in bytes, permission bits, and where a link points."""

    name: str
    kind: Kind
    size: int
    mode: int
    target: str = ""


def list_files(layout: Layout, image: Image) -> list[FileInfo]:
    """What somebody who unpacks the image would see, sorted by name; all layers verified."""
    return [
        FileInfo(name, member.kind, member.size, member.mode & 0o7777, member.target)
        for name, (_, member) in sorted(_visible(layout, image).items())
    ]


def read_file(layout: Layout, image: Image, name: str) -> bytes:
    """A file's bytes, verified. UserError if the image has no such file.

    All of it is held in memory; unpack the image for something big.
    """
    files = _visible(layout, image)
    wanted = clean_name(name)
    number, member = files.get(wanted, (0, None))
    if member and member.kind == Kind.HARD_LINK:
        wanted = member.target
        number, member = files.get(wanted, (0, None))
    if member is None or member.kind != Kind.FILE:
        raise UserError(
            f"the image {image.descriptor.digest.short} has no file '{name}'",
            why=f"it is a {member.kind.value}" if member else "",
        )
    data = b""
    with open_layer(layout, image.layers[number]) as tar:
        for found in tar:
            if found.name == wanted and found.kind == Kind.FILE:
                data = b"".join(tar.content())
    return data


def _visible(layout: Layout, image: Image) -> _Files:
    """Every name that is left when all layers lie over each other, and whose layer it is."""
    files: _Files = {}
    for number, layer in enumerate(image.layers):
        added: _Files = {}
        with open_layer(layout, layer) as tar:
            for member in tar:
                if member.hides is not None:
                    _hide(files, member.hides, itself=not member.opaque)
                elif member.name:
                    added[member.name] = (number, member)
        for name, (_, member) in added.items():
            if member.kind != Kind.FOLDER:
                _hide(files, name, itself=True)
        files.update(added)
    return files


def _hide(files: _Files, name: str, *, itself: bool) -> None:
    prefix = f"{name}/" if name else ""
    for other in [n for n in files if (n == name and itself) or n.startswith(prefix)]:
        if other != name or itself:
            del files[other]
