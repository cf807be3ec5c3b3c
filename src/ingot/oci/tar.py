"""Reads a tar as a stream: one header after the other, none larger than `limits` allows.

Python's tarfile reads a header of any size into memory, makes a file of any size from a sparse
member without data, and follows chains of headers by recursion. Layers are not trusted, so this
reader supports only what the image specification allows in a layer.

Sources: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual,
"Basic Tar Format"; OCI image-spec 1.1, layer.md, "File Types" and "Sparse files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingot.errors import UserError
from ingot.oci.limits import EXTENSION_BYTES, EXTENSIONS

BLOCK = 512
REGULAR, HARD_LINK, LINK, DIRECTORY = b"0", b"1", b"2", b"5"
DEVICES = (b"3", b"4", b"6")

_ZEROS = bytes(BLOCK)
_OLD_REGULAR = (b"\0", b"7")  # a file before POSIX; a contiguous file
_GNU_NAME, _GNU_TARGET, _GNU_SPARSE = b"L", b"K", b"S"
_PAX, _PAX_GLOBAL = (b"x", b"X"), b"g"
_KNOWN = (REGULAR, HARD_LINK, LINK, DIRECTORY, *DEVICES)
_SPARSE_KEY = b"GNU.sparse."
_SEEN_KEYS = (b"path", b"linkpath", b"size", b"mtime")
_LATEST = 1 << 40
_CHUNK = 1 << 20
_DIGITS = re.compile(rb"[0-9]{1,19}")
_TIME = re.compile(rb"-?[0-9]{1,13}(?:\.[0-9]{1,20})?")


class TarError(Exception):
    """A damaged tar: truncated, or with a wrong checksum."""


@dataclass(frozen=True, slots=True)
class TarHeader:
    """One entry of a tar. `kind` is REGULAR, HARD_LINK, LINK, DIRECTORY or one of DEVICES."""

    name: str
    kind: bytes
    size: int
    mode: int
    mtime: float
    target: str


class TarReader:
    """Iterates over the entries of a tar stream; the content of the current file can be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._left = 0  # bytes of the current file that were not read
        self._padding = 0

    def __iter__(self) -> Iterator[TarHeader]:
        """TarError if the tar is damaged, UserError for an entry that layers cannot have."""
        begun = False
        while (header := self._next(begun)) is not None:
            begun = True
            yield header
            self._skip(self._left + self._padding)

    def content(self) -> Iterator[bytes]:
        """The bytes of the iteration's current file."""
        while self._left:
            piece = self._piece(self._left)
            self._left -= len(piece)
            yield bytes(piece)

    def drain(self) -> None:
        """Read the rest after the last entry."""
        self._rest = memoryview(b"")
        for _ in self._chunks:
            pass

    def _next(self, begun: bool) -> TarHeader | None:
        """The next entry, with the fields of the extension headers before it; None at the end."""
        extended: dict[bytes, bytes] = {}
        for count in range(EXTENSIONS + 1):
            block = self._read(BLOCK, end_is_fine=begun and not count)
            if block == _ZEROS or not block:
                if count:
                    raise TarError("an extension header at its end has no entry after it")
                return None
            kind = _checked_kind(block)
            if kind in (_GNU_NAME, _GNU_TARGET):
                text = self._extension(block).partition(b"\0")[0]
                extended[b"path" if kind == _GNU_NAME else b"linkpath"] = text
            elif kind in _PAX:
                extended |= _pax_records(self._extension(block))
            elif kind == _PAX_GLOBAL:
                _require_harmless(_pax_records(self._extension(block)))
            else:
                return self._header(block, kind, extended)
        raise UserError(
            f"the image has an entry with more than {EXTENSIONS} headers",
            why="such an image is broken or hostile",
            hint="its data was discarded; rebuild it or use another one",
        )

    def _header(self, block: bytes, kind: bytes, extended: dict[bytes, bytes]) -> TarHeader:
        name = extended.get(b"path") or _name(block)
        if kind in _OLD_REGULAR:
            # before POSIX a directory was a file whose name ends with a slash
            kind = DIRECTORY if kind == b"\0" and name.endswith(b"/") else REGULAR
        if kind == _GNU_SPARSE:
            raise _sparse()
        if kind not in _KNOWN:
            raise UserError(
                f"the image has an entry of the type {kind!r}, which layers cannot have",
                why="OCI image-spec, layer.md, lists the allowed types",
            )
        stated = extended.get(b"size")
        size = _field(block, 124, 136) if stated is None else _number(stated, _DIGITS)
        time = extended.get(b"mtime")
        mtime = float(_field(block, 136, 148)) if time is None else _time(time)
        if size < 0 or not -_LATEST < mtime < _LATEST:
            raise TarError("a header has a size or a time that no file can have")
        target = extended.get(b"linkpath") or _text(block, 157, 257)
        # other types have no data, whatever their size field is (pax, "size")
        self._left = size if kind == REGULAR else 0
        self._padding = -self._left % BLOCK
        mode = _field(block, 100, 108) & 0o7777
        return TarHeader(_decoded(name), kind, self._left, mode, mtime, _decoded(target))

    def _extension(self, block: bytes) -> bytes:
        size = _field(block, 124, 136)
        if not 0 <= size <= EXTENSION_BYTES:
            raise UserError(
                f"the image has a header of {size:,} bytes",
                why=f"an extension header has {EXTENSION_BYTES:,} at most",
            )
        data = self._read(size)
        self._skip(-size % BLOCK)
        return data

    def _read(self, size: int, *, end_is_fine: bool = False) -> bytes:
        if len(self._rest) >= size:  # nearly always
            data, self._rest = self._rest[:size], self._rest[size:]
            return bytes(data)
        parts: list[bytes] = []
        left = size
        while left:
            if end_is_fine and not parts and not self._fill():
                return b""
            piece = self._piece(left)
            parts.append(bytes(piece))
            left -= len(piece)
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        self._left = self._padding = 0
        while size:
            size -= len(self._piece(size))

    def _piece(self, most: int) -> memoryview:
        """The next bytes, at least one and at most `most`; TarError at the end."""
        if not self._fill():
            raise TarError("it ends within an entry")
        most = min(most, _CHUNK)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    def _fill(self) -> bool:
        """Whether there are more bytes."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._rest = memoryview(chunk)
        return True


def _checked_kind(block: bytes) -> bytes:
    """The type flag of a header, after checking the checksum: the sum of its bytes, or of signed
    bytes as in some old programs, with spaces in the checksum's field."""
    checksum = _field(block, 148, 156)
    rest = block[:148] + b" " * 8 + block[156:]
    total = sum(rest)
    if checksum != total and checksum != total - 256 * sum(byte > 127 for byte in rest):
        raise TarError("a header has a wrong checksum")
    return block[156:157]


def _name(block: bytes) -> bytes:
    name = _text(block, 0, 100)
    if block[257:263] != b"ustar\0":
        return name
    # star(1) has other fields at the end of this one, which it marks in the last four bytes
    prefix = _text(block, 345, 476 if block[508:512] == b"tar\0" else 500)
    return prefix + b"/" + name if prefix else name


def _text(block: bytes, start: int, end: int) -> bytes:
    return block[start:end].partition(b"\0")[0]


def _field(block: bytes, start: int, end: int) -> int:
    """A number: octal digits, or a big-endian number after a marker byte if it is too large."""
    field = block[start:end]
    if field[0] in (0o200, 0o377):
        value = int.from_bytes(field[1:], "big")
        return value - (1 << 8 * (len(field) - 1)) if field[0] == 0o377 else value
    digits = field.partition(b"\0")[0].strip()
    try:
        value = int(digits, 8) if digits else 0
    except ValueError:
        value = -1
    if value < 0 or b"_" in digits:
        raise TarError("a header has a field that is not a number")
    return value


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    """What of a pax header is used; UserError for a sparse file.

    A record is `<length> <keyword>=<value>\\n`, its length counting all of it.
    """
    found = {}
    at = 0
    while at < len(data):
        if data[at] == 0:  # some programs fill up what is left
            break
        space = data.find(b" ", at, at + 20)
        length = _number(data[at:space], _DIGITS) if space > at else 0
        end = at + length
        keyword, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not at < space < end <= len(data) or data[end - 1 : end] != b"\n" or not equals:
            raise TarError("a pax header has a record that cannot be read")
        if keyword.startswith(_SPARSE_KEY):
            raise _sparse()
        if keyword in _SEEN_KEYS:
            found[keyword] = value
        at = end
    return found


def _require_harmless(records: dict[bytes, bytes]) -> None:
    """UserError for a global header that sets fields of all following entries, such as the size.

    Go's archive/tar, and so docker and containerd, ignores global headers.
    """
    if wrong := [key.decode() for key in records if key != b"mtime"]:
        raise UserError(
            f"the image has a header that sets {', '.join(wrong)} for all its entries",
            why="programs that unpack images do not agree on what that means",
        )


def _number(text: bytes, pattern: re.Pattern[bytes]) -> int:
    if not pattern.fullmatch(text):
        raise TarError("a pax header has a field that is not a number")
    return int(text)


def _time(text: bytes) -> float:
    if not _TIME.fullmatch(text):
        raise TarError("a pax header has a time that is not a number of seconds")
    return float(text)


def _decoded(text: bytes) -> str:
    if b"\0" in text:
        raise TarError("a name has a NUL byte in it")
    return text.decode("utf-8", "surrogateescape")


def _sparse() -> UserError:
    return UserError(
        "the image has a sparse file",
        why="a sparse file can have any size without content; layers must not have them, since tar"
        " programs do not agree on them (OCI image-spec, layer.md, Sparse files)",
        hint="its data was discarded; rebuild the image with a tool that writes no sparse files",
    )
