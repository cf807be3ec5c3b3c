"""The tags of artifacts that describe a base image:

flintlock-kernel:<version>-<12 digits of the recipe key>-boot    its boot profile
flintlock-kernel:<version>-<12 digits of the recipe key>-files   its compiled files
"""

from __future__ import annotations

import re

from ingot.images.image_kinds import BASE
from ingot.images.kernel_labels import KernelLabels

PROFILE, COMPILED_FILES = "boot", "files"

_TAG = re.compile(rf"{BASE}:.+-[0-9a-f]{{12}}-({PROFILE}|{COMPILED_FILES})")


def artifact_tag(facts: KernelLabels, kind: str) -> str:
    """The tag of the artifact of this kind about the base image with these labels."""
    return f"{base_tag(facts)}-{kind}"


def base_tag(facts: KernelLabels) -> str:
    """The immutable tag of the base image with these labels."""
    return f"{BASE}:{facts.version}-{facts.recipe_key.short}"


def artifact_kind(tag: str) -> str | None:
    """The kind of artifact that a tag of the store names; None for the tag of an image."""
    match = _TAG.fullmatch(tag)
    return match[1] if match else None
