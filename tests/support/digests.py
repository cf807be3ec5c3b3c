"""Digests for tests that need some digest."""

from __future__ import annotations

from ingot.digest import Digest


def digest(text: str) -> Digest:
    """A digest that stands for something this test does not make."""
    return Digest.of(text.encode())
