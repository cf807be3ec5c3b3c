"""`ingot containerfile`: a kernel's build as a Containerfile, for a container engine to run."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ingot.builder.container_builder import KIND
from ingot.catalog.value_patterns import IMAGE
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    KernelName,
    choose,
    make_setting,
)
from ingot.cli.shared.completion import complete_builders
from ingot.cli.shared.output_file import require_output_directory
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, print_document, print_line
from ingot.errors import UserError
from ingot.pipeline.containerfile_writer import containerfile as recipe_text
from ingot.pipeline.containerfile_writer import write_context


def containerfile(
    kernel: KernelName,
    image: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="IMAGE",
            help="The base image. Default: the image of the builder.",
            show_default=False,
        ),
    ] = None,
    builder: Annotated[
        str,
        typer.Option(
            "--builder",
            metavar="NAME",
            help="A builder of the catalog whose kind is container.",
            autocompletion=complete_builders,
        ),
    ] = KIND,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write the Containerfile and the files it needs to this new directory.",
            show_default=False,
        ),
    ] = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Print the Containerfile that builds a kernel.

    Its targets are builder, bin, modules and base. `docker buildx build --target bin -f
    DIR/Containerfile DIR`, `podman build` and `buildah bud` run it without Ingot. With the same
    builder packages, the kernel files are identical to those of `ingot build`. Two steps of `ingot
    build` are missing: the check that the config has every requested option, and the boot test.
    """
    if output:
        require_output_directory(output, "--output")
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    (chosen,) = choose(setting, [kernel], builder=builder)
    if image:
        if not re.fullmatch(IMAGE, image):
            raise UserError(
                f"'{image}' is not the name of an image",
                hint="write a name such as docker.io/library/debian:12",
            )
        chosen = replace(chosen, builder=replace(chosen.builder, image=image))
    progress = make_progress(Terminal(stderr=True))
    if output is None:
        print_document(recipe_text(setting, chosen, progress))
        return
    write_context(setting, chosen, output.absolute(), progress)
    # docker looks for a Dockerfile if none is named
    file = output / "Containerfile"
    print_line(
        shlex.join(("docker", "buildx", "build", "--target", "bin", "-f", f"{file}", f"{output}"))
    )
