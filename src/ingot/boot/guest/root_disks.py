"""Guests whose root file system is a disk, not an initramfs, as most microVMs are started.

Their modules are provided in both ways that platforms use: in the root file system, or on a volume
that is mounted at /lib/modules/<release>. The disks are made in the builder, by mke2fs(8), which
every Debian has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingot.boot.boot_report import CheckResult, Outcome
from ingot.boot.guest import guest_plan
from ingot.boot.guest.guest_contents import SCRATCH, assemble
from ingot.boot.vmm.machines import Guest, Machine
from ingot.builder.sandbox import INPUTS, Sandbox, run_tool
from ingot.catalog import GuestCheck
from ingot.confined_files import ConfinedDirectory
from ingot.files import disk_errors, remove_tree
from ingot.root_file_systems import DISK, root_named

_ROOT = root_named("ext4")
_SECOND, _THIRD = "/dev/vdb", "/dev/vdc"
_DIRECTORIES = ("/dev", "/proc", "/sys", "/tmp", "/sbin")
_BLOCK = 4096
_SPARE_BYTES = 8 << 20
"""Extra bytes for ext4 itself, and for the files that checks write."""

ON_DISK = GuestCheck(
    "root-on-disk",
    "the root file system is a disk",
    "base/linux",
    ("root", "ext4"),
    options=(_ROOT.option, DISK),
)


def make_disk_guest(
    kernel: Path,
    modules: Path,
    release: str,
    init: bytes,
    machine: Machine,
    checks: Sequence[GuestCheck],
    sandbox: Sandbox,
    *,
    volume: bool = False,
) -> Guest:
    """A guest like that of `make_guest`, with its root on a disk made in the sandbox's directory.

    With `volume`, the modules are on a second disk. The last disk, which is made for each boot, has
    the key of its init. Checks that write to the first disk are skipped. A MachineError if the
    builder cannot make disks.
    """
    fitting = [check for check in checks if SCRATCH not in check.needs]
    asked = [ON_DISK, *fitting]
    second = _SECOND if volume else ""
    key = _THIRD if volume else _SECOND
    guest, files = assemble(kernel, modules, release, init, machine, asked, volume=second, key=key)
    on_volume = {
        f"/{name.removeprefix(guest_plan.home(release))}": files.pop(name)
        for name in list(files)
        if volume and name.startswith(f"{guest_plan.home(release)}/")
    }
    directories = [*_DIRECTORIES, guest_plan.home(release)]
    disks = [make_disk(sandbox, "root", files, directories)]
    if volume:
        disks.append(make_disk(sandbox, "volume", on_volume))
    left_out = [
        CheckResult(check.name, Outcome.SKIPPED, "the first disk is the guest's root")
        for check in checks
        if SCRATCH in check.needs
    ]
    return replace(
        guest,
        initramfs=None,
        append=" ".join(filter(None, (root_words("/init"), guest.append))),
        disks=tuple(disks),
        skipped=(*guest.skipped, *left_out),
    )


def root_words(init: str) -> str:
    """The words of a kernel's command line for a root on the first disk, with this init."""
    return f"{_ROOT.parameters} init={init}"


def make_disk(
    sandbox: Sandbox, name: str, files: Mapping[str, bytes], directories: Iterable[str] = ()
) -> Path:
    """An ext4 image <name>.ext4 of `files` (absolute path -> content) and `directories`."""
    directory = sandbox.inputs / f"{name}.files"
    with disk_errors(sandbox.inputs):
        ConfinedDirectory(sandbox.inputs).make_directory(directory.name)
        root = ConfinedDirectory(directory)
        for place in filter(None, (place.strip("/") for place in directories)):
            root.make_directory(place)
        for path, data in files.items():
            inner = path.lstrip("/")
            if "/" in inner:
                root.make_directory(inner.rpartition("/")[0])
            root.write(inner, data, 0o755)
    size = 2 * sum(map(len, files.values())) + _SPARE_BYTES
    try:
        image = fill_disk(sandbox, name, directory.name, size)
    finally:
        remove_tree(directory)
    return sandbox.copy_out(image, size)


def fill_disk(sandbox: Sandbox, name: str, directory: str, size: int, inodes: int = 0) -> str:
    """Make an ext4 image of at most `size` bytes of a `directory` of the inputs; returns its name.

    `inodes` is the number of files that it can have. Default: in proportion to its size. The
    image is in the build directory.
    """
    image = f"{name}.ext4"
    words = (
        *("mke2fs", "-q", "-t", "ext4", "-d", f"{INPUTS}/{directory}"),
        *(("-N", str(inodes)) if inodes else ()),
        *(f"/build/{image}", f"{(size - size % _BLOCK) >> 10}k"),
    )
    run_tool(sandbox, words, "the builder cannot make a disk", "mke2fs (e2fsprogs)")
    return image
