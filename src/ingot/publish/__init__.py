"""Pushes images of the store to a registry, with their tags and indexes."""

from ingot.publish.publishing import Published, publish

__all__ = ["Published", "publish"]
