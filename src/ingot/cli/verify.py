"""`ingot verify`: verify the signatures of an image with a key."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.cli.shared.common_options import (
    CatalogDirectory,
    ImageArch,
    Insecure,
    Json,
    KernelsOrImages,
)
from ingot.cli.shared.terminal import Terminal, make_console, print_json

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import VerifiedImagePart, VerifyDocument
    from ingot.cli.shared.signed_images import SignedImage
    from ingot.trust.keys import PublicKey
    from ingot.trust.verifying import Verified


def verify(
    images: KernelsOrImages,
    keys: Annotated[
        list[Path],
        typer.Option(
            "--key",
            metavar="FILE",
            help="A public key, or a certificate that has one; may be given more than once: each of"
            " them is trusted.",
        ),
    ],
    require: Annotated[
        str,
        typer.Option(
            "--require",
            metavar="KIND,...",
            help="What the key must have signed besides the image: provenance, sbom, boot.",
        ),
    ] = "",
    reproduced_by: Annotated[
        int,
        typer.Option(
            "--reproduced-by",
            metavar="N",
            min=0,
            help="The number of keys that must have signed the provenance of this digest: so many"
            " builds gave the same bytes.",
        ),
    ] = 0,
    arch: ImageArch = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Verify the signatures of an image with a key.

    Accepts signatures of Ingot, cosign 2 and cosign 3, and needs nothing but the key: no other
    service is asked. Prints the digest that was verified: use it, since a tag can be moved.

    Exits with 4 if the image is not signed by the key, if what --require names is missing or about
    another build, or if an image of the store is damaged. A signature that does not count is
    mentioned with the reason.
    """
    from ingot.cli.shared.signed_images import each_once, images_named
    from ingot.trust.claims import kinds_named
    from ingot.trust.key_files import read_public_key  # late: a large library

    kinds = kinds_named(require)
    trusted = [read_public_key(path) for path in keys]
    named = (images_named(text, catalog, arch, insecure=insecure) for text in images)
    found = each_once([image for several in named for image in several])
    results = [
        (each, _verified(each, trusted, kinds, reproduced_by=reproduced_by)) for each in found
    ]
    if as_json:
        document: VerifyDocument = {"images": [_part(*result) for result in results]}
        print_json({**document})
        return
    for each, verified in results:
        _print(each, verified)


def _verified(
    image: SignedImage, keys: Sequence[PublicKey], kinds: Sequence[str], *, reproduced_by: int
) -> Verified:
    from ingot.trust.claims import require_claims
    from ingot.trust.verifying import require_signature, require_signers, verify_image

    now = datetime.datetime.now(datetime.UTC)
    if image.project and image.image:
        _require_intact(image)
    digests = [image.descriptor.digest, *([image.index] if image.index else [])]
    verified = verify_image(image.place, digests, keys, now)
    require_signature(verified, image.name, keys)
    require_signers(verified, image.name, reproduced_by)
    require_claims(verified, image.name, kinds, image.labels, among_others=image.among_others)
    return verified


def _require_intact(image: SignedImage) -> None:
    """VerificationError if a blob of the image in the store does not match its digest."""
    from ingot.errors import VerificationError
    from ingot.oci import validate_image

    assert image.project is not None
    if problems := validate_image(image.project.layout, image.descriptor):
        raise VerificationError(
            f"{image.name} is damaged",
            why="\n".join(map(str, problems)),
            hint="do not use it; build the kernel again",
        )


def _print(image: SignedImage, verified: Verified) -> None:
    from ingot.trust.claims import title_of

    console = make_console()
    console.say((image.name, "bold"), f"  {verified.digest}")
    for key in verified.signers:
        console.say(f"  signed by {key.name or 'a key'}  {key.fingerprint}")
    for each in verified.statements:
        title = title_of(each.statement.predicate_type)
        if title != "signature":
            console.say(f"  {title}, by {each.key.name}")
    errors = Terminal(stderr=True)
    for reason in verified.refused:
        errors.say(("note:", "bold"), f" {image.name}: not counted: {reason}")


def _part(image: SignedImage, verified: Verified) -> VerifiedImagePart:
    return {
        "image": image.name,
        "digest": str(verified.digest),
        "signed_by": [key.fingerprint for key in verified.signers],
        "statements": [each.statement.predicate_type for each in verified.statements],
        "refused": list(verified.refused),
    }
