"""The only place that knows every step, and puts them in a row.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes the `Setting` that all calls of one command share.
"""

from ingot.pipeline.bench import Bench, open_bench, profile_config
from ingot.pipeline.bisecting import COST_KINDS, Bisection, Cost, bisect_options
from ingot.pipeline.booting import DISKS, BootWish, boot_file, boot_image, refused
from ingot.pipeline.budgets import require_affordable
from ingot.pipeline.builders import ensure_builder, packages_of, site_of, update_builder
from ingot.pipeline.building import Built, BuiltImage, build
from ingot.pipeline.configs import (
    Resolved,
    edit,
    locked_text,
    require_sound,
    resolve_all,
    written_by_hand,
)
from ingot.pipeline.containerfile import containerfile, write_context
from ingot.pipeline.fetching import Fetched, fetch
from ingot.pipeline.inputs import (
    obtain_source,
    origins_of,
    own_version,
    with_git_source,
    with_version_of,
)
from ingot.pipeline.modules import BuiltModules, build_modules
from ingot.pipeline.profiling import is_profile, kept_profile, profile_file, profile_image
from ingot.pipeline.proving import NO_CHECKS, proofs_of_config, proofs_of_kernel
from ingot.pipeline.publishing import Published, publish
from ingot.pipeline.reading import (
    Config,
    config_of_file,
    config_of_image,
    config_of_reference,
)
from ingot.pipeline.roots import boot_root
from ingot.pipeline.setting import Setting, in_use
from ingot.pipeline.subject import arch_of

__all__ = [
    "COST_KINDS",
    "DISKS",
    "NO_CHECKS",
    "Bench",
    "Bisection",
    "BootWish",
    "Built",
    "BuiltImage",
    "BuiltModules",
    "Config",
    "Cost",
    "Fetched",
    "Published",
    "Resolved",
    "Setting",
    "arch_of",
    "bisect_options",
    "boot_file",
    "boot_image",
    "boot_root",
    "build",
    "build_modules",
    "config_of_file",
    "config_of_image",
    "config_of_reference",
    "containerfile",
    "edit",
    "ensure_builder",
    "fetch",
    "in_use",
    "is_profile",
    "kept_profile",
    "locked_text",
    "obtain_source",
    "open_bench",
    "origins_of",
    "own_version",
    "packages_of",
    "profile_config",
    "profile_file",
    "profile_image",
    "proofs_of_config",
    "proofs_of_kernel",
    "publish",
    "refused",
    "require_affordable",
    "require_sound",
    "resolve_all",
    "site_of",
    "update_builder",
    "with_git_source",
    "with_version_of",
    "write_context",
    "written_by_hand",
]
