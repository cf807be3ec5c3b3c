"""What there is in one place, a store or a registry, for people: a page, or the data behind it.

local, published   images as they are found
gather             what the catalog knows of them, and what their configs answer
treemap, charts    where bytes and time go, as places in percent
page, document     HTML and JSON
"""

from ingot.report.gather import gather
from ingot.report.page import render_page
from ingot.report.registry_kernels import kernels_of_registry
from ingot.report.report_data import FoundImage, KernelEntry, Omission, Report
from ingot.report.report_json import to_document
from ingot.report.store_kernels import kernels_of_store

__all__ = [
    "FoundImage",
    "KernelEntry",
    "Omission",
    "Report",
    "gather",
    "kernels_of_registry",
    "kernels_of_store",
    "render_page",
    "to_document",
]
