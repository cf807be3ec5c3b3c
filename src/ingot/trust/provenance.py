"""How an image was built, as SLSA provenance.

Source: slsa-framework/slsa, spec/v1.0/provenance.md. What decides the bytes of the image, the
recipe, is in `externalParameters`; what it names by digest is in `resolvedDependencies` as well,
with where it came from. The statement claims no level: that depends on where Ingot ran, and on who
can use the key. The same build gives the same statement, so no times are in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ingot.build_record import BuildRecord
from ingot.digest import Digest
from ingot.images import KernelLabels

_PAGE = "https://github.com/weaveworks-liquidmetal/ingot/blob/main/docs/signing.md"
BUILD_TYPE = f"{_PAGE}#provenance"
BUILDER = f"{_PAGE}#builder"


def provenance(
    facts: KernelLabels,
    title: str,
    record: BuildRecord,
    packages: Sequence[str],
    *,
    reproduced: bool = False,
) -> dict[str, object]:
    """The predicate for an image of this kind (`title`) of a kernel.

    `packages` are the builder's, a line each (`gcc-12:amd64=12.2.0-14`). It is `reproduced` if the
    signer built it again and got the same digest.
    """
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "image": title,
                "version": facts.version,
                "release": facts.release,
                "recipe": record.recipe.model_dump(mode="json"),
                "recipeKey": str(facts.recipe_key),
            },
            "internalParameters": {"hermetic": facts.hermetic, "reproduced": reproduced},
            "resolvedDependencies": [
                _source(facts, record),
                *_patches(record),
                {"name": "config", "digest": _sha256(facts.config_digest)},
                {"name": "builder", "digest": _sha256(facts.builder_digest)},
                *(_package(line) for line in packages),
            ],
        },
        "runDetails": {"builder": {"id": BUILDER, "version": {"ingot": record.ingot}}},
    }


def is_of(predicate: Mapping[str, Any], facts: KernelLabels) -> bool:
    """Whether the provenance names the recipe that the image's labels name."""
    definition = predicate.get("buildDefinition")
    found = definition.get("externalParameters") if isinstance(definition, dict) else None
    return isinstance(found, dict) and found.get("recipeKey") == str(facts.recipe_key)


def purl_of(package: str) -> str | None:
    """The package URL of a line of a builder's packages; None if it names a tool instead.

    Source: package-url/purl-spec, types/deb-definition.json.
    """
    name, _, version = package.partition("=")
    plain, colon, arch = name.partition(":")
    if not colon or not version:
        return None
    return f"pkg:deb/{quote(plain)}@{quote(version, safe='')}?arch={quote(arch)}"


def _source(facts: KernelLabels, record: BuildRecord) -> dict[str, object]:
    source = record.source
    digest = _sha256(facts.source_digest)
    if source.commit:
        digest["gitCommit"] = source.commit
    found: dict[str, object] = {
        "name": f"linux-{facts.version}",
        "digest": digest,
        "annotations": {"origin": source.origin, "verified": source.evidence},
    }
    if source.url:
        found["uri"] = source.url
    return found


def _patches(record: BuildRecord) -> Iterator[dict[str, object]]:
    for patch, digest in zip(record.patches, record.recipe.patches, strict=True):
        yield {"name": f"patch {patch.name}", "digest": _sha256(Digest.parse(digest))}


def _package(line: str) -> dict[str, object]:
    purl = purl_of(line)
    return {"name": line, "uri": purl} if purl else {"name": line}


def _sha256(digest: Digest) -> dict[str, str]:
    return {"sha256": digest.hex}
