"""Where a kernel's bytes go: by folder of its source, and by module."""

from ingot.size_map.size_attribution import measure
from ingot.size_map.size_map import SizeMap

__all__ = ["SizeMap", "measure"]
