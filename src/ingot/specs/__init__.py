"""How platforms are told to use a kernel: snippets to paste.

A platform is a row in `platforms.py` and a template. What a snippet says of the kernel comes from
its images, as far as they are there.
"""

from ingot.specs.platforms import PLATFORMS, Platform, platform_named
from ingot.specs.snippet import Spec, make_spec
from ingot.specs.subject import Subject, find_subject

__all__ = [
    "PLATFORMS",
    "Platform",
    "Spec",
    "Subject",
    "find_subject",
    "make_spec",
    "platform_named",
]
