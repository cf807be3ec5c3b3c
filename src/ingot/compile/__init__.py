"""Compiles a configured kernel, and modules for one: runs make, shows progress, takes the results.

This package does not use images or the store.
"""
