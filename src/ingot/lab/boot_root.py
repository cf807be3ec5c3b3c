"""Booting a kernel with the files of any image as the guest's root, which its own init runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.boot.boot_report import BootReport
from ingot.boot.guest.root_tree import ROOT_BYTES, find_init, pack
from ingot.boot.vmm import choice, qemu
from ingot.boot.vmm.machines import MEMORY_MIB, Guest, QemuMachine
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
    *,
    interactive: bool = False,
) -> BootReport | None:
    """Boot a kernel, with its modules, on the files of another image, and judge how it ends.

    An `interactive` guest has this terminal instead, and is not judged: None.
    """
    with laid_out(setting.project, kernel, builder, progress) as subject:
        machine = wish.machine_for(subject.arch)
        choice.require(machine)
        tell_confinement(machine, progress)
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
        guest = replace(guest, append=command_line(guest.append, wish.append))
        if not interactive:
            return choice.boot(guest, machine, setting.options.boot_seconds)
        if not isinstance(machine, QemuMachine):
            raise UserError("only QEMU gives a guest this terminal", hint="leave out --vmm")
        qemu.boot_in_terminal(guest, machine)
    return None
