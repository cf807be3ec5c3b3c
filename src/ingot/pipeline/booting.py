"""Booting what a base image holds."""

from __future__ import annotations

from dataclasses import replace

from ingot.arch import arch
from ingot.boot.guest import compile_init, make_guest
from ingot.boot.pvh import APPEND, needs_entry, with_entry
from ingot.boot.qemu import boot, machine_for
from ingot.boot.report import BootReport
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import UserError
from ingot.images import BASE, KERNEL_FILE, read_facts
from ingot.oci import Image, extract
from ingot.pipeline.setting import Setting, in_use
from ingot.progress import Progress


def boot_image(setting: Setting, image: Image, builder: Builder, progress: Progress) -> BootReport:
    """Boot the kernel of a base image, with its modules, and report."""
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            "this image holds no kernel of Ingot's",
            hint=f"boot a {BASE} image: it has the kernel and its modules",
        )
    machine = machine_for(arch(facts.arch))
    with (
        in_use(setting, progress),
        setting.workspace.build_folder() as folder,
        progress.step("boot") as step,
    ):
        root = folder / "root"
        extract(setting.layout, image, root)
        sandbox = Sandbox(builder, source=root, build=folder)
        init = compile_init(sandbox, arch(facts.arch))
        kernel = root / KERNEL_FILE
        modules = root / "lib/modules" / facts.release
        guest = make_guest(kernel, modules, facts.release, init, machine.shutdown)
        if needs_entry(kernel):
            entered = with_entry(sandbox, kernel, arch(facts.arch))
            guest = replace(guest, kernel=entered, append=APPEND)
        report = boot(guest, arch(facts.arch), setting.boot_seconds)
        step.result(f"{report.verdict.value} in {report.machine} ({report.accelerator})")
    return report
