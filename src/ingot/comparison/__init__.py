"""Two images side by side: what each tells of itself, and what differs."""

from ingot.comparison.image_difference import Changes, Comparison, SizeChange, compare
from ingot.comparison.image_summary import ImageSummary
from ingot.comparison.registry_summary import subject_of_reference
from ingot.comparison.store_summary import subject_of_image

__all__ = [
    "Changes",
    "Comparison",
    "ImageSummary",
    "SizeChange",
    "compare",
    "subject_of_image",
    "subject_of_reference",
]
