"""Images of a registry, fetched to a temporary directory: for the verbs that read their files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingot import registry
from ingot.arch import arch_called
from ingot.errors import UserError
from ingot.oci import Image, Layout
from ingot.operands import Operand
from ingot.progress import Progress
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


def refuse_arch(text: str, operand: Operand, arch: str | None) -> None:
    """UserError if --arch is given for an operand that is not an image of a registry."""
    if arch:
        raise UserError(
            f"--arch cannot be used with {text}",
            why=f"that is {operand.kind}, which has one arch already",
            hint="leave out --arch",
        )
