"""Boots a kernel with the files of any image, or a disk, as the guest's root; its init runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ingot.boot.boot_report import BootReport
from ingot.boot.guest.root_disks import ON_DISK, root_words
from ingot.boot.guest.root_tree import ROOT_BYTES, find_init, pack
from ingot.boot.guest.tree_disk import make_tree_disk
from ingot.boot.vmm import choice, qemu
from ingot.boot.vmm.machines import MEMORY_MIB, Guest, Machine, QemuMachine
from ingot.boot.vmm.running import command_line
from ingot.builder.sandbox import Builder
from ingot.errors import UserError
from ingot.files import disk_errors, tree_size
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.lab.booting import BootRequest, enter, ready_machine
from ingot.lab.config_reader import NamedConfig, config_of_file, config_of_image
from ingot.oci import Image, Layout, extract
from ingot.process import run
from ingot.progress import Progress, Step
from ingot.root_file_systems import recognise, require_root
from ingot.setting import Setting

Root = tuple[Layout, Image] | Path
"""An image and the layout that has it, or the file of a disk."""

_INITRAMFS_BYTES = 64 << 20
"""The most bytes of a root in memory, which is fast. A larger one is put on a disk."""

_DISK_MEMORY_MIB = 1024
"""The memory of a guest whose root is on a disk, for the programs of the image."""


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
    """The guest with this root, and the machine to boot it in."""
    with prepared_target(setting.project, kernel, builder, progress) as target:
        machine = ready_machine(request, target.arch, progress)
        with progress.step("make the root") as step:
            if isinstance(root, Path):
                guest = _guest_of_disk(target, root)
                step.result(f"{root.stat().st_size >> 20} MiB, {guest.append}")
            else:
                guest = _guest_of_image(setting, target, kernel, root, step)
        guest, machine = enter(target, request.sized(guest), machine)
        yield replace(guest, append=command_line(guest.append, request.append)), machine


def _guest_of_image(
    setting: Setting,
    target: BootTarget,
    kernel: Image | Path,
    root: tuple[Layout, Image],
    step: Step,
) -> Guest:
    files = target.directory / "files"
    extract(*root, files, step, limit=ROOT_BYTES)
    init = find_init(files)
    size = tree_size(files)
    on_disk = size > _INITRAMFS_BYTES and _can_have_disk(setting, kernel)
    guest = guest_of_files(target, files, init, on_disk=on_disk)
    place = "on a disk" if on_disk else "in memory"
    step.result(f"{size >> 20} MiB {place}, {init}")
    return guest


def _guest_of_disk(target: BootTarget, disk: Path) -> Guest:
    """The guest whose root is a copy of the disk: it may write to it."""
    copy = target.directory / "root.disk"
    with disk_errors(target.directory):
        run(["cp", "--reflink=auto", "--sparse=always", "--", str(disk), str(copy)])
    words = recognise(copy).parameters
    return Guest(target.kernel, None, None, words, disks=(copy,), memory=_DISK_MEMORY_MIB)


def require_disk_root(setting: Setting, kernel: Image | Path, name: str, disk: Path) -> None:
    """UserError if the kernel cannot mount the disk as its root, which only its config tells.

    `name` is the kernel in messages. A kernel whose config is not known is not refused.
    """
    found = recognise(disk)
    try:
        config = _config(setting, kernel).config
    except UserError:
        return
    require_root(found, config.value, name)


def _can_have_disk(setting: Setting, kernel: Image | Path) -> bool:
    """Whether the kernel can have its root on a disk, which most can if the config is not known."""
    with contextlib.suppress(UserError):
        config = _config(setting, kernel).config
        return all(config.value(option) == "y" for option in ON_DISK.options)
    return True


def _config(setting: Setting, kernel: Image | Path) -> NamedConfig:
    if isinstance(kernel, Path):
        return config_of_file(kernel)
    return config_of_image(setting.project.layout, kernel, "the kernel")


def guest_of_files(target: BootTarget, files: Path, init: str, *, on_disk: bool) -> Guest:
    """The guest whose root has these files and the kernel's modules."""
    place = f"/lib/modules/{target.release}"
    modules = (target.modules, place) if target.modules.is_dir() else None
    if on_disk:
        disk = make_tree_disk(files, modules, target.sandbox)
        words = root_words(init)
        return Guest(target.kernel, None, None, words, disks=(disk,), memory=_DISK_MEMORY_MIB)
    data = pack(files, *([modules] if modules else []))
    # While the archive is unpacked it is in memory too, and a tmpfs may fill half of the rest.
    memory = MEMORY_MIB + 3 * (len(data) >> 20)
    return Guest(target.kernel, data, None, f"rdinit={init}", memory=memory)
