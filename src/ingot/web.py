"""Addresses of other people as text: without the passwords and tokens that may be in them.

Addresses end up in errors, notes, records and the labels of published images. What comes before
the `@` of an address (RFC 3986, 3.2.1, "userinfo") and the values of its query are secrets often
enough to be left out of all of these.
"""

from __future__ import annotations

import re

HIDDEN = "..."
"""What takes the place of a value that may be a secret."""

_SCHEME = r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}+://"
# each takes a whole part of an address, so that no character is looked at again and again; a
# quotation mark may be part of a password, and what is before the last @ is
_AUTHORITY = re.compile(rf"({_SCHEME})([^\s/?#]*+)")
_ADDRESS = re.compile(rf"({_SCHEME}[^\s?#]*+)(\?[^\s#]+)?+")


_CLOSING = "'\"<>)],;"


def without_secrets(text: str) -> str:
    """An address, or any text with addresses in it, such as what a program printed.

    `https://me:password@host/a?token=x` becomes `https://host/a?...`; fragments (`#v6.1`) stay.
    """
    text = _AUTHORITY.sub(lambda found: found[1] + found[2].rpartition("@")[2], text)
    return _ADDRESS.sub(_without_query, text)


def _without_query(found: re.Match[str]) -> str:
    """An address; what closes a quotation at its end is not of its query."""
    query = found[2] or ""
    end = query[len(query.rstrip(_CLOSING)) :]
    return found[1] + (f"?{HIDDEN}{end}" if query else "")
