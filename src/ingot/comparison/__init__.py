"""Two images side by side: what each tells of itself, and what differs."""

from ingot.comparison.difference import Change, Changes, Comparison, compare
from ingot.comparison.published import subject_of_reference
from ingot.comparison.stored import subject_of_image
from ingot.comparison.subject import Subject

__all__ = [
    "Change",
    "Changes",
    "Comparison",
    "Subject",
    "compare",
    "subject_of_image",
    "subject_of_reference",
]
