"""The catalog as an image in the registry, from which jobs read it.

    ingot-catalog:<12 digits of the manifest's digest>     one layer: kernels/ and what is below it

So every machine builds from the client's catalog as it was when the build began, and a machine
needs nothing but the registry. Jobs name the image by its whole digest. The layer also has the lock
files of the builders that the client used, if the catalog has none: a job then takes exactly those
builders from the registry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from ingot import registry
from ingot.builder.builder_lock import lock_text
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError
from ingot.files import locked, private_directory
from ingot.oci import Layout, Platform, extract, file_entry, read_image, write_image, write_layer
from ingot.oci.layer_entry import LayerEntry, tree_entries
from ingot.pipeline import packages_of
from ingot.progress import Progress
from ingot.registry import Registry
from ingot.setting import Project

IMAGE = "ingot-catalog"
_ROOT = "kernels"
_LIMIT = 64 << 20
"""The most bytes of a catalog: two hundred times the bundled one."""


def send_catalog(
    project: Project,
    builders: Iterable[BuilderSpec],
    site: Site,
    target: Registry,
    progress: Progress,
) -> str:
    """Send the catalog to the registry; returns its reference, `HOST/ingot-catalog@sha256:...`.

    The same catalog and builders give the same digest. MachineError if the registry fails.
    """
    entries = [*tree_entries(project.catalog.root, _ROOT), *_locks(project, builders, site)]
    with (
        tempfile.TemporaryDirectory(prefix="ingot-catalog-") as directory,
        progress.step("send the catalog") as step,
    ):
        layout = Layout(Path(directory) / "layout")
        layer = write_layer(layout, entries, 0)
        image = write_image(layout, [layer], Platform("linux", site.host.oci), {}, {}, 0)
        tag = target.reference(f"{IMAGE}:{image.digest.short}")
        what = f"the catalog could not be sent to {target.name}"
        registry.send(layout, image, tag, what, insecure=target.insecure)
        step.result(image.digest.short)
    return target.reference(f"{IMAGE}@{image.digest}")


def fetch_catalog(
    reference: str, directory: Path, arch: str, progress: Progress, *, insecure: bool
) -> Path:
    """The directory of the catalog `reference`, below `directory`; fetched unless it is there.

    `arch` is this machine's, as OCI spells it. UserError if the registry does not have it,
    VerificationError if it is damaged.
    """
    place = directory / reference.rpartition(":")[2]
    if not (place / _ROOT).is_dir():
        private_directory(directory)
        with (
            locked(directory / f".{place.name}.lock"),
            tempfile.TemporaryDirectory(prefix="ingot-catalog-") as temporary,
            progress.step("fetch the catalog"),
        ):
            if not place.is_dir():
                layout = registry.fetch_image(
                    reference, arch, Path(temporary) / "layout", insecure=insecure
                )
                image = read_image(layout, layout.tags()[registry.FETCHED])
                extract(layout, image, place, limit=_LIMIT)
    return place / _ROOT


def _locks(project: Project, builders: Iterable[BuilderSpec], site: Site) -> list[LayerEntry]:
    """Lock files of the builders that have none in the catalog."""
    entries = []
    for spec in dict.fromkeys(builders):
        path = site.lock_path(spec)
        if path.exists():
            continue
        packages = packages_of(project, spec)
        if packages is None:
            raise MachineError(
                f"the builder '{spec.name}' does not exist here",
                hint=f"make it first: ingot builder make {spec.name}",
            )
        name = f"{_ROOT}/{path.relative_to(project.catalog.root)}"
        entries.append(file_entry(name, lock_text(spec.name, packages).encode()))
    return entries
