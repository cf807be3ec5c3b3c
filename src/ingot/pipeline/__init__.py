"""The only place that knows every step, and puts them in a row.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes a `Setting`, or only the `Project` of it where that is enough.
"""

from ingot.pipeline.bench import Bench, open_bench, profile_config
from ingot.pipeline.bisecting import COST_KINDS, Bisection, Cost, bisect_options
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
from ingot.pipeline.fetching import FetchedInputs, fetch
from ingot.pipeline.inputs import (
    obtain_source,
    own_version,
    with_git_source,
    with_version_of,
)
from ingot.pipeline.module_build import BuiltModules, build_modules

__all__ = [
    "COST_KINDS",
    "Bench",
    "Bisection",
    "Built",
    "BuiltImage",
    "BuiltModules",
    "Cost",
    "FetchedInputs",
    "Resolved",
    "bisect_options",
    "build",
    "build_modules",
    "containerfile",
    "edit",
    "ensure_builder",
    "fetch",
    "locked_text",
    "obtain_source",
    "open_bench",
    "own_version",
    "packages_of",
    "profile_config",
    "require_sound",
    "resolve_all",
    "site_of",
    "update_builder",
    "with_git_source",
    "with_version_of",
    "write_context",
    "written_by_hand",
]
