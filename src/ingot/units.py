"""Amounts as text, with their units."""

from __future__ import annotations


def size_text(size: int) -> str:
    """Bytes in units of 1024: `512 B`, `1.5 KiB`, `33.0 MiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
