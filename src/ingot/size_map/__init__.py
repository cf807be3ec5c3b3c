"""Size maps: the bytes of a kernel by directory of its source, and by module."""

from ingot.size_map.size_attribution import measure
from ingot.size_map.size_map import SizeMap

__all__ = ["SizeMap", "measure"]
