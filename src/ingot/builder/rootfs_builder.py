"""The default builder: a root filesystem of packages, made from a signed archive.

It is kept as an image of the store (`image`), and its root is unpacked to be entered:

    builders/<digest of the image's manifest>/
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch
from ingot.builder.bootstrap import bootstrap
from ingot.builder.builder_image import find, packages_told, store
from ingot.builder.builder_lock import write_lock
from ingot.builder.builder_packages import STATUS_FILE, changes, digest_of, read_status, summary
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError, UserError
from ingot.files import locked, staging_folder
from ingot.oci import Image, extract, read_image
from ingot.progress import Progress

KIND = "rootfs"
_LOG_LINES = 1900


def packages(spec: BuilderSpec, _arch: Arch, site: Site) -> tuple[str, ...] | None:
    """What the builder is made of, if the store has it; costs milliseconds."""
    image = _image(spec, site)
    return packages_told(image) if image else None


def ensure(spec: BuilderSpec, _arch: Arch, site: Site, progress: Progress) -> Builder:
    """The builder, ready to be entered: made if the store lacks it, unpacked if need be.

    Two processes that want the same one make it once. One that is not as its lock file lists is
    told in a note, and refused with a UserError if it is `locked`.
    """
    with alone(spec, site, progress):
        image = _image(spec, site)
        if image is None:
            with (
                _made(spec, site, progress) as (tar, found),
                progress.step("store builder") as step,
            ):
                image = store(spec, site, tar, found, step)
        told = packages_told(image)
        compare(spec, site, told, progress)
        root = site.folder / image.descriptor.digest.hex
        if not root.is_dir():
            with progress.step("unpack builder") as step:
                extract(site.layout, image, root, step)
    return Builder(spec.name, digest_of(told), root, told, llvm=spec.llvm)


@dataclass(frozen=True, slots=True)
class Update:
    """A builder made anew: what it was made of before, None if nothing says so, and is now."""

    before: tuple[str, ...] | None
    after: tuple[str, ...]


def update(spec: BuilderSpec, site: Site, progress: Progress, *, dry_run: bool) -> Update:
    """Make the builder from the archive as it is now, and write its lock file.

    It is compared with the lock file, or, without one, with what the store has. A builder of
    the same packages stays as it is. A dry run keeps nothing of what it made.
    """
    with alone(spec, site, progress):
        image, lock = _image(spec, site), site.lock(spec)
        old = packages_told(image) if image else None
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

    with locked(site.folder / f".{spec.name}.lock", on_wait=waiting):
        yield


@contextlib.contextmanager
def _made(
    spec: BuilderSpec, site: Site, progress: Progress
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The builder's root, made now, as a tar file for as long as the body lasts; its packages."""
    with staging_folder(site.folder) as folder:
        tar = folder / "root.tar"
        with progress.step(f"make builder {spec.name}") as step:
            lines = 0

            def count(line: str) -> None:
                nonlocal lines
                lines += 1
                step.advance(lines, _LOG_LINES if lines < _LOG_LINES else None, line[:60])

            bootstrap(spec, site, tar, folder, count)
            found = _packages_in(tar)
            step.result(f"{len(found)} packages, {tar.stat().st_size >> 20} MiB")
        yield tar, found


def _packages_in(tar: Path) -> tuple[str, ...]:
    """The packages that are installed in the root which a tar file holds."""
    with tarfile.open(tar) as archive:
        for member in archive:
            if member.name.removeprefix("./") == STATUS_FILE:
                file = archive.extractfile(member)
                return read_status(file.read().decode("utf-8", "replace")) if file else ()
    raise MachineError("the builder that was made has no list of its packages", why=STATUS_FILE)


def compare(spec: BuilderSpec, site: Site, told: tuple[str, ...], progress: Progress) -> None:
    """Tell, or refuse if it is locked, a builder that is not as its lock file lists."""
    lock = site.lock(spec)
    if lock is None and spec.locked:
        raise UserError(
            f"the builder '{spec.name}' is locked, but there is no {site.lock_path(spec)}",
            hint=f"`ingot builder update {spec.name}` writes it",
        )
    found = changes(lock.packages, told) if lock else ()
    if not lock or not found:
        return
    what = f"the builder '{spec.name}' is not as {lock.path.name} lists"
    some = summary(found)
    if not spec.locked:
        progress.note(f"{what}: {some} (`ingot builder update {spec.name}` takes that over)")
        return
    raise UserError(
        what,
        why=f"the archive has changed since: {some}",
        hint=f"take it over (`ingot builder update {spec.name}` shows what changes), take the"
        " builder from a registry that has it (--cache-from), or name a mirror that keeps what"
        " was there, as snapshot archives do",
    )
