"""The options that several verbs share which boot a kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ingot.cli.shared.completion import (
    complete_flavors,
    complete_kernels_and_images,
    complete_machine_vmms,
    complete_machines,
    complete_one_arch,
)
from ingot.errors import UserError

DEFAULT_VMM = "qemu"

BootedKernel = Annotated[
    str,
    typer.Argument(
        metavar="KERNEL",
        help="A kernel (6.1, 6.1.176-minimal), an image of the store with a kernel, or a kernel"
        " file (./vmlinux, a bzImage, an arm64 Image).",
        autocompletion=complete_kernels_and_images,
    ),
]
RootImage = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="The image whose files are the guest's root: in a registry"
        " (docker.io/library/alpine:3.20), or in a directory with an OCI layout (oci:DIR:TAG)."
        " Or the file of a disk (./root.erofs) with ext4, xfs, btrfs, erofs or squashfs.",
    ),
]
OneArch = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="ARCH",
        help="x86_64 or arm64.",
        show_default=False,
        autocompletion=complete_one_arch,
    ),
]
OneFlavor = Annotated[
    str | None,
    typer.Option(
        "--flavor",
        metavar="FLAVOR",
        help="A flavor of the catalog.",
        show_default=False,
        autocompletion=complete_flavors,
    ),
]
Vmm = Annotated[
    str | None,
    typer.Option(
        "--vmm",
        metavar="VMM",
        help="qemu, firecracker or cloud-hypervisor. The last two need their program and a working"
        f" KVM. Default: {DEFAULT_VMM}.",
        show_default=False,
        autocompletion=complete_machine_vmms,
    ),
]
MachineName = Annotated[
    str,
    typer.Option(
        "--machine",
        metavar="MACHINE",
        help="The machine of QEMU: microvm or q35 (x86_64), virt or virt-pci (arm64). Default: the"
        " first that represents one of the kernel's VMMs.",
        show_default=False,
        autocompletion=complete_machines,
    ),
]
Append = Annotated[
    str,
    typer.Option(
        metavar="WORDS", help="Add these words to the kernel's command line.", show_default=False
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="The guest's memory: 512M, 2G, or a number of MiB. Default: 256 MiB, or more if its"
        " root needs more.",
        show_default=False,
    ),
]
Cpus = Annotated[
    int, typer.Option(metavar="N", min=1, max=64, help="The number of the guest's processors.")
]
Junit = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also write the results as JUnit XML, to a file or to standard output (-), which then"
        " has nothing else.",
        show_default=False,
    ),
]
Console = Annotated[bool, typer.Option("--console", help="Print the guest's console output.")]

_SIZE = re.compile(r"([1-9][0-9]{0,6})(M|MiB|G|GiB)?")
_LEAST_MIB = 32


def parse_memory(text: str | None) -> int:
    """MiB of the value of --memory; 0 if it is not given.

    UserError if it is not a size, or so little that no kernel starts.
    """
    if text is None:
        return 0
    match = _SIZE.fullmatch(text)
    size = int(match[1]) * (1024 if (match[2] or "").startswith("G") else 1) if match else 0
    if size < _LEAST_MIB:
        raise UserError(
            f"--memory {text} is not a size for a guest",
            why=f"a guest needs at least {_LEAST_MIB} MiB" if match else "",
            hint="write 512M, 2G, or a number of MiB such as 512",
        )
    return size
