"""The catalog: the folder `kernels/`, which says what this repository builds.

    kernels/
      kernels.toml                     series, versions, flavors, builders, origins, digests
      kernels.schema.json              its form, for editors
      fragments/base/linux.config      any Linux guest
      fragments/base/<arch>.config     what an architecture adds
      fragments/vmm/<name>.config      what a VMM needs
      fragments/feature/<name>.config  what a workload needs
      fragments/*/<name>.toml          the checks that prove it in a guest
      rules.toml                       what is known to go wrong, and how to see it in a config
      toolchain.toml                   the oldest tools that compile a series
      builders/<name>-<arch>.lock      what the builders are made of, on machines of that arch
      configs/linux-<arch>-<version>[-<flavor>].config   resolved, or put there by hand
      patches/<series>/*.patch         applied to that series, or where [[patches]] tables say
      keyrings/                        whose signatures on sources are trusted

The file is parsed once, here, into frozen values.
"""

from ingot.catalog.budgets import Budget
from ingot.catalog.bundled_catalog import bundled, starter
from ingot.catalog.catalog_folder import FILE_NAME, Catalog
from ingot.catalog.catalog_load import load, parse
from ingot.catalog.catalog_model import (
    BuilderSpec,
    Feature,
    Flavor,
    GitTags,
    Kernel,
    Origins,
    Vmm,
    fragments_for,
)
from ingot.catalog.guest_checks import OFFERS, Proof
from ingot.catalog.proposal import NewVersion, Proposal, propose

__all__ = [
    "FILE_NAME",
    "OFFERS",
    "Budget",
    "BuilderSpec",
    "Catalog",
    "Feature",
    "Flavor",
    "GitTags",
    "Kernel",
    "NewVersion",
    "Origins",
    "Proof",
    "Proposal",
    "Vmm",
    "bundled",
    "fragments_for",
    "load",
    "parse",
    "propose",
    "starter",
]
