"""The trust anchor of a builder: the keys or the image name that its content is verified by.

A builder's programs can tamper with everything they write. So that this cannot reach a catalog
with other trust anchors, the names of compile caches, stored configs and builders include them.
"""

from __future__ import annotations

from pathlib import Path

from ingot.builder.bootstrap import keyring_of
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import UserError

_APT = "the keys that apt trusts"


def keyring_trusted(spec: BuilderSpec, catalog: Path) -> str:
    """The digest of the keyring that a builder's archive must be signed by; empty without one."""
    if not spec.keyring:
        return ""
    try:
        return str(Digest.of_file(keyring_of(spec, catalog)))
    except UserError:  # reported when the builder is made
        return "missing"


def trust_in_builder(spec: BuilderSpec, catalog: Path) -> str:
    """The trust anchor of a builder's content, as text.

    For a builder of packages, the keys of the archive, regardless of the mirror; for a container
    image, its name; for the machine's own compiler, the machine.
    """
    if spec.image:
        return f"{spec.kind} {spec.image}"
    return f"{spec.kind} {keyring_trusted(spec, catalog) or _APT}"
