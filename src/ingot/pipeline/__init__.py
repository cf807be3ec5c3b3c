"""The build pipeline. Only this package knows every step and their order.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes the `Setting` that all calls of one command share. What resolves configs
and fetches is imported when it is first used (PEP 562): most builds only find their images. The
modules that only one verb needs (`bench`, `bisecting`, `containerfile_writer`, `module_build`) are
imported by that verb.
"""

from typing import TYPE_CHECKING

from ingot.pipeline.builders import (
    builders_of_catalog,
    ensure_builder,
    packages_of,
    site_of,
    update_builder,
)
from ingot.pipeline.building import build
from ingot.pipeline.found_build import Built, BuiltImage
from ingot.pipeline.inputs import (
    local_version,
    obtain_source,
    with_git_source,
    with_own_source,
    with_version_of,
)

if TYPE_CHECKING:
    from ingot.pipeline.configs import (
        Resolved,
        edit,
        locked_text,
        require_sound,
        resolve_all,
    )
    from ingot.pipeline.fetching import FetchedInputs, fetch
    from ingot.pipeline.recipes import find_recipe

__all__ = [
    "Built",
    "BuiltImage",
    "FetchedInputs",
    "Resolved",
    "build",
    "builders_of_catalog",
    "edit",
    "ensure_builder",
    "fetch",
    "find_recipe",
    "local_version",
    "locked_text",
    "obtain_source",
    "packages_of",
    "require_sound",
    "resolve_all",
    "site_of",
    "update_builder",
    "with_git_source",
    "with_own_source",
    "with_version_of",
]

if not TYPE_CHECKING:  # else every misspelt name would pass

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        from ingot.pipeline import configs, fetching, recipes

        owners = (configs, fetching, recipes)
        return getattr(next(owner for owner in owners if hasattr(owner, name)), name)
