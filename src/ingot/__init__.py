"""Ingot builds Linux kernels for microVMs and ships them as small OCI images."""

__version__ = "0.2.0"
