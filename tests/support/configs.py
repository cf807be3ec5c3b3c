"""Configs of what a test wants to be in them."""

from __future__ import annotations

from collections.abc import Mapping

from ingot.kconfig import Config


def config_of(options: Mapping[str, str]) -> Config:
    """A config that gives these options these values, and mentions no other."""
    return Config("".join(f"CONFIG_{option}={value}\n" for option, value in options.items()))
