"""Where a kernel's bytes go: by folder of its source, and by module."""

from ingot.makeup.measuring import measure
from ingot.makeup.model import Makeup

__all__ = ["Makeup", "measure"]
