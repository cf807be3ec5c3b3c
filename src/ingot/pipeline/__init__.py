"""The only place that knows every step, and puts them in a row.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes the `Setting` that all calls of one command share. What only one verb needs
(`bench`, `bisecting`, `containerfile`, `module_build`) is imported from its module, by that verb.
"""

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
from ingot.pipeline.fetching import FetchedInputs, fetch
from ingot.pipeline.inputs import (
    obtain_source,
    own_version,
    with_git_source,
    with_version_of,
)

__all__ = [
    "Built",
    "BuiltImage",
    "FetchedInputs",
    "Resolved",
    "build",
    "edit",
    "ensure_builder",
    "fetch",
    "locked_text",
    "obtain_source",
    "own_version",
    "packages_of",
    "require_sound",
    "resolve_all",
    "site_of",
    "update_builder",
    "with_git_source",
    "with_version_of",
    "written_by_hand",
]
