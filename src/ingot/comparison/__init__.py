"""Compares two images: a summary of each, and the differences."""

from ingot.comparison.image_difference import Changes, Comparison, SizeChange, compare
from ingot.comparison.image_summary import ImageSummary
from ingot.comparison.registry_summary import summary_of_reference
from ingot.comparison.store_summary import summary_of_image

__all__ = [
    "Changes",
    "Comparison",
    "ImageSummary",
    "SizeChange",
    "compare",
    "summary_of_image",
    "summary_of_reference",
]
