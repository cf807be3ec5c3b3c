"""`ingot push`: send built images to a registry."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot.catalog import Kernel
from ingot.catalog.kernel_selection import ALL
from ingot.cli.shared.common_options import (
    Arches,
    BuiltKernels,
    CatalogDirectory,
    Flavors,
    Insecure,
    Json,
    With,
    Without,
    choose,
    make_setting,
)
from ingot.cli.shared.key_options import read_key
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json, print_line
from ingot.errors import UserError
from ingot.images import BASE, split_modules, tags_of_store
from ingot.publish import Published, publish
from ingot.publish.shipment import KernelModules
from ingot.publish.signatures import Signer
from ingot.publish.tagging import Action
from ingot.registry import Registry, check_registry
from ingot.setting import Project
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import PushDocument

DEFAULT_REGISTRY = "ghcr.io/weaveworks-liquidmetal"


def push(
    kernels: BuiltKernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    with_: With = None,
    without: Without = None,
    registry: Annotated[
        str,
        typer.Option(envvar="REGISTRY", metavar="HOST[/PATH]", help="The registry to push to."),
    ] = DEFAULT_REGISTRY,
    builder: Annotated[
        bool,
        typer.Option("--builder", help="Also push the builder, so that --cache-from can pull it."),
    ] = False,
    sign: Annotated[
        Path | None,
        typer.Option(
            "--sign",
            metavar="KEY",
            help="Sign the images with this private key, and what they are made of (`ingot sign`).",
            show_default=False,
        ),
    ] = None,
    insecure: Insecure = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show which images and tags would be pushed.")
    ] = False,
    catalog: CatalogDirectory = None,
    as_json: Json = False,
) -> None:
    """Push kernel images to a registry.

    Pushes all images of each kernel; without a name, of every kernel of the catalog that is built.
    6.1-plus-NAME also pushes the images that `ingot module build` made for that kernel.
    Sends only what the registry lacks, and sets tags last: an interrupted push can be run again.

    The tags are `6.1.176` (all arches), `6.1.176-x86_64` (one arch), `6.1` (the newest version) and
    `6.1.176-<recipe key>`, which never moves. A flavor follows the version: `6.1.176-minimal`.

    Signatures that the store has (`ingot sign`) are pushed with their images. With --sign, the
    images are signed under their names in the registry, before their tags are set; an index of all
    arches is signed as well, if the key has signed each image that it lists.

    Credentials are those of docker or skopeo (`skopeo login`); Ingot stores none.
    """
    target = Registry(check_registry(registry), insecure)
    setting = make_setting(catalog, None)
    modules: list[KernelModules] = []
    if kernels:
        pairs = [split_modules(name) for name in kernels]
        names = [name for name, _ in pairs]
        selected = choose(setting, names, arches, flavors, with_, without)
        modules = [
            KernelModules(kernel, added)
            for name, added in dict.fromkeys(pairs)
            for kernel in choose(setting, [name], arches, flavors, with_, without)
            if added
        ]
    else:
        names = list(
            dict.fromkeys(str(kernel.version) for kernel in setting.project.catalog.kernels)
        )
        offered = choose(setting, names, arches or [ALL], flavors or [ALL], with_, without)
        selected = _built(setting.project, offered)
    errors = Terminal(stderr=True)
    published = publish(
        setting.project,
        selected,
        target,
        make_progress(errors),
        modules=modules,
        builders=builder,
        signer=_signer(sign) if sign else None,
        dry_run=dry_run,
    )
    for text in dict.fromkeys(
        f"{tag.image.partition(':')[2]} {tag.note}" for tag in published.tags if tag.note
    ):
        errors.say(text)
    if as_json:
        print_json(_document(published, target, dry_run=dry_run))
    elif dry_run:
        _print_plan(make_console(), published, target)
    else:
        for tag in published.tags:
            if tag.action != Action.KEPT:
                print_line(target.reference(tag.image))
    if error := published.refusal(target):
        raise error


def _signer(key: Path) -> Signer:
    created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Signer(read_key(key), created)


def _built(project: Project, offered: Sequence[Kernel]) -> list[Kernel]:
    """The kernels that the store has; a UserError if there is none."""
    tags = tags_of_store(project.layout)
    built = [kernel for kernel in offered if f"{BASE}:{kernel.tag}" in tags]
    if not built:
        raise UserError(
            f"the store {project.layout.root} has no kernel to push",
            hint="build one first: ingot build 6.1",
        )
    return built


def _print_plan(console: Terminal, published: Published, target: Registry) -> None:
    """Print each tag and its action; the row of an arch's tag has the size to send."""
    sizes = {upload.image: upload.size for upload in published.uploads}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"in {target.name}", overflow="fold")
    table.add_column("digest", no_wrap=True)
    table.add_column("tag", no_wrap=True)
    table.add_column("to send", justify="right", no_wrap=True)
    for tag in published.tags:
        size = size_text(sizes[tag.image]) if tag.image in sizes else ""
        table.add_row(tag.image, tag.digest.short, tag.action.value, size)
    console.print(table)
    if published.size:
        console.print()
        console.say(f"at most {size_text(published.size)} to send")


def _document(published: Published, target: Registry, *, dry_run: bool) -> PushDocument:
    return {
        "registry": target.name,
        "dry_run": dry_run,
        "size": published.size,
        "images": [
            {
                "image": target.reference(upload.image),
                "digest": str(upload.digest),
                "size": upload.size,
            }
            for upload in published.uploads
        ],
        "tags": [
            {
                "image": target.reference(tag.image),
                "digest": str(tag.digest),
                "before": str(tag.before) if tag.before else None,
                "action": tag.action.value,
            }
            for tag in published.tags
        ],
        "signed": [target.reference(image) for image in published.signed],
    }
