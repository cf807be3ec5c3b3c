"""The only place that knows every step, and puts them in a row.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes the `Setting` that all calls of one command share.
"""

from ingot.pipeline.booting import boot_image
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
from ingot.pipeline.fetching import Fetched, fetch
from ingot.pipeline.inputs import (
    obtain_source,
    origins_of,
    own_version,
    with_git_source,
    with_version_of,
)
from ingot.pipeline.profiling import is_profile, kept_profile, profile_file, profile_image
from ingot.pipeline.publishing import Published, publish
from ingot.pipeline.reading import (
    Config,
    config_of_file,
    config_of_image,
    config_of_reference,
)
from ingot.pipeline.setting import Setting, in_use

__all__ = [
    "Built",
    "BuiltImage",
    "Config",
    "Fetched",
    "Published",
    "Resolved",
    "Setting",
    "boot_image",
    "build",
    "config_of_file",
    "config_of_image",
    "config_of_reference",
    "edit",
    "ensure_builder",
    "fetch",
    "in_use",
    "is_profile",
    "kept_profile",
    "locked_text",
    "obtain_source",
    "origins_of",
    "own_version",
    "packages_of",
    "profile_file",
    "profile_image",
    "publish",
    "require_sound",
    "resolve_all",
    "site_of",
    "update_builder",
    "with_git_source",
    "with_version_of",
    "written_by_hand",
]
