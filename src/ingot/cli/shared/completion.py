"""The shell's completion of names: kernels, images, flavors, features, VMMs, machines, checks.

Each function returns the names that begin with what was typed. While the user types, no mistake is
reported: a catalog or a store that cannot be read has no names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from ingot.errors import IngotError


def complete_images(incomplete: str) -> list[str]:
    """The images of the store, and the tags of their kernels."""
    return _beginning(incomplete, _images)


def _images() -> Iterator[str]:
    from ingot.cli.shared.common_options import find_catalog
    from ingot.oci import Layout

    tags = Layout(find_catalog(None).store).tags()
    yield from dict.fromkeys(tag.partition(":")[2] for tag in tags)
    yield from tags


def _beginning(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    with contextlib.suppress(IngotError, OSError):
        return [name for name in dict.fromkeys(names()) if name.startswith(incomplete)]
    return []
