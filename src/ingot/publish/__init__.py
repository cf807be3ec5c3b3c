"""Publishing: images of the store into a registry, with their tags and indexes."""

from ingot.publish.publishing import Published, publish

__all__ = ["Published", "publish"]
