"""Reads TOML files that users write; an error lists all mistakes of a file with their lines."""

from ingot.toml.form import FileForm, TomlTable
from ingot.toml.lines import Lines, Place
from ingot.toml.mistakes import Mistakes

__all__ = ["FileForm", "Lines", "Mistakes", "Place", "TomlTable"]
