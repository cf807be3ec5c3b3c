"""The volumes that cloud-init reads its data from: `cidata`, an ISO image or a FAT.

Each holds `meta-data`, a name that is neither in ISO 9660's alphabet nor short enough for DOS: it
is found only by a kernel that knows the long names of Joliet, Rock Ridge or VFAT.

Sources: ECMA-119; Joliet Specification; IEEE P1281 (SUSP) and P1282 (Rock Ridge); Microsoft,
FAT: General Overview of On-Disk Format; cloud-init, NoCloud data source.
"""

from __future__ import annotations

import struct

from ingot.boot.media.parts import CONTENT, padded

LABEL = "cidata"
LONG_NAME = "meta-data"
UNICODE_NAME = "größe"
"""A second file of the FAT: its name is in Unicode there, whatever a kernel makes of it."""

_SECTOR = 2048
_FOLDER = 2
_SELF, _PARENT = b"\0", b"\1"


def _both16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _both32(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def _entry(sector: int, size: int, name: bytes, flags: int = 0, more: bytes = b"") -> bytes:
    """A directory's record; `more` is what Rock Ridge adds to it. The time is 1970's first."""
    rest = _both32(sector) + _both32(size) + bytes([70, 1, 1, 0, 0, 0, 0, flags, 0, 0])
    rest += _both16(1) + bytes([len(name)]) + name + bytes(1 - len(name) % 2) + more
    rest += bytes(len(rest) % 2)
    return bytes([len(rest) + 2, 0]) + rest


def _descriptor(kind: int, sectors: int, tables: int, root: bytes, joliet: bool) -> bytes:
    """A volume descriptor; `tables` is where its path tables are."""

    def text(value: str, length: int) -> bytes:
        encoded = value.encode("utf-16-be" if joliet else "ascii")
        blank = b"\0 " if joliet else b" "
        return (encoded + blank * length)[:length]

    never = b"0" * 16 + b"\0"
    data = struct.pack("B5sBx", kind, b"CD001", 1)
    data += text("", 32) + text(LABEL, 32) + bytes(8) + _both32(sectors)
    data += (b"%/E" if joliet else b"").ljust(32, b"\0")  # UCS-2, level 3
    data += _both16(1) + _both16(1) + _both16(_SECTOR) + _both32(len(_path_table(0, "<")))
    data += struct.pack("<II", tables, 0) + struct.pack(">II", tables + 1, 0) + root
    data += b"".join(text("", length) for length in (128, 128, 128, 128, 37, 37, 37))
    return padded(data + never * 4 + b"\1", _SECTOR)


def _path_table(root: int, order: str) -> bytes:
    """The table of all folders, of which there is one."""
    return struct.pack(f"{order}BBIHBx", 1, 0, root, 1, 0)


def _tree(at: int, file: int, name: bytes, own: bytes, its: bytes) -> tuple[bytes, bytes]:
    """Two path tables and a folder from sector `at` on, and the record of that folder.

    The file is in sector `file`; `own` and `its` are what Rock Ridge adds to folder and file.
    """
    place = (at + 2, _SECTOR)
    folder = _entry(*place, _SELF, _FOLDER, own) + _entry(*place, _PARENT, _FOLDER)
    folder += _entry(file, len(CONTENT), name, 0, its)
    tables = (_path_table(at + 2, order) for order in "<>")
    sectors = b"".join(padded(part, _SECTOR) for part in (*tables, folder))
    return sectors, _entry(*place, _SELF, _FOLDER)


def _rock_ridge() -> tuple[bytes, bytes]:
    """What it adds to the folder, which begins by saying that it is there, and to the file."""

    def mode(value: int, links: int) -> bytes:
        return b"PX\x24\1" + b"".join(map(_both32, (value, links, 0, 0)))

    known = b"RRIP_1991A"
    present = b"SP\7\1\xbe\xef\0"
    which = b"ER" + struct.pack("BBBBBB", 8 + len(known), 1, len(known), 0, 0, 1) + known
    name = LONG_NAME.encode()
    named = b"NM" + struct.pack("BBB", 5 + len(name), 1, 0) + name
    return present + mode(0o40755, 2) + which, mode(0o100444, 1) + named


def iso9660(*, rock_ridge: bool = False) -> bytes:
    """An ISO image; the long name is Joliet's, or Rock Ridge's."""
    first, trees = 16 + (2 if rock_ridge else 3), 1 if rock_ridge else 2
    file = first + 3 * trees
    own, its = _rock_ridge() if rock_ridge else (b"", b"")
    tree, root = _tree(first, file, b"META_DAT.;1", own, its)
    descriptors = _descriptor(1, file + 1, first, root, joliet=False)
    if not rock_ridge:
        name = LONG_NAME.encode("utf-16-be")
        second, root = _tree(first + 3, file, name, b"", b"")
        descriptors += _descriptor(2, file + 1, first + 3, root, joliet=True)
        tree += second
    end = padded(b"\xffCD001\1", _SECTOR)
    return bytes(16 * _SECTOR) + descriptors + end + tree + padded(CONTENT, _SECTOR)


_FAT_SECTOR = 512
_SECTORS = 2048
_FAT_SECTORS = 6
_ROOT_ENTRIES = 64
_VOLUME, _LONG_ENTRY, _ARCHIVE = 0x08, 0x0F, 0x20
_BIRTH = (1 << 5) + 1
"""1980-01-01, the first day there is."""


def _short_entry(name: bytes, kind: int, cluster: int = 0, size: int = 0) -> bytes:
    times = (0, 0, _BIRTH, _BIRTH, 0, 0, _BIRTH)
    return struct.pack("<11sBBBHHHHHHHI", name, kind, 0, *times, cluster, size)


def _named_entry(name: str, short: bytes, cluster: int) -> bytes:
    """A file with a name of less than 13 letters, and the short one that DOS would see."""
    total = 0
    for byte in short:
        total = ((total >> 1) + (total << 7) + byte) & 0xFF
    letters = (name.encode("utf-16-le") + b"\0\0").ljust(26, b"\xff")
    parts = (letters[:10], _LONG_ENTRY, 0, total, letters[10:22], 0, letters[22:])
    long = struct.pack("<B10sBBB12sH4s", 0x41, *parts)
    return long + _short_entry(short, _ARCHIVE, cluster, len(CONTENT))


def vfat() -> bytes:
    """A FAT12 of 1 MiB, up to the last byte of it that is not zero."""
    boot = b"\xeb\x3c\x90" + struct.pack(
        "<8sHBHBHHBHHHII",
        b"ingot",
        _FAT_SECTOR,
        1,
        1,
        2,
        _ROOT_ENTRIES,
        _SECTORS,
        0xF8,
        _FAT_SECTORS,
        32,
        2,
        0,
        0,
    )
    label = LABEL.encode().ljust(11)
    boot += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 0x1AB01, label, b"FAT12   ")
    boot = boot.ljust(_FAT_SECTOR - 2, b"\0") + b"\x55\xaa"
    # twelve bits a cluster: two that say what this is, then two files that end where they begin
    table = padded(bytes.fromhex("f8ffff ffffff"), _FAT_SECTOR * _FAT_SECTORS)
    root = _short_entry(label, _VOLUME)
    root += _named_entry(LONG_NAME, b"META-D~1   ", 2)
    root += _named_entry(UNICODE_NAME, b"GROSSE~1   ", 3)
    clusters = padded(CONTENT, _FAT_SECTOR) + CONTENT
    return boot + table + table + padded(root, 32 * _ROOT_ENTRIES) + clusters
