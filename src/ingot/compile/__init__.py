"""Compiles a configured kernel, and modules for one: runs make, shows progress, takes the results.

This package does not use images or the store.
"""

from ingot.compile.compile_kernel import Artifacts, compile_kernel
from ingot.compile.compile_modules import UPDATES, compile_module, index_modules
from ingot.compile.devel_tree import BUILD_LINK, Devel, devel_directory
from ingot.compile.run_make import make_flags, timestamp
from ingot.compile.variant_build import compile_variant

__all__ = [
    "BUILD_LINK",
    "UPDATES",
    "Artifacts",
    "Devel",
    "compile_kernel",
    "compile_module",
    "compile_variant",
    "devel_directory",
    "index_modules",
    "make_flags",
    "timestamp",
]
