"""The options that several verbs share which boot a kernel."""

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
        help="A kernel (6.1, 6.1.176-minimal), an image of the store with a kernel, or a kernel"
        " file (./vmlinux, a bzImage, an arm64 Image).",
        autocompletion=complete_kernels,
    ),
]
RootImage = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE",
        help="The image whose files are the guest's root: in a registry"
        " (docker.io/library/alpine:3.20), or in a directory with an OCI layout (oci:DIR:TAG).",
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
        help="qemu, firecracker or cloud-hypervisor. The last two need their program and a working"
        f" KVM. Default: {DEFAULT_VMM}.",
        show_default=False,
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
    ),
]
Append = Annotated[
    str,
    typer.Option(
        metavar="WORDS", help="Add these words to the kernel's command line.", show_default=False
    ),
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
