"""`ingot shell`: a terminal in a guest."""

from __future__ import annotations

import sys

from ingot.cli.boot.boot_operand import KernelRequest
from ingot.cli.boot.boot_options import (
    DEFAULT_VMM,
    Append,
    BootedKernel,
    Cpus,
    MachineName,
    Memory,
    OneArch,
    OneFlavor,
    RootImage,
    parse_memory,
)
from ingot.cli.boot.guest_root import open_terminal
from ingot.cli.shared.common_options import (
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    make_setting,
)
from ingot.errors import UserError
from ingot.lab import BootRequest


def shell(
    kernel: BootedKernel,
    image: RootImage,
    arch: OneArch = None,
    flavor: OneFlavor = None,
    machine: MachineName = "",
    append: Append = "",
    memory: Memory = None,
    cpus: Cpus = 1,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
) -> None:
    """Open a terminal in a guest that has the files of an image as its root.

    The guest runs in QEMU, and this terminal is its console until it shuts down. Ctrl-A X ends
    the guest at once. There is no QEMU monitor.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "`ingot shell` needs a terminal",
            why="standard input or standard output is not one",
            hint="run the image without a terminal: ingot run KERNEL IMAGE --console",
        )
    setting = make_setting(catalog, cache, build_dir)
    request = BootRequest(
        vmm=DEFAULT_VMM, machine=machine, append=append, memory=parse_memory(memory), cpus=cpus
    )
    open_terminal(setting, KernelRequest(kernel, arch, flavor), request, image)
