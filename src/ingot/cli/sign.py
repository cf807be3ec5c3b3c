"""`ingot sign`: sign images, and what they are made of."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.cli.shared.common_options import CatalogDirectory, Insecure, Json, KernelsOrImages
from ingot.cli.shared.key_options import read_key
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, print_json, print_line
from ingot.operands import RegistryImage, parse_operand

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import SignDocument
    from ingot.cli.shared.signed_images import SignedImage
    from ingot.trust.signing import Signed


def sign(
    images: KernelsOrImages,
    key: Annotated[
        Path,
        typer.Option("--key", metavar="FILE", help="The private key, as `ingot keygen` makes it."),
    ],
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Sign images, and what they are made of.

    The signature is kept next to the image: in the store, from where `ingot push` sends it, or in
    the registry. The image itself does not change. Both cosign 2 and cosign 3 verify it.

    For an image of the store, the key also signs how it was built (provenance), what it contains
    (sbom), and that it has booted (boot), as far as the store knows. An image of a registry only
    gets the signature; one of several arches gets it on its index and on the image of each arch.
    """
    from ingot.cli.shared.signed_images import each_once, images_listed, images_named
    from ingot.trust.claims import claims_about  # late: a large library
    from ingot.trust.signing import sign_image

    found: list[SignedImage] = []
    for text in images:
        operand = parse_operand(text)
        if isinstance(operand, RegistryImage):
            found += images_listed(operand.reference, insecure=insecure)
        else:
            found += images_named(text, catalog, None, insecure=insecure)
    private = read_key(key)
    created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    progress = make_progress(Terminal(stderr=True))
    results: list[tuple[SignedImage, Signed]] = []
    for each in each_once(found):
        with progress.step(f"sign {each.name}") as step:
            claims = claims_about(each.project.layout, each.image) if each.project else ()
            signed = sign_image(each.place, each.descriptor, claims, private, created)
            step.result(_result(signed))
            results.append((each, signed))
    if as_json:
        print_json({**_document(results, private.public.fingerprint)})
        return
    for each, signed in results:
        print_line(f"{each.name}  {signed.digest}")


def _result(signed: Signed) -> str:
    from ingot.trust.claims import title_of

    if not signed.added:
        return "this key has signed it already"
    return ", ".join(title_of(each) for each in signed.added)


def _document(results: Sequence[tuple[SignedImage, Signed]], fingerprint: str) -> SignDocument:
    return {
        "fingerprint": fingerprint,
        "images": [
            {
                "image": each.name,
                "digest": str(signed.digest),
                "statements": list(signed.statements),
                "new_statements": list(signed.added),
            }
            for each, signed in results
        ],
    }
