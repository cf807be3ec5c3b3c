"""`ingot reproduce`: build a kernel again from its images, and compare the digests."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingot.cli.shared.common_options import (
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    ImageArch,
    Insecure,
    Json,
)
from ingot.cli.shared.completion import complete_kernels_and_images
from ingot.cli.shared.key_options import read_key
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.reproduced_kernel import (
    KernelToReproduce,
    ReproduceRequest,
    kernel_to_reproduce,
)
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.images import KernelLabels, read_packages
from ingot.oci import Image, Layout, read_image
from ingot.registry import at_once
from ingot.reproduction import Difference, ReproducedImage, find_differences

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ReproduceDocument
    from ingot.trust.keys import PrivateKey
    from ingot.trust.signing import Place


def reproduce(
    image: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL|IMAGE",
            help="A kernel (6.1) or an image of it in the store (kernel-bin:6.1), or in a registry"
            " (docker.io/foobar/kernel-bin:6.1).",
            autocompletion=complete_kernels_and_images,
        ),
    ],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="HOST[/PATH]",
            help="The registry that has the image, and the image of its builder.",
            show_default=False,
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            "--sign",
            metavar="KEY",
            help="If all digests are equal, sign with this private key that you built them too.",
            show_default=False,
        ),
    ] = None,
    arch: ImageArch = None,
    insecure: Insecure = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    as_json: Json = False,
) -> None:
    """Build a kernel again from its images, and compare the digests.

    Everything that decides the bytes is taken from the images: the config, and the record of the
    build, which has the recipe and the patches. The catalog only says where sources come from, and
    how builders are made. The compile is clean and the store does not change.

    Exits with 4 if a digest differs, and shows the layer, the file, and the section of an ELF file.
    Each image that is equal can be signed: `ingot verify --reproduced-by N` counts these keys.
    """
    from ingot.pipeline.reproducing import rebuilt  # late: it compiles

    key = read_key(sign) if sign else None
    progress = make_progress(Terminal(stderr=True))
    wanted = ReproduceRequest(image, from_, arch, insecure)
    where = (catalog, cache, build_dir)
    with kernel_to_reproduce(wanted, *where, progress) as kernel:
        with rebuilt(kernel.setting, kernel.original, progress) as (layout, images):
            results = _compare(kernel, layout, images)
        equal = all(each.equal for each in results)
        signed = _sign(kernel, results, key) if key and equal else []
    if as_json:
        print_json({**_document(kernel.original.facts, results, signed)})
    else:
        _print(results, signed)
    if not equal:
        names = ", ".join(each.name for each in results if not each.equal)
        raise VerificationError(
            f"not reproduced: {names}",
            why="\n".join(str(one) for each in results for one in each.differences),
            hint="compare the inputs with `ingot inspect`; a real difference of one recipe is a"
            " mistake of Ingot or of the kernel's build",
        )


def _compare(
    kernel: KernelToReproduce, layout: Layout, images: Mapping[str, Image]
) -> list[ReproducedImage]:
    results = []
    for name, descriptor in kernel.manifests.items():
        new, own = images[name], kernel.original.layout
        equal = new.descriptor.digest == descriptor.digest
        differences: tuple[Difference, ...] = ()
        if not equal and own.is_complete(descriptor):
            differences = find_differences(own, read_image(own, descriptor), layout, new)
        results.append(ReproducedImage(name, descriptor.digest, new.descriptor.digest, differences))
    return results


def _sign(
    kernel: KernelToReproduce, results: Sequence[ReproducedImage], key: PrivateKey
) -> list[str]:
    """Sign the images, and that they were built here as well; returns their names."""
    from ingot import __version__
    from ingot.trust.provenance import provenance
    from ingot.trust.signing import Claim, sign_image
    from ingot.trust.statement import PROVENANCE

    original = kernel.original
    record = original.record.model_copy(update={"ingot": __version__})
    packages = read_packages(original.base.annotations) or ()
    created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def sign(name: str) -> None:
        claim = provenance(original.facts, name, record, packages, reproduced=True)
        claims = [Claim(PROVENANCE, claim)]
        sign_image(_place(kernel, name), kernel.manifests[name], claims, key, created)

    at_once(sign, [each.name for each in results])
    return [_named(kernel, each.name, each.digest) for each in results]


def _place(kernel: KernelToReproduce, name: str) -> Place:
    from ingot.trust.registry_place import RegistryPlace
    from ingot.trust.store_place import StorePlace

    if kernel.registry is None:
        return StorePlace(kernel.original.layout, name)
    return RegistryPlace(kernel.registry.reference(name), kernel.registry.insecure)


def _named(kernel: KernelToReproduce, name: str, digest: Digest) -> str:
    return f"{kernel.registry.reference(name) if kernel.registry else name}@{digest}"


def _print(results: Sequence[ReproducedImage], signed: Sequence[str]) -> None:
    console = make_console()
    for each in results:
        mark = ("✓", "green") if each.equal else ("✗", "red")
        console.say(mark, f" {each.name}  {each.digest}")
        if not each.equal:
            console.say(f"  rebuilt: {each.rebuilt}")
    if signed:
        console.say(f"signed: {len(signed)} images")


def _document(
    facts: KernelLabels, results: Sequence[ReproducedImage], signed: Sequence[str]
) -> ReproduceDocument:
    return {
        "recipe_key": str(facts.recipe_key),
        "reproduced": all(each.equal for each in results),
        "images": [
            {
                "image": each.name,
                "digest": str(each.digest),
                "rebuilt_digest": str(each.rebuilt),
                "differences": [str(one) for one in each.differences],
            }
            for each in results
        ],
        "signed": list(signed),
    }
