"""Booting a kernel with the files of any image as the guest's root, which its own init runs."""

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
from ingot.lab.boot_target import laid_out
from ingot.lab.booting import BootWish, enter, tell_confinement
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
    wish: BootWish,
    progress: Progress,
) -> BootReport:
    """Boot a kernel, with its modules, on the files of another image, and judge how it ends."""
    with _guest_on(setting, kernel, root, builder, wish, progress) as (guest, machine):
        report = choice.boot(guest, machine, setting.options.boot_seconds)
        return replace(report, notes=wish.notes_on(machine))


def open_root_terminal(
    setting: Setting,
    kernel: Image | Path,
    root: Root,
    builder: Builder,
    wish: BootWish,
    progress: Progress,
) -> None:
    """The same, with this terminal as the guest's console until it ends; it is not judged.

    A UserError for another VMM than QEMU: no other gives a guest a terminal.
    """
    with _guest_on(setting, kernel, root, builder, wish, progress) as (guest, machine):
        if not isinstance(machine, QemuMachine):
            raise UserError("only QEMU gives a guest this terminal", hint="leave out --vmm")
        qemu.boot_in_terminal(guest, machine)


@contextlib.contextmanager
def _guest_on(
    setting: Setting,
    kernel: Image | Path,
    root: Root,
    builder: Builder,
    wish: BootWish,
    progress: Progress,
) -> Iterator[tuple[Guest, Machine]]:
    """The guest, with the image's files in its initramfs, and the machine that it is for."""
    with laid_out(setting.project, kernel, builder, progress) as subject:
        machine = wish.machine_for(subject.arch)
        choice.require(machine)
        tell_confinement(machine, progress)
        for note in wish.notes_on(machine):
            progress.note(note)
        with progress.step("make the root") as step:
            files = subject.folder / "files"
            extract(*root, files, step, limit=ROOT_BYTES)
            init = find_init(files)
            modules = (subject.modules, f"/lib/modules/{subject.release}")
            data = pack(files, *([modules] if subject.modules.is_dir() else []))
            step.result(f"{len(data) >> 20} MiB, {init}")
        # the archive and what is unpacked from it are there at once
        memory = MEMORY_MIB + 2 * (len(data) >> 20)
        guest = Guest(subject.kernel, data, None, f"rdinit={init}", memory=memory)
        guest, machine = enter(subject, guest, machine)
        yield replace(guest, append=command_line(guest.append, wish.append)), machine
