"""How platforms are told to use a kernel: snippets to paste.

A platform is a row in `platforms.py` and a template. What a snippet says of the kernel comes from
its images, as far as they are there.
"""

from ingot.specs.platforms import PLATFORMS, TargetPlatform, platform_named
from ingot.specs.snippet import Spec, make_spec
from ingot.specs.spec_kernel import SpecKernel, find_subject

__all__ = [
    "PLATFORMS",
    "Spec",
    "SpecKernel",
    "TargetPlatform",
    "find_subject",
    "make_spec",
    "platform_named",
]
