"""Removes passwords and tokens from URLs before they are printed or recorded.

URLs appear in errors, notes, records and the labels of published images. The part before the `@`
of a URL (RFC 3986, 3.2.1, "userinfo") and the values of its query are often secrets, so they are
left out of all of these.
"""

from __future__ import annotations

import re

HIDDEN = "..."
"""Replaces a value that may be a secret."""

_SCHEME = r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}+://"
# possessive: each part of a URL is matched once, without backtracking; the user information ends
# at the last @, and a password can contain quotation marks
_AUTHORITY = re.compile(rf"({_SCHEME})([^\s/?#]*+)")
_ADDRESS = re.compile(rf"({_SCHEME}[^\s?#]*+)(\?[^\s#]+)?+")


_CLOSING = "'\"<>)],;"


def without_secrets(text: str) -> str:
    """A URL, or a text that contains URLs such as a program's output, without their secrets.

    `https://me:password@host/a?token=x` becomes `https://host/a?...`; fragments (`#v6.1`) stay.
    """
    text = _AUTHORITY.sub(lambda found: found[1] + found[2].rpartition("@")[2], text)
    return _ADDRESS.sub(_without_query, text)


def _without_query(found: re.Match[str]) -> str:
    """A URL without its query; closing quotes and brackets at its end are not part of it."""
    query = found[2] or ""
    end = query[len(query.rstrip(_CLOSING)) :]
    return found[1] + (f"?{HIDDEN}{end}" if query else "")
