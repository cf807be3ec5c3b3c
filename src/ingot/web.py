"""Addresses of other people as text: without the passwords and tokens that may be in them.

Addresses end up in errors, notes, records and the labels of published images. What comes before
the `@` of an address (RFC 3986, 3.2.1, "userinfo") and the values of its query are secrets often
enough to be left out of all of these.
"""

from __future__ import annotations

import re

HIDDEN = "..."
"""What takes the place of a value that may be a secret."""

# a quotation mark may be part of a password; what is before the last @ is
_USER = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,30}+://)[^\s/?#]*@")
_QUERY = re.compile(r"(?P<address>\b[A-Za-z][A-Za-z0-9+.-]{0,30}+://[^\s?#'\"<>]*)\?[^\s#'\"<>]+")


def without_secrets(text: str) -> str:
    """An address, or any text with addresses in it, such as what a program printed.

    `https://me:password@host/a?token=x` becomes `https://host/a?...`; fragments (`#v6.1`) stay.
    """
    return _QUERY.sub(rf"\g<address>?{HIDDEN}", _USER.sub(r"\g<scheme>", text))
