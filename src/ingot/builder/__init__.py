"""Builders, the environments that kernels are compiled in, and the sandbox that runs commands."""
