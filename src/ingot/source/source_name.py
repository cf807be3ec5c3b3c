"""The name of a user's own source (`--source`) in the tags of what is built from it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from ingot.source.origin import Source

_ENDINGS = re.compile(r"(\.git|\.t?[gx]z|\.bz2|\.zst|\.tar)$")
_OTHER = re.compile(r"[^a-z0-9.]+")
_DOTS = re.compile(r"\.{2,}")
_LONGEST = 40
"""The most characters: a tag has 128, and the name of a variant can have 80."""
UNNAMED = "local"


def source_name(source: Path | Source) -> str:
    """The last part of the source's path or URL, as one word of a tag: `linux_acme`, `linux_6.1`.

    The word has no hyphen, which separates the words of a tag.
    """
    if isinstance(source, Source):
        name = urlsplit(source.url.partition("#")[0]).path.rstrip("/").rpartition("/")[2]
    else:
        name = source.resolve().name
    while (shorter := _ENDINGS.sub("", name)) != name:
        name = shorter
    word = _DOTS.sub(".", _OTHER.sub("_", name.lower()))[:_LONGEST].strip("._")
    return word.replace("_.", ".").replace("._", ".") or UNNAMED
