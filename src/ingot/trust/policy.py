"""Which images of registries are trusted, read from `trust.toml` of a catalog.

    #:schema ./trust.schema.json

    [[trust]]
    images = "docker.io/foobar/*"         # repositories, without a tag; * is any text
    keys = ["keys/team.pub"]              # one of them has to have signed the image; none: unsigned
    require = ["provenance", "boot"]      # what it has to have signed besides the image
    builds = 2                            # how many of the keys have to have built the same bytes

The first table whose `images` fits decides. If the catalog has the file, an image that no table
fits is refused. Without the file, every image is taken, and no one vouches for it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.files import read_text
from ingot.toml import FileForm, Mistakes, TomlTable

FILE_NAME = "trust.toml"
SCHEMA_NAME = "trust.schema.json"

NO_ONE = f"no one vouches for it: the catalog has no {FILE_NAME}"
"""What is said about an image if there is no policy."""

_IMAGES = r"^[^@\s]+$"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is needed to trust the images of some repositories; `keys` are files."""

    images: str
    keys: tuple[Path, ...]
    require: tuple[str, ...] = ()
    builds: int = 0

    def fits(self, repository: str) -> bool:
        parts = map(re.escape, self.images.split("*"))
        return re.fullmatch(".*".join(parts), repository) is not None


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a catalog, from the file `path`; the first one that fits an image decides."""

    path: Path
    rules: tuple[Rule, ...]

    def rule_for(self, repository: str) -> Rule:
        """The rule for a repository; VerificationError if there is none."""
        for rule in self.rules:
            if rule.fits(repository):
                return rule
        raise VerificationError(
            f"{repository} is not trusted",
            why=f"no table of {self.path} is about it",
            hint="add a [[trust]] table with the key of its publisher, if you trust the publisher",
        )


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image of a repository (host[:port]/path/name) that is about to be used.

    `digests` has the digest of its manifest, and then those of indexes that list it.
    """

    repository: str
    digests: Sequence[Digest]
    labels: Mapping[str, str]


class _TrustTable(TomlTable):
    """Which keys may sign the images of some repositories."""

    images: str = Field(
        pattern=_IMAGES,
        description="The repositories, without a tag: docker.io/foobar/*. A * is any text.",
    )
    keys: list[str] = Field(
        description="Public keys or certificates, as paths below the catalog: one of them has to"
        " have signed the image. An empty list: no signature is needed."
    )
    require: list[Literal["provenance", "sbom", "boot"]] = Field(
        [], description="What one of the keys has to have signed besides the image."
    )
    builds: int = Field(
        0,
        ge=0,
        description="How many of the keys have to have signed the provenance of the same digest.",
    )


class _TrustDocument(TomlTable):
    """Which images of registries are trusted."""

    trust: list[_TrustTable] = Field(
        [], description="The first table that fits an image decides; without one, it is refused."
    )


_FORM = FileForm(
    _TrustDocument,
    {(): _TrustDocument, ("trust", "NAME"): _TrustTable},
    {_IMAGES: "the name of a repository without a digest, such as docker.io/foobar/*"},
)


def schema() -> str:
    """The JSON Schema file that is kept next to `trust.toml`."""
    from ingot.toml.json_schema import json_schema  # late: only a script needs it

    return json_schema(_TrustDocument)


def load_policy(catalog: Path) -> Policy | None:
    """The policy of the catalog in this directory; None if it has none.

    A UserError lists all mistakes of the file with their lines.
    """
    path = catalog / FILE_NAME
    text = read_text(path)
    if text is None:
        return None
    mistakes = Mistakes(path, text)
    rules = []
    for index, table in enumerate(_FORM.read(mistakes).trust):
        keys = tuple(catalog / name for name in table.keys)
        for number, key in enumerate(keys):
            if not key.is_file():
                mistakes.add(("trust", index, "keys", number), f"there is no file {key}")
        if table.builds > len(keys):
            message = f"{table.builds} builds need as many keys, but {len(keys)} are listed"
            mistakes.add(("trust", index, "builds"), message)
        if table.require and not keys:
            message = "this needs a key that has signed it; add one to keys"
            mistakes.add(("trust", index, "require"), message)
        rules.append(Rule(table.images, keys, tuple(table.require), table.builds))
    mistakes.check()
    return Policy(path, tuple(rules))


def require_trusted(
    policy: Policy | None,
    image: PulledImage,
    moment: datetime.datetime | None,
    *,
    insecure: bool = False,
) -> str:
    """A phrase that says who vouches for an image; VerificationError if the policy refuses it.

    MachineError if the registry or the network fails, UserError if a key cannot be read.
    """
    if policy is None:
        return NO_ONE
    rule = policy.rule_for(image.repository)
    if not rule.keys:
        return f"{policy.path.name} takes it without a signature"
    from ingot.trust.claims import require_claims  # late: a large library
    from ingot.trust.key_files import read_public_key
    from ingot.trust.registry_place import RegistryPlace
    from ingot.trust.verifying import require_signature, require_signers, verify_image

    name = f"{image.repository}@{image.digests[0]}"
    keys = [read_public_key(path) for path in rule.keys]
    place = RegistryPlace(image.repository, insecure)
    verified = verify_image(place, image.digests, keys, moment)
    try:
        require_signature(verified, name, keys)
        require_signers(verified, name, rule.builds)
        require_claims(verified, name, rule.require, image.labels)
    except VerificationError as error:
        why = f"{error.why}\n{policy.path} requires it"
        raise VerificationError(error.what, why=why, hint=error.hint) from None
    return f"signed by {', '.join(Path(key.name).name for key in verified.signers)}"
