"""A kernel file that has its config in it."""

from __future__ import annotations

import gzip

CONFIG = """\
#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 5.10.77 Kernel Configuration
#
CONFIG_VETH=m
# CONFIG_TUN is not set
"""
KERNEL = b"\x7fELF" + bytes(100) + b"IKCFG_ST" + gzip.compress(CONFIG.encode()) + b"IKCFG_ED"
