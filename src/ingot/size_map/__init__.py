"""Size maps: the bytes of a kernel by directory of its source, and by module.

`size_attribution`, which makes them, is imported by its name: only a compile needs it.
"""

from ingot.size_map.size_map import SizeMap

__all__ = ["SizeMap"]
