"""The options that the verbs which boot a kernel share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingot.cli.shared.common_options import complete_kernels

DEFAULT_VMM = "qemu"

BootedKernel = Annotated[
    str,
    typer.Argument(
        metavar="KERNEL",
        help="A version, a series (its newest), an image of the store that has a kernel, or a"
        " kernel file (./vmlinux, a bzImage, an arm64 Image).",
        autocompletion=complete_kernels,
    ),
]
RootImage = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="The image whose files are the guest's root: of a registry"
        " (docker.io/library/alpine:3.20), or of a directory with an OCI layout (oci:DIR:TAG).",
    ),
]
OneArch = Annotated[
    str | None, typer.Option("--arch", metavar="ARCH", help="x86_64 or arm64.", show_default=False)
]
OneFlavor = Annotated[
    str | None,
    typer.Option("--flavor", metavar="FLAVOR", help="A flavor of the catalog.", show_default=False),
]
Vmm = Annotated[
    str | None,
    typer.Option(
        "--vmm",
        metavar="VMM",
        help="qemu, firecracker or cloud-hypervisor. The last two need their program and a KVM"
        f" that works. Default: {DEFAULT_VMM}.",
        show_default=False,
    ),
]
MachineName = Annotated[
    str,
    typer.Option(
        "--machine",
        metavar="MACHINE",
        help="QEMU's: microvm or q35, virt or virt-pci. Default: the first that stands in for one"
        " of the kernel's VMMs.",
        show_default=False,
    ),
]
Append = Annotated[
    str,
    typer.Option(metavar="WORDS", help="Add to the kernel's command line.", show_default=False),
]
Junit = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write JUnit XML as well.", show_default=False),
]
Console = Annotated[bool, typer.Option("--console", help="Print all that the guest printed.")]
