"""Lists and reads the files of an image without unpacking it."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.errors import UserError
from ingot.oci.image import Image
from ingot.oci.layer_entry import EntryKind
from ingot.oci.layer_reader import LayerMember, clean_name, open_layer
from ingot.oci.layout import Layout
from ingot.oci.limits import Allowance
from ingot.oci.path_tree import PathTree

_Files = PathTree[tuple[int, LayerMember]]
_FILE_BYTES = 1 << 30
"""The largest file that is read into memory: kernels with all symbols have some 700 MiB."""


@dataclass(frozen=True, slots=True, order=True)
class FileInfo:
    """A file of an image: size in bytes, permission bits, and a link's target."""

    name: str
    kind: EntryKind
    size: int
    mode: int
    target: str = ""


def list_files(layout: Layout, image: Image) -> list[FileInfo]:
    """The files of the unpacked image, sorted by name; all layers are verified.

    UserError for an image that is too large (see `limits`).
    """
    return [
        FileInfo(name, member.kind, member.size, member.mode & 0o7777, member.target)
        for name, (_, member) in sorted(_visible(layout, image).items(), key=lambda item: item[0])
    ]


def read_file(layout: Layout, image: Image, name: str, limit: int = _FILE_BYTES) -> bytes:
    """A file's bytes, verified. UserError if the image has no such file of at most `limit` bytes.

    The whole file is held in memory; unpack the image for large files.
    """
    files = _visible(layout, image)
    wanted = clean_name(name)
    number, member = files.get(wanted) or (0, None)
    if member and member.kind == EntryKind.HARD_LINK:
        wanted = member.target
        number, member = files.get(wanted) or (0, None)
    if member is None or member.kind != EntryKind.FILE:
        raise UserError(
            f"the image {image.descriptor.digest.short} has no file '{name}'",
            why=f"it is a {member.kind.value}" if member else "",
        )
    if member.size > limit:
        raise UserError(
            f"'{name}' of the image {image.descriptor.digest.short} is too large to be read",
            why=f"it has {member.size:,} bytes, more than {limit:,}",
        )
    data = b""
    with open_layer(layout, image.layers[number]) as tar:
        for found in tar:
            # of two entries with the same name the later one counts, as when it is unpacked
            if found.name == wanted and found.kind == EntryKind.FILE and found.size <= limit:
                data = b"".join(tar.content())
    return data


def _visible(layout: Layout, image: Image) -> _Files:
    """The files that are visible with all layers applied, each with the number of its layer."""
    files: _Files = PathTree()
    allowance = Allowance()
    for number, layer in enumerate(image.layers):
        added: dict[str, tuple[int, LayerMember]] = {}
        with open_layer(layout, layer, allowance) as tar:
            for member in tar:
                if member.hides is None:
                    if member.name:
                        added[member.name] = (number, member)
                elif member.opaque:
                    files.remove_below(member.hides)
                else:
                    files.remove(member.hides)
        for name, (_, member) in added.items():
            if member.kind != EntryKind.DIRECTORY:
                files.remove(name)
        for name, value in added.items():
            files[name] = value
    return files
