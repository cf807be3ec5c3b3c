"""Who vouches for a builder: whoever signs or offers what it is made of.

What a builder has made, and programs of it could have tampered with, must not reach a catalog
that trusts others: compile caches, kept configs and the builders themselves are named by this.
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
    except UserError:  # whoever makes the builder is told
        return "missing"


def trust_in_builder(spec: BuilderSpec, catalog: Path) -> str:
    """Names who vouches for what a builder is made of.

    For one made of packages these are the keys of its archive, wherever its mirror is; for one of
    a container engine, the name of the image; for the machine's own compiler, the machine.
    """
    if spec.image:
        return f"{spec.kind} {spec.image}"
    return f"{spec.kind} {keyring_trusted(spec, catalog) or _APT}"
