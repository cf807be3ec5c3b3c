"""Images of a registry, fetched to a temporary directory: for the verbs that read their files."""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingot import registry
from ingot.arch import arch_called
from ingot.cli.shared.common_options import find_catalog_directory
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.oci import Image, Layout
from ingot.operands import Operand
from ingot.progress import Progress
from ingot.trust.policy import PulledImage, load_policy, require_trusted
from ingot.units import size_text


@contextlib.contextmanager
def fetched_image(
    reference: str, arch: str | None, progress: Progress, *, insecure: bool
) -> Iterator[tuple[Layout, Image]]:
    """The image `reference` in a layout that exists until the body ends.

    `arch` is the value of --arch: of an image of several arches, the one for it is fetched,
    or else the one for this machine. UserError if the reference is not an image, or not for `arch`.
    """
    platform = arch_called(arch or os.uname().machine)
    with tempfile.TemporaryDirectory(prefix="ingot-pull-") as directory:
        with progress.step(f"pull {reference}") as step:
            layout = registry.fetch_image(
                reference, platform.oci, Path(directory) / "layout", insecure=insecure
            )
            found = registry.read_fetched(layout, reference)
            if arch and found.platform.architecture != platform.oci:
                raise UserError(
                    f"{reference} is for {found.platform}, not for {platform.name}",
                    hint="leave out --arch, or name the image of that arch",
                )
            step.result(f"{found.platform}, {size_text(found.size)}, {found.descriptor.digest}")
        yield layout, found


def require_trusted_image(
    reference: str, image: Image, catalog: Path | None, progress: Progress, *, insecure: bool
) -> None:
    """VerificationError if the policy of the catalog refuses an image that was fetched.

    A note says who vouches for it. `catalog` is the value of --catalog; there may be none.
    """
    directory = find_catalog_directory(catalog)
    policy = load_policy(directory) if directory else None
    with progress.step("who vouches for it") as step:
        digests = [image.descriptor.digest]
        if policy and (index := _index_with(reference, image, insecure=insecure)):
            digests.append(index)
        pulled = PulledImage(registry.repository_of(reference), digests, image.labels)
        now = datetime.datetime.now(datetime.UTC)
        step.result(require_trusted(policy, pulled, now, insecure=insecure))


def _index_with(reference: str, image: Image, *, insecure: bool) -> Digest | None:
    """The index that the reference names, if it lists the image."""
    document = registry.read_document(reference, insecure=insecure)
    entries = document.entries if document else None
    own = str(image.descriptor.digest)
    listed = any(entry["digest"] == own for entry in entries or ())
    return document.digest if document and listed else None


def refuse_arch(text: str, operand: Operand, arch: str | None) -> None:
    """UserError if --arch is given for an operand that is not an image of a registry."""
    if arch:
        raise UserError(
            f"--arch cannot be used with {text}",
            why=f"that is {operand.kind}, which has one arch already",
            hint="leave out --arch",
        )
