"""The image store: an OCI image layout, safe with concurrent writers and killed processes.

    images/
      oci-layout           {"imageLayoutVersion":"1.0.0"}
      index.json           the tags: one descriptor each, named by the ref.name annotation
      blobs/sha256/        manifests, configs and layers (see blobs.py)
      .index.lock          held exclusively while index.json is replaced
      .use.lock            held shared while blobs are written and not yet tagged,
                           exclusively while garbage is collected
      .staging-*           an index.json that is being written, or that a killed writer left

Readers need no lock: `index.json` is replaced in one rename. The locks are `flock`s, which end
with their process; the two empty files have no meaning by themselves. `.use.lock` is always
locked before `.index.lock`. Source: OCI image-spec 1.1, image-layout.md.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import UserError, VerificationError
from ingot.files import (
    STAGING_PREFIX,
    disk_errors,
    locked,
    locked_if_free,
    sync_directory,
    write_atomic,
)
from ingot.oci.blobs import BlobReader, Blobs
from ingot.oci.descriptor import INDEX_TYPE, REF_NAME, Descriptor
from ingot.oci.graph import reachable
from ingot.oci.image_documents import (
    DescriptorDocument,
    IndexDocument,
    LayoutDocument,
    canonical_json,
    parse,
)
from ingot.oci.limits import DOCUMENT_BYTES, STORE_INDEX_BYTES
from ingot.write_access import free_to_read, locked_to_read, require_writable

_STORE_HINT = (
    "nothing was changed; restore that file from a copy, or move the image store away and build"
    " again"
)
_MARKER = b'{"imageLayoutVersion":"1.0.0"}'
_EMPTY_INDEX = canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []})
_INDEX_LOCK, _USE_LOCK = ".index.lock", ".use.lock"
_HARMLESS = frozenset({_INDEX_LOCK, _USE_LOCK, ".gitignore", ".gitkeep", "index.json"})

# The grammar of ref.name (annotations.md), restricted to valid names and tags of registries
# (distribution-spec, "Pulling manifests"), so that every tag of the store can be pushed.
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|--?)[a-z0-9]+)*"
_TAG_NAME = re.compile(
    rf"{_COMPONENT}(?:/{_COMPONENT})*:(?=.{{1,128}}\Z)[A-Za-z0-9]+(?:(?:[._]|--?)[A-Za-z0-9]+)*"
)


def check_tag_name(name: str) -> None:
    """UserError unless `name` looks like `kernel-bin:6.1.176`."""
    if not _TAG_NAME.fullmatch(name):
        raise UserError(
            f"'{name}' cannot be the name of an image",
            why="a name is NAME:TAG, of letters, digits and single . _ -, NAME in lower case",
            hint="a valid name looks like kernel-bin:6.1.176",
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """The store in the directory `root`. A directory that does not exist is an empty store."""

    root: Path

    @property
    def _index(self) -> Path:
        return self.root / "index.json"

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.root / "blobs" / "sha256")

    def tags(self) -> dict[str, Descriptor]:
        """The descriptor of every tag, sorted by name. UserError if the store is unreadable."""
        return dict(_tags_in(self._index_bytes(), str(self._index)))

    def find(self, tag: str) -> Descriptor | None:
        """The descriptor of `tag`, None if there is no such tag."""
        return self.tags().get(tag)

    def roots(self) -> list[Descriptor]:
        """All descriptors in `index.json`, also those that another tool wrote without a name."""
        return [entry.to_descriptor() for entry in self._read_index().manifests]

    def tag(self, tags: Mapping[str, Descriptor]) -> None:
        """Set several tags in one step: a reader sees all of them or none.

        A descriptor's own annotations are kept in its entry. UserError for an invalid name,
        VerificationError if a blob of an image is not in the store.
        """
        for name in tags:
            check_tag_name(name)
        with self._changing_index() as index:
            for name, descriptor in tags.items():
                self._require_complete(name, descriptor)
            entries = [_named(descriptor, name) for name, descriptor in tags.items()]
            self._replace_index(index, without=tags, added=entries)

    def untag(self, names: Iterable[str]) -> list[str]:
        """Remove tags in one step and return those that existed; blobs stay."""
        wanted = set(names)
        with self._changing_index() as index:
            present = wanted & {_ref_name(entry) for entry in index.manifests}
            if present:
                self._replace_index(index, without=present, added=[])
        return sorted(name for name in present if name is not None)

    def is_complete(self, descriptor: Descriptor) -> bool:
        """Whether all blobs of an image exist with the right size; costs one `stat` per blob."""
        try:
            return all(self.blobs.has(needed) for needed in reachable(self.blobs, descriptor))
        except (UserError, VerificationError):
            return False

    def write_blob(self, chunks: Iterable[bytes], media_type: str) -> Descriptor:
        """Store a stream of bytes; an existing blob is reused. MachineError if the disk is full."""
        with self.in_use():
            return self.blobs.write(chunks, media_type)

    def open_blob(self, descriptor: Descriptor) -> BlobReader:
        """A reader that verifies size and digest before it reports the end."""
        return self.blobs.open(descriptor)

    def read_blob(self, descriptor: Descriptor, limit: int = DOCUMENT_BYTES) -> bytes:
        """A small blob's bytes, verified. UserError if it has more than `limit`."""
        return self.blobs.read(descriptor, limit)

    @contextlib.contextmanager
    def in_use(self, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Prevent garbage collection, from a build's first blob until its tags are set."""
        self._read_index()  # raises for a damaged store before a build compiles
        with locked(self.root / _USE_LOCK, shared=True, on_wait=on_wait):
            self._create()
            yield

    @contextlib.contextmanager
    def being_read(self) -> Iterator[None]:
        """Prevent garbage collection while images are read; the store may be read-only.

        A store that does not exist is not made.
        """
        self._read_index()
        if not self.root.is_dir():
            yield
            return
        with locked_to_read(self.root / _USE_LOCK):
            yield

    def require_writable(self) -> None:
        """MachineError if this user cannot write to the store: called before long work."""
        require_writable(self.root, "the image store")

    @contextlib.contextmanager
    def exclusive_if_free(self, *, to_read: bool = False) -> Iterator[bool]:
        """Lock the store if no process uses it: True, and builds wait; else False.

        With `to_read`, nothing is changed meanwhile, and the store may be read-only.
        """
        self._read_index()
        if not self.root.is_dir():
            yield True
            return
        lock = free_to_read if to_read else locked_if_free
        with disk_errors(self.root), lock(self.root / _USE_LOCK) as free:
            yield free

    def leftovers(self) -> Iterator[Path]:
        """Staging files; all of them are stale if no process uses the store."""
        if self.root.is_dir():
            yield from self.root.glob(f"{STAGING_PREFIX}*")
        yield from self.blobs.leftovers()

    def _check(self) -> None:
        """UserError unless the directory is a layout, or empty.

        `index.json` is written before `oci-layout`, so a directory with only the latter has lost
        its tags; if it was used as an empty store, the images would be lost.
        """
        if not self.root.exists():
            return
        if not self.root.is_dir():
            raise _not_a_store(self.root, "it is not a directory")
        marker, index = self.root / "oci-layout", self.root / "index.json"
        if marker.exists():
            parse(LayoutDocument, _read(marker), str(marker), _STORE_HINT)
            if not index.exists():
                raise _not_a_store(self.root, "its index.json, which holds the tags, is missing")
            return
        foreign = [n for n in _names(self.root) if n not in _HARMLESS]
        if foreign:
            raise _not_a_store(
                self.root, f"it has no oci-layout, but contains {', '.join(foreign)}"
            )
        if index.exists() and parse(IndexDocument, _read(index), str(index), _STORE_HINT).manifests:
            raise _not_a_store(self.root, "it has an index.json, but no oci-layout")

    def _create(self) -> None:
        """Make an empty layout, unless it exists."""
        if (self.root / "oci-layout").exists():
            return
        with locked(self.root / _INDEX_LOCK), disk_errors(self.root):
            if (self.root / "oci-layout").exists():
                return
            write_atomic(self.root / "index.json", _EMPTY_INDEX)
            write_atomic(self.root / "oci-layout", _MARKER)
            self.blobs.directory.mkdir(parents=True, exist_ok=True)
            sync_directory(self.blobs.directory.parent)
            sync_directory(self.root)

    def _read_index(self) -> IndexDocument:
        return parse(IndexDocument, self._index_bytes(), str(self._index), _STORE_HINT)

    def _index_bytes(self) -> bytes:
        self._check()
        try:
            return _read(self._index)
        except FileNotFoundError:
            return _EMPTY_INDEX

    @contextlib.contextmanager
    def _changing_index(self) -> Iterator[IndexDocument]:
        with self.in_use(), locked(self.root / _INDEX_LOCK):
            yield self._read_index()

    def _replace_index(
        self, index: IndexDocument, *, without: Iterable[str], added: Iterable[Descriptor]
    ) -> None:
        dropped = set(without)
        kept = [entry for entry in index.manifests if _ref_name(entry) not in dropped]
        entries = [entry.model_dump(by_alias=True, exclude_unset=True) for entry in kept]
        entries += [descriptor.to_json() for descriptor in added]
        document = index.model_dump(by_alias=True, exclude_unset=True)
        document["manifests"] = sorted(entries, key=canonical_sort_key)
        write_atomic(self.root / "index.json", canonical_json(document))

    def _require_complete(self, name: str, descriptor: Descriptor) -> None:
        for needed in reachable(self.blobs, descriptor):
            if not self.blobs.has(needed):
                raise VerificationError(
                    f"{name} was not tagged: the image is not complete",
                    why=f"blob {needed.digest.short} ({needed.media_type}) is missing or has"
                    " the wrong size",
                    hint="build the image again",
                )


@functools.lru_cache(maxsize=2)  # a build asks several times for each of its kernels
def _tags_in(index: bytes, where: str) -> Mapping[str, Descriptor]:
    """The tags of an `index.json` of these bytes, sorted by name."""
    found: dict[str, Descriptor] = {}
    for entry in parse(IndexDocument, index, where, _STORE_HINT).manifests:
        name = _ref_name(entry)
        if name is not None:
            found.setdefault(name, entry.to_descriptor())
    return dict(sorted(found.items()))


def canonical_sort_key(entry: Mapping[str, object]) -> tuple[str, bytes]:
    """Sort key for the entries of an index, independent of their history: name, then content."""
    annotations = entry.get("annotations")
    name = annotations.get(REF_NAME, "") if isinstance(annotations, dict) else ""
    return name, canonical_json(entry)


def _named(descriptor: Descriptor, name: str) -> Descriptor:
    return descriptor.annotated({REF_NAME: name})


def _ref_name(entry: DescriptorDocument) -> str | None:
    return (entry.annotations or {}).get(REF_NAME)


def _read(path: Path) -> bytes:
    """The bytes of `oci-layout` or `index.json`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_a_store(path.parent, f"{path.name} is not a regular file")
        data = file.read(STORE_INDEX_BYTES + 1)
    if len(data) > STORE_INDEX_BYTES:
        raise _not_a_store(path.parent, f"{path.name} has more than {STORE_INDEX_BYTES:,} bytes")
    return data


def _names(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir() if not p.name.startswith(STAGING_PREFIX))


def _not_a_store(root: Path, why: str) -> UserError:
    return UserError(
        f"{root} cannot be used as an image store",
        why=why,
        hint="nothing in it was changed; move it away, or choose another directory",
    )
