"""Boots a kernel with the files of any image as the guest's root; the image's init runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingot.boot.boot_report import BootReport
from ingot.boot.guest.root_tree import ROOT_BYTES, find_init, pack
from ingot.boot.vmm import choice, qemu
from ingot.boot.vmm.machines import MEMORY_MIB, Guest, Machine, QemuMachine
from ingot.boot.vmm.running import command_line
from ingot.builder.sandbox import Builder
from ingot.errors import UserError
from ingot.lab.boot_target import prepared_target
from ingot.lab.booting import BootRequest, enter, ready_machine
from ingot.oci import Image, Layout, extract
from ingot.progress import Progress
from ingot.setting import Setting

Root = tuple[Layout, Image]
"""An image, and the layout that has it."""


def boot_root(
    setting: Setting,
    kernel: Image | Path,
    root: Root,
    builder: Builder,
    request: BootRequest,
    progress: Progress,
) -> BootReport:
    """Boot a kernel, with its modules, on the files of another image, and report how it ends."""
    with _guest_on(setting, kernel, root, builder, request, progress) as (guest, machine):
        report = choice.boot(guest, machine, setting.options.boot_seconds)
        return replace(report, notes=(*report.notes, *request.notes_on(machine)))


def open_root_terminal(
    setting: Setting,
    kernel: Image | Path,
    root: Root,
    builder: Builder,
    request: BootRequest,
    progress: Progress,
) -> None:
    """Like `boot_root`, with this terminal as the guest's console until it ends; without a report.

    UserError for a VMM other than QEMU: only QEMU connects a guest to the terminal.
    """
    with _guest_on(setting, kernel, root, builder, request, progress) as (guest, machine):
        if not isinstance(machine, QemuMachine):
            raise UserError("only QEMU connects a guest to this terminal", hint="leave out --vmm")
        qemu.boot_in_terminal(guest, machine)


@contextlib.contextmanager
def _guest_on(
    setting: Setting,
    kernel: Image | Path,
    root: Root,
    builder: Builder,
    request: BootRequest,
    progress: Progress,
) -> Iterator[tuple[Guest, Machine]]:
    """The guest, with the image's files in its initramfs, and the machine to boot it in."""
    with prepared_target(setting.project, kernel, builder, progress) as target:
        machine = ready_machine(request, target.arch, progress)
        with progress.step("make the root") as step:
            files = target.directory / "files"
            extract(*root, files, step, limit=ROOT_BYTES)
            init = find_init(files)
            modules = (target.modules, f"/lib/modules/{target.release}")
            data = pack(files, *([modules] if target.modules.is_dir() else []))
            step.result(f"{len(data) >> 20} MiB, {init}")
        # the archive and the files unpacked from it are in memory at the same time
        memory = MEMORY_MIB + 2 * (len(data) >> 20)
        guest = Guest(target.kernel, data, None, f"rdinit={init}", memory=memory)
        guest, machine = enter(target, guest, machine)
        yield replace(guest, append=command_line(guest.append, request.append)), machine
