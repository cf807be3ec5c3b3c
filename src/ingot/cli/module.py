"""`ingot module`: compile out-of-tree modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingot.cli.documents.parts import image_parts, step_parts, total_seconds
from ingot.cli.shared.common_options import (
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    Json,
    make_setting,
)
from ingot.cli.shared.completion import complete_builders_and_kinds, complete_kernels
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.cli.shared.verb_group import Verb, VerbCode, VerbGroup
from ingot.image_lookup import find_image
from ingot.images import DEVEL
from ingot.operands import StoreImage, kernel_named
from ingot.pipeline.module_build import BuiltModules, build_modules
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ModuleBuildDocument


class _ModuleVerbs(VerbGroup):
    """The verbs of `ingot module`."""

    verbs = (Verb("build", "Compile modules for a kernel of the store, and write images."),)

    @staticmethod
    def code_of(name: str) -> VerbCode:
        return {"build": build}[name]


app = typer.Typer(
    name="module",
    cls=_ModuleVerbs,
    help="Compile out-of-tree modules for a kernel.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def build(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="The directory with the source of the modules, and a Kbuild or Makefile"
            " (obj-m += hello.o). Every file that they include must be below it.",
        ),
    ],
    kernel: Annotated[
        str,
        typer.Option(
            "--kernel",
            metavar="KERNEL",
            help="The kernel to compile for. It must be in the store: 6.1, 6.1.176-minimal, or any"
            " other tag, such as 6.1.176-with-bpf.",
            autocompletion=complete_kernels,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name that the images' tags contain. Default: the name of DIR.",
            show_default=False,
        ),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|KIND",
            help="The builder that compiled the kernel. Default: the builder of the catalog that"
            " has the same packages.",
            show_default=False,
            autocompletion=complete_builders_and_kinds,
        ),
    ] = None,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Compile modules for a kernel of the store, and write images.

    Compiles a copy of DIR in the kernel's builder, in a sandbox without a network. The modules are
    installed in `/lib/modules/<release>/updates`.

    Writes two images: `kernel-modules:<kernel>-plus-<name>` has the kernel's modules and these;
    `kernel-module-<name>:<kernel>` is one layer with these modules and the module indexes for
    both, to put on top of the kernel's modules. The same source gives the same digests.
    """
    setting = make_setting(catalog, cache, build_dir)
    image, _ = find_image(setting.project, StoreImage(f"{DEVEL}:{kernel_named(kernel)}"))
    tag = image.partition(":")[2]
    progress = make_progress(Terminal(stderr=True))
    built = build_modules(setting, tag, directory, progress, name=name, builder=builder)
    if as_json:
        print_json(_document(built))
    else:
        _print_summary(make_console(), built)


def _print_summary(console: Terminal, built: BuiltModules) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("image", no_wrap=True, min_width=max(len(i.tag) for i in built.images))
    table.add_column("digest", no_wrap=True, overflow="ellipsis")
    table.add_column("size", justify="right", no_wrap=True, min_width=len("1000.0 MiB"))
    for image in built.images:
        table.add_row(image.tag, str(image.digest), size_text(image.size))
    console.print()
    console.print(table)
    console.print()
    console.say(f"for {built.tag} ({built.facts.arch}), release {built.facts.release}:")
    for name, size in built.files.items():
        console.say(f"updates/{name}  {size_text(size)}")


def _document(built: BuiltModules) -> ModuleBuildDocument:
    return {
        "name": built.name,
        "kernel": built.tag,
        "version": built.facts.version,
        "release": built.facts.release,
        "arch": built.facts.arch,
        "recipe_key": str(built.facts.recipe_key),
        "source_digest": str(built.source),
        "modules": [{"name": name, "size": size} for name, size in built.files.items()],
        "images": image_parts(built.images),
        "seconds": total_seconds(built.timings),
        "steps": step_parts(built.timings),
    }
