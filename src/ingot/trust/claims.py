"""What a signer attests about an image of a kernel, and how `ingot verify --require` names it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.build_record import BuildRecord, find_record
from ingot.compiled_artifact import read_compiled_files
from ingot.errors import UserError, VerificationError
from ingot.images import (
    BASE,
    BIN,
    KERNEL_IMAGES,
    MODULES,
    TITLE,
    KernelLabels,
    read_facts,
    read_packages,
)
from ingot.oci import Image, Layout
from ingot.trust.boot_proof import boot_proof, has_passed
from ingot.trust.provenance import is_of, provenance
from ingot.trust.sbom import holds_files, sbom
from ingot.trust.signing import Claim
from ingot.trust.statement import BOOT, PROVENANCE, SBOM, SIGNATURE
from ingot.trust.verifying import Verified

_BOOTED = (BASE, BIN, MODULES)
"""The images whose files were in the guest that booted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of claim: the type of its predicate, and whether a predicate is good enough.

    `is_good` gets the labels of the image if they are known. `images` are the images of a kernel
    about which it is made.
    """

    predicate_type: str
    images: Collection[str]
    fault: str
    is_good: Callable[[Mapping[str, Any], KernelLabels | None], bool]


KINDS: Mapping[str, Kind] = {
    "provenance": Kind(
        PROVENANCE,
        KERNEL_IMAGES,
        "it is about another recipe than the image's labels name",
        lambda predicate, facts: facts is None or is_of(predicate, facts),
    ),
    "sbom": Kind(
        SBOM,
        _BOOTED,
        "it is not a CycloneDX document",
        lambda predicate, _: predicate.get("bomFormat") == "CycloneDX",
    ),
    "boot": Kind(
        BOOT,
        _BOOTED,
        "it does not say that the kernel passed its boot test",
        lambda predicate, _: has_passed(predicate),
    ),
}
"""The kinds of claims by the names that `--require` takes."""


def kinds_named(text: str) -> list[str]:
    """The kinds that the value of `--require` names, separated by commas; UserError if unknown."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in KINDS:
            raise UserError(
                f"'{name}' cannot be required",
                why=f"a key signs {', '.join(KINDS)} about an image",
                hint=f"name one or more of them, as in --require {','.join(KINDS)}",
            )
    return list(dict.fromkeys(names))


def title_of(predicate_type: str) -> str:
    """What a type of predicate is called in messages."""
    titles = {kind.predicate_type: name for name, kind in KINDS.items()}
    return {SIGNATURE: "signature", **titles}.get(predicate_type, predicate_type)


def claims_about(layout: Layout, image: Image | None) -> tuple[Claim, ...]:
    """The claims that can be made about an image of the store, from what the store knows about it.

    An image that was not built for this store has no record of its build: then there are none, not
    even an SBOM, since its list of compiled files was pulled with it. VerificationError if the data
    is damaged.
    """
    facts = read_facts(image) if image else None
    if image is None or facts is None or TITLE not in image.labels:
        return ()
    title, packages = image.labels[TITLE], read_packages(image.annotations) or ()
    record = find_record(layout, facts)
    if record is None:
        return ()
    return (
        *_built(facts, title, record, packages),
        *_contents(layout, image, facts, title, packages, record),
    )


def require_claims(
    verified: Verified,
    name: str,
    kinds: Sequence[str],
    labels: Mapping[str, str],
    *,
    among_others: bool = False,
) -> None:
    """VerificationError unless a key has signed a good claim of each kind about the image `name`.

    `labels` are those of the image, from its config or its manifest. It is `among_others` if all
    images of a kernel are asked about: then a kind is not needed for images that never have it.
    """
    facts = KernelLabels.from_labels(labels)
    for kind in kinds:
        wanted = KINDS[kind]
        if among_others and name.partition(":")[0] not in wanted.images:
            continue
        found = verified.of_type(wanted.predicate_type)
        if any(wanted.is_good(each.statement.predicate, facts) for each in found):
            continue
        others = list(
            dict.fromkeys(title_of(e.statement.predicate_type) for e in verified.statements)
        )
        why = wanted.fault if found else f"signed is only: {', '.join(others) or 'the image'}"
        raise VerificationError(
            f"{name} has no {kind} that the key signed",
            why="\n".join([why, *verified.refused]),
            hint="its publisher can sign it in the store that built it: ingot sign KERNEL --key"
            " KEY, then ingot push",
        )


def _built(
    facts: KernelLabels, title: str, record: BuildRecord, packages: Sequence[str]
) -> list[Claim]:
    claims = [Claim(PROVENANCE, provenance(facts, title, record, packages))]
    if record.boot and title in _BOOTED:
        claims.append(Claim(BOOT, boot_proof(facts, record, record.boot)))
    return claims


def _contents(
    layout: Layout,
    image: Image,
    facts: KernelLabels,
    title: str,
    packages: Sequence[str],
    record: BuildRecord,
) -> list[Claim]:
    compiled = read_compiled_files(layout, image) if holds_files(title) else None
    if compiled is None:
        return []
    document = sbom(facts, title, image.descriptor.digest, compiled, packages, record)
    return [Claim(SBOM, document)]
