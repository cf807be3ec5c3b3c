"""A report on the kernels of a store or a registry, as an HTML page.

store_kernels, registry_kernels   the images found in each
found_cves                        adds their CVEs
gather                            adds data from the catalog, and checks the configs
treemap, charts                   layouts of sizes and times, in percent
page                              the page in HTML
"""

from ingot.report.found_cves import with_cves_of_registry, with_cves_of_store
from ingot.report.gather import gather
from ingot.report.page import render_page
from ingot.report.registry_kernels import kernels_of_registry
from ingot.report.report_data import FoundImage, KernelEntry, Omission, Report
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
    "with_cves_of_registry",
    "with_cves_of_store",
]
