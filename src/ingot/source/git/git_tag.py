"""Tag objects of git, and the signatures in them.

A tag object is a header, an empty line, and a message; a signature is appended to the message,
and covers everything before it (git, Documentation/gitformat-signature.txt):

    object <ID of what is tagged>
    type commit
    tag v6.1.176
    tagger ...

    Linux 6.1.176
    -----BEGIN PGP SIGNATURE-----
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import VerificationError
from ingot.source.transfer.signature import verify_detached

_HEADER = re.compile(rb"object (?P<id>[0-9a-f]{40,64})\ntype (?P<type>\w+)\ntag (?P<name>[^\n]+)\n")
_BEGIN = re.compile(rb"^-----BEGIN (?P<kind>[A-Z0-9 ]+)-----", re.MULTILINE)
_KINDS = {
    b"PGP SIGNATURE": "",
    b"PGP MESSAGE": "",
    b"SSH SIGNATURE": "it is signed with an SSH key, which no OpenPGP keyring can hold",
    b"SIGNED MESSAGE": "it is signed with an X.509 certificate, which is not supported",
}
"""The first line of each kind of signature, and why that kind cannot be checked (empty: it can)."""


@dataclass(frozen=True, slots=True)
class _Tag:
    """A parsed tag object. `signature` is empty if there is none."""

    target: str
    type: str
    name: str
    payload: bytes
    signature: bytes
    kind: bytes


def verify_tag(tag: bytes, name: str, commit: str, keyring: Path) -> str:
    """The fingerprint of the primary key that signed a tag object.

    Raises VerificationError unless a key of the keyring signed it, and the object contains the name
    `name` and the ID `commit`: a server could present an old tag under a new name.
    """
    what = f"the tag {name}"
    parsed = _parse(tag, what)
    if parsed.name != name:
        raise _refused(what, f"the tag object has another name: {parsed.name}")
    if (parsed.type, parsed.target) != ("commit", commit):
        raise _refused(what, f"it refers to the {parsed.type} {parsed.target}, not to {commit}")
    if not parsed.signature:
        raise _refused(what, "it is not signed")
    if why := _KINDS[parsed.kind]:
        raise _refused(what, why)
    return verify_detached(parsed.signature, [parsed.payload], keyring, what)


def object_id(kind: str, data: bytes, like: str) -> str:
    """The ID of an object (gitglossary(7), "object name"), by the hash that `like` came from."""
    content = b"%b %d\0%b" % (kind.encode(), len(data), data)
    if len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _parse(tag: bytes, what: str) -> _Tag:
    header = _HEADER.match(tag)
    if header is None:
        raise _refused(what, "it is not a readable tag object")
    starts = [match for match in _BEGIN.finditer(tag) if match["kind"] in _KINDS]
    at = starts[-1].start() if starts else len(tag)
    return _Tag(
        header["id"].decode(),
        header["type"].decode(),
        header["name"].decode(errors="replace"),
        tag[:at],
        tag[at:],
        starts[-1]["kind"] if starts else b"",
    )


def _refused(what: str, why: str) -> VerificationError:
    return VerificationError(
        f"{what} was refused",
        why=why,
        hint="only a tag that is signed by a key of the keyring is accepted",
    )
