"""The errors that all decompressors of this package raise."""

from __future__ import annotations


class DecompressError(ValueError):
    """Compressed data is truncated, damaged or too large; the text says which."""


class TooLargeError(DecompressError):
    """Compressed data holds more bytes than allowed."""


def cut_off() -> DecompressError:
    return DecompressError("it ends too early")


def too_large(limit: int) -> TooLargeError:
    size = f"{limit >> 20} MiB" if limit >> 20 else f"{limit} bytes"
    return TooLargeError(f"it holds more than {size}")
