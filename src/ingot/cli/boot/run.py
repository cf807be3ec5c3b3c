"""`ingot run`: boot a kernel with the files of an image as its root."""

from __future__ import annotations

from ingot.cli.boot.boot_operand import KernelRequest
from ingot.cli.boot.boot_options import (
    DEFAULT_VMM,
    Append,
    BootedKernel,
    Console,
    Cpus,
    Junit,
    MachineName,
    Memory,
    OneArch,
    OneFlavor,
    RootImage,
    Vmm,
    parse_memory,
)
from ingot.cli.boot.boot_result import end_boot
from ingot.cli.boot.guest_root import boot_on_root
from ingot.cli.boot.junit import require_junit
from ingot.cli.shared.common_options import (
    DEFAULT_BOOT_SECONDS,
    BootTimeout,
    BuildDirectory,
    CacheDirectory,
    CatalogDirectory,
    Json,
    make_setting,
)
from ingot.lab import BootRequest


def run(
    kernel: BootedKernel,
    image: RootImage,
    arch: OneArch = None,
    flavor: OneFlavor = None,
    vmm: Vmm = None,
    machine: MachineName = "",
    append: Append = "",
    memory: Memory = None,
    cpus: Cpus = 1,
    junit: Junit = None,
    show_console: Console = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    build_dir: BuildDirectory = None,
    boot_timeout: BootTimeout = DEFAULT_BOOT_SECONDS,
    as_json: Json = False,
) -> None:
    """Boot a kernel with the files of an image as its root.

    The image's own init runs, and there are no checks. The boot passes if the kernel reports that
    it shuts down. For a terminal in such a guest: `ingot shell`.

    Exits with 6 if the boot fails.
    """
    require_junit(junit, as_json=as_json)
    setting = make_setting(catalog, cache, build_dir, boot_timeout=boot_timeout)
    request = BootRequest(
        vmm=vmm or DEFAULT_VMM,
        machine=machine,
        append=append,
        memory=parse_memory(memory),
        cpus=cpus,
    )
    operand, report = boot_on_root(setting, KernelRequest(kernel, arch, flavor), request, image)
    end_boot(operand, report, junit, as_json=as_json, show_console=show_console)
