"""The default builder: a root filesystem of packages, made from a signed archive.

It is stored as an image (`builder_image`), and its root is unpacked for use. The cache keeps a copy
of the image, for the stores of other catalogs (`kept_images`):

    builders/<digest of the image's manifest>/
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.builder import kept_images
from ingot.builder.bootstrap import bootstrap
from ingot.builder.builder_image import annotated_packages, find, store
from ingot.builder.builder_lock import write_lock
from ingot.builder.builder_packages import STATUS_FILE, changes, digest_of, read_status, summary
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError, UserError
from ingot.files import locked, staging_directory
from ingot.oci import Image, extract, read_image
from ingot.progress import Progress

KIND = "rootfs"
_LOG_LINES = 1900


def packages(spec: BuilderSpec, _arch: Arch, site: Site) -> tuple[str, ...] | None:
    """The builder's packages, if the store or the cache has it; takes milliseconds."""
    image = _image(spec, site)
    if image is None and (kept := kept_images.find(spec, site)):
        _, image = kept
    return annotated_packages(image) if image else None


def ensure(spec: BuilderSpec, _arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready for use: copied from the cache or made if the store does not have it.

    Two processes that need the same builder make it once. If its packages differ from its lock
    file, that is a note, or a UserError if it is `locked`.
    """
    with alone(spec, site, progress):
        image = _image(spec, site) or kept_images.copy_to_store(spec, site, progress)
        if image is None:
            with (
                _made(spec, site, progress) as (tar, found),
                progress.step("store builder") as step,
            ):
                image = store(spec, site, tar, found, step)
        made_of = annotated_packages(image)
        compare(spec, site, made_of, progress)
        root = site.directory / image.descriptor.digest.hex
        if not root.is_dir():
            with progress.step("unpack builder") as step:
                extract(site.layout, image, root, step)
            kept_images.keep(spec, site, image)
    return Builder(spec.name, digest_of(made_of), root, made_of, llvm=spec.llvm)


@dataclass(frozen=True, slots=True)
class Update:
    """A builder that was made again: its packages before, None if unknown, and after."""

    before: tuple[str, ...] | None
    after: tuple[str, ...]


def update(spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool) -> Update:
    """Make the builder from the archive's current packages, and write its lock file.

    It is compared with the lock file, or, without one, with the builder in the store. A builder
    with the same packages is not stored again. A dry run stores nothing.
    """
    with alone(spec, site, progress):
        image, lock = _image(spec, site), site.lock(spec)
        old = annotated_packages(image) if image else None
        with _made(spec, site, progress) as (tar, found):
            if not dry_run:
                if found != old:
                    with progress.step("store builder") as step:
                        store(spec, site, tar, found, step)
                write_lock(site.lock_path(spec), spec.name, found)
    return Update(lock.packages if lock else old, found)


def _image(spec: BuilderSpec, site: Site) -> Image | None:
    descriptor = find(spec, site)
    return read_image(site.layout, descriptor) if descriptor else None


@contextlib.contextmanager
def alone(spec: BuilderSpec, site: Site, progress: Progress) -> Iterator[None]:
    def waiting() -> None:
        progress.note("builder: another process is making it; waiting")

    with locked(site.directory / f".{spec.name}.lock", on_wait=waiting):
        yield


@contextlib.contextmanager
def _made(
    spec: BuilderSpec, site: Site, progress: Progress
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Make the builder's root: a tar file, removed at the end of the context, and its packages."""
    with staging_directory(site.directory) as directory:
        tar = directory / "root.tar"
        with progress.step(f"make builder {spec.name}") as step:
            lines = 0

            def count(line: str) -> None:
                nonlocal lines
                lines += 1
                total = _LOG_LINES if lines < _LOG_LINES else None
                step.advance(lines, total, line[:60], unit="lines")

            bootstrap(spec, site, tar, directory, count)
            found = _packages_in(tar)
            step.result(f"{len(found)} packages, {tar.stat().st_size >> 20} MiB")
        yield tar, found


def _packages_in(tar: Path) -> tuple[str, ...]:
    """The packages that are installed in the root in a tar file."""
    with tarfile.open(tar) as archive:
        for member in archive:
            if member.name.removeprefix("./") == STATUS_FILE:
                file = archive.extractfile(member)
                return read_status(file.read().decode("utf-8", "replace")) if file else ()
    raise MachineError(f"the new builder has no package list: {STATUS_FILE} is missing")


def compare(spec: BuilderSpec, site: Site, made_of: tuple[str, ...], progress: Progress) -> None:
    """Note a difference between a builder and its lock file; a UserError if it is `locked`."""
    lock = site.lock(spec)
    if lock is None and spec.locked:
        raise UserError(
            f"the builder '{spec.name}' is locked, but {site.lock_path(spec)} is missing",
            hint=f"`ingot builder update {spec.name}` writes it",
        )
    found = changes(lock.packages, made_of) if lock else ()
    if not lock or not found:
        return
    what = f"the builder '{spec.name}' differs from {lock.path.name}"
    some = summary(found)
    if not spec.locked:
        progress.note(f"{what}: {some} (`ingot builder update {spec.name}` accepts the changes)")
        return
    raise UserError(
        what,
        why=f"the archive has changed since: {some}",
        hint=f"accept the changes (`ingot builder update {spec.name}` shows them), get the"
        " builder from a registry that has it (--cache-from), or name a mirror that keeps old"
        " packages, such as a snapshot archive",
    )
