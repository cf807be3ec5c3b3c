"""Compares images with those that were built again: by layer, file, and section of ELF files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.digest import Digest
from ingot.elf import ElfError, read_content, read_sections
from ingot.errors import UserError
from ingot.images import layers_of
from ingot.oci import EntryKind, Image, Layer, Layout, read_file
from ingot.oci.layer_reader import LayerMember, open_layer

_ELF = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file of a layer that differs; `what` says how. Without a `file`, the layer as such."""

    layer: str
    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.layer}: {f'{self.file}: ' if self.file else ''}{self.what}"


@dataclass(frozen=True, slots=True)
class ReproducedImage:
    """An image and the digest that it had when it was built again; `differences` says where they
    differ, if the original's files are at hand."""

    name: str
    digest: Digest
    rebuilt: Digest
    differences: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        return self.digest == self.rebuilt


def find_differences(
    layout: Layout, image: Image, other_layout: Layout, other: Image
) -> tuple[Difference, ...]:
    """Where two images of the same kind differ; layers are verified when they are read."""
    ours, theirs = layers_of(image), layers_of(other)
    found: list[Difference] = []
    for name in dict.fromkeys([*ours, *theirs]):
        if name not in ours or name not in theirs:
            place = "only in the rebuilt image" if name in theirs else "only in the original"
            found.append(Difference(name, "", place))
        elif ours[name].diff_id != theirs[name].diff_id:
            files = list(_files(layout, image, ours[name], other_layout, other, theirs[name]))
            found += [Difference(name, file, what) for file, what in files]
            if not files:
                found.append(Difference(name, "", "the order or the form of its entries differs"))
        elif ours[name].descriptor.digest != theirs[name].descriptor.digest:
            found.append(Difference(name, "", "the same files, compressed in another way"))
    if not found:
        found.append(Difference("manifest", "", "its labels or annotations differ"))
    return tuple(found)


def _files(
    layout: Layout,
    image: Image,
    layer: Layer,
    other_layout: Layout,
    other: Image,
    other_layer: Layer,
) -> Iterator[tuple[str, str]]:
    """The files of two layers that differ, and how."""
    before, after = _digests(layout, layer), _digests(other_layout, other_layer)
    for name in sorted({*before, *after}):
        if name not in after:
            yield name, "only in the original"
        elif name not in before:
            yield name, "only in the rebuilt image"
        elif before[name] != after[name]:
            yield (
                name,
                _what(name, before[name], after[name], (layout, image), (other_layout, other)),
            )


def _digests(layout: Layout, layer: Layer) -> Mapping[str, tuple[LayerMember, str]]:
    """The entries of a layer by name, each with the digest of its content."""
    found = {}
    with open_layer(layout, layer) as tar:
        for member in tar:
            hasher = hashlib.sha256()
            if member.kind == EntryKind.FILE:
                for piece in tar.content():
                    hasher.update(piece)
            found[member.name] = (member, hasher.hexdigest())
    return found


def _what(
    name: str,
    before: tuple[LayerMember, str],
    after: tuple[LayerMember, str],
    original: tuple[Layout, Image],
    other: tuple[Layout, Image],
) -> str:
    """How two entries of the same name differ."""
    (member, content), (new, new_content) = before, after
    if content == new_content:
        names = ("kind", "mode", "mtime", "target")
        changed = [each for each in names if getattr(member, each) != getattr(new, each)]
        return f"its {', '.join(changed) or 'header'} differs"
    try:
        data, new_data = read_file(*original, name), read_file(*other, name)
    except UserError:  # too large to be read into memory
        return "its content differs"
    if data.startswith(_ELF) and new_data.startswith(_ELF):
        sections = _sections(data, new_data)
        return f"the sections {', '.join(sections)} differ" if sections else "its headers differ"
    first = next(
        (
            place
            for place, pair in enumerate(zip(data, new_data, strict=False))
            if len(set(pair)) > 1
        ),
        min(len(data), len(new_data)),
    )
    return f"differs from byte {first:,} on ({len(data):,} and {len(new_data):,} bytes)"


def _sections(data: bytes, other: bytes) -> list[str]:
    """The names of the sections of two ELF files that differ."""
    try:
        ours, theirs = _contents(data), _contents(other)
    except (ElfError, UserError, OSError):
        return []
    return [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]


def _contents(data: bytes) -> dict[str, bytes]:
    file = io.BytesIO(data)
    return {
        each.name: b"%d" % each.size if each.empty else read_content(file, each)
        for each in read_sections(file)
        if each.name
    }
