"""The default builder: a root filesystem of Debian packages, kept as an OCI image.

`mmdebstrap` makes it once from the signed archive that apt is configured with. The image
`kernel-builder:<name>` in the store holds it, and its root is unpacked to be entered:

    builders/<digest of the image's manifest>/

What is particular to the machine that made it (host name, resolver, mirror) is left out, so
that the same packages give the same digest anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ingot.apt import configured_mirrors
from ingot.arch import Arch
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.files import locked, staging_folder
from ingot.oci import (
    Descriptor,
    Layout,
    Platform,
    extract,
    read_image,
    write_image,
    write_tar_layer,
)
from ingot.process import CommandFailedError, run
from ingot.progress import Progress

SPEC_LABEL = "dev.ingot.builder.spec"
_EPOCH = 0
_LOG_LINES = 900
_FORMAT = 2
# files that name the machine or mirror the root was made on, or that no compiler reads
_REMOVE = (
    "etc/hostname",
    "etc/resolv.conf",
    "etc/apt/sources.list",
    "etc/machine-id",
    "var/log",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/status-old",
)
_EXCLUDE = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")


def tag_of(spec: BuilderSpec) -> str:
    """The tag of a builder's image in the store."""
    return f"kernel-builder:{spec.name}"


def find(spec: BuilderSpec, layout: Layout) -> Descriptor | None:
    """The image of this builder in the store, if it was made from this very spec."""
    descriptor = layout.find(tag_of(spec))
    if descriptor is None or not layout.is_complete(descriptor):
        return None
    if read_image(layout, descriptor).labels.get(SPEC_LABEL) == _spec_digest(spec):
        return descriptor
    return None


def ensure(
    spec: BuilderSpec, host: Arch, layout: Layout, builders: Path, progress: Progress
) -> Builder:
    """The builder, ready to be entered: made if the store lacks it, unpacked if need be.

    `host` is the architecture it runs on; `builders` the folder that roots are unpacked in.
    Two processes that want the same builder make it once.
    """

    def waiting() -> None:
        progress.note("builder: another process is making it; waiting")

    with locked(builders / f".{spec.name}.lock", on_wait=waiting):
        descriptor = find(spec, layout) or _make(spec, host, layout, builders, progress)
        root = builders / descriptor.digest.hex
        if not root.is_dir():
            with progress.step("unpack builder") as step:
                extract(layout, read_image(layout, descriptor), root, step)
    return Builder(spec.name, descriptor.digest, root)


def _make(
    spec: BuilderSpec, host: Arch, layout: Layout, work: Path, progress: Progress
) -> Descriptor:
    """Make the root filesystem and put it into the store as an image."""
    with staging_folder(work) as folder, layout.in_use():
        tar = folder / "root.tar"
        with progress.step(f"make builder {spec.name}") as step:
            lines = 0

            def count(line: str) -> None:
                nonlocal lines
                lines += 1
                step.advance(lines, _LOG_LINES if lines < _LOG_LINES else None, line[:60])

            _bootstrap(spec, tar, folder, count)
            step.result(f"{tar.stat().st_size >> 20} MiB of packages")
        with progress.step("store builder") as step:
            layer = write_tar_layer(layout, tar, step)
            labels = {SPEC_LABEL: _spec_digest(spec), "dev.ingot.builder.suite": spec.suite}
            descriptor = write_image(
                layout,
                [layer],
                Platform("linux", host.oci),
                labels=labels,
                annotations={"org.opencontainers.image.title": "kernel-builder", **labels},
                created=_EPOCH,
                history=[f"mmdebstrap {spec.suite}: {' '.join(spec.packages)}"],
            )
            layout.tag({tag_of(spec): descriptor})
    return descriptor


def _bootstrap(spec: BuilderSpec, tar: Path, folder: Path, on_line: Callable[[str], None]) -> None:
    """Run mmdebstrap(1), which writes the root as the tar file `tar`; see `_REMOVE`."""
    mirror = configured_mirrors()[0]
    remove = " ".join(f'"$1"/{name}' for name in _REMOVE)
    argv = [
        *("mmdebstrap", "--mode=auto", "--variant=buildd", "--verbose"),
        f"--include={','.join(spec.packages)}",
        *(f"--dpkgopt=path-exclude=/{name}/*" for name in _EXCLUDE),
        f"--customize-hook=rm -rf {remove}",
        # after the hook it would make folders again whose owner depends on who made the root
        "--skip=cleanup/apt",
        spec.suite,
        str(tar),
        f"deb {mirror} {spec.suite} main",
    ]
    env = {"SOURCE_DATE_EPOCH": str(_EPOCH), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
    try:
        run(argv, env=env, on_line=on_line, keep_output=False)
    except CommandFailedError as error:
        raise MachineError(
            f"the builder '{spec.name}' could not be made",
            why="\n".join(error.tail),
            hint=f"is the suite '{spec.suite}' on the mirror apt is configured with, and is the"
            " network there? An ordinary user also needs ranges of IDs in /etc/subuid and"
            f" /etc/subgid (usermod --add-subuids, --add-subgids). {error.hint}",
        ) from error


def _spec_digest(spec: BuilderSpec) -> str:
    """Identifies what a builder was asked to be, so that a changed spec makes it anew."""
    document = [_FORMAT, spec.suite, list(spec.packages)]
    return str(Digest.of(json.dumps(document).encode()))
