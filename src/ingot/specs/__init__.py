"""Snippets to paste that configure a platform to use a kernel.

A platform is a row in `platforms.py` and a template. The values for the kernel come from its images
if it is built, else from the catalog.
"""

from ingot.specs.platforms import PLATFORMS, TargetPlatform, platform_named
from ingot.specs.snippet import Spec, make_spec
from ingot.specs.spec_kernel import SpecKernel, find_spec_kernel

__all__ = [
    "PLATFORMS",
    "Spec",
    "SpecKernel",
    "TargetPlatform",
    "find_spec_kernel",
    "make_spec",
    "platform_named",
]
