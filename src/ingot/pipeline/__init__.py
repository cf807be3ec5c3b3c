"""The only place that knows every step, and puts them in a row.

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Each function here takes the `Setting` that all calls of one command share.
"""

from ingot.pipeline.booting import boot_image
from ingot.pipeline.building import Built, BuiltImage, build
from ingot.pipeline.configs import (
    Resolved,
    edit,
    locked_text,
    require_sound,
    resolve_all,
    written_by_hand,
)
from ingot.pipeline.inputs import ensure_builder, obtain_source, origins_of, with_version_of
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
    "Resolved",
    "Setting",
    "boot_image",
    "build",
    "config_of_file",
    "config_of_image",
    "config_of_reference",
    "edit",
    "ensure_builder",
    "in_use",
    "locked_text",
    "obtain_source",
    "origins_of",
    "require_sound",
    "resolve_all",
    "with_version_of",
    "written_by_hand",
]
