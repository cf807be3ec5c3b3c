"""The catalog: the directory `kernels/`, which says what this repository builds.

    kernels/
      kernels.toml                     series, versions, flavors, builders, origins, digests
      kernels.schema.json              its JSON Schema, for editors
      cves.toml, cves.schema.json      decisions about CVEs, and their schema (see `ingot.cves`)
      trust.toml, trust.schema.json    the keys that images of registries need (see `ingot.trust`)
      fragments/base/linux.config      any Linux guest
      fragments/base/<arch>.config     options that an architecture adds
      fragments/vmm/<name>.config      options that a VMM needs
      fragments/feature/<name>.config  options that a workload needs
      fragments/*/<name>.toml          the checks that test the fragment's options in a guest
      rules.toml                       known problems, and how to find them in a config
      toolchain.toml                   the oldest tools that compile a series
      builders/<name>-<arch>.lock      the packages of a builder, on machines of that arch
      configs/linux-<arch>-<version>[-<flavor>].config   resolved, or written by hand
      patches/<series>/                patches of that series, or of what [[patches]] tables say
      keyrings/                        the keys that are trusted to sign sources

The file is parsed once, here, into frozen values.
"""

from ingot.catalog.budgets import Budget
from ingot.catalog.bundled_catalog import bundled, starter
from ingot.catalog.catalog_directory import FILE_NAME, Catalog
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
from ingot.catalog.full_config_files import LOCK_HEADER, full_config_text, written_by_hand
from ingot.catalog.guest_checks import OFFERS, GuestCheck
from ingot.catalog.proposal import NewVersion, Proposal, propose

__all__ = [
    "FILE_NAME",
    "LOCK_HEADER",
    "OFFERS",
    "Budget",
    "BuilderSpec",
    "Catalog",
    "Feature",
    "Flavor",
    "GitTags",
    "GuestCheck",
    "Kernel",
    "NewVersion",
    "Origins",
    "Proposal",
    "Vmm",
    "bundled",
    "fragments_for",
    "full_config_text",
    "load",
    "parse",
    "propose",
    "starter",
    "written_by_hand",
]
