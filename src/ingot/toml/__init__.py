"""TOML files that people write: all that is wrong in one is told at once, with its lines."""

from ingot.toml.form import FileForm, TomlTable
from ingot.toml.lines import Lines, Place
from ingot.toml.mistakes import Mistakes

__all__ = ["FileForm", "Lines", "Mistakes", "Place", "TomlTable"]
