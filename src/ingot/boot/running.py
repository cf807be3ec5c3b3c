"""Running a VMM with a guest to the end of both, and judging what came of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingot.boot.api import Driver
from ingot.boot.machines import Guest, Machine
from ingot.boot.report import BootReport, Verdict, console_lines, judge
from ingot.files import disk_errors, remove_tree
from ingot.process import run

_INITRAMFS = "initramfs.cpio"
_SCRATCH = "scratch.img"
_SCRATCH_BYTES = 16 << 20


@contextlib.contextmanager
def guest_folder(initramfs: bytes | None) -> Iterator[Path]:
    """A folder for what a VMM needs as files, with the initramfs in it; removed at the end."""
    root = Path(tempfile.gettempdir())
    with disk_errors(root):
        folder = Path(tempfile.mkdtemp(dir=root, prefix="ingot-boot-"))
    try:
        if initramfs is not None:
            with disk_errors(root):
                (folder / _INITRAMFS).write_bytes(initramfs)
        yield folder
    finally:
        remove_tree(folder)


def initramfs_in(folder: Path) -> Path | None:
    """The file of the initramfs in a guest's folder, if the guest has one."""
    path = folder / _INITRAMFS
    return path if path.exists() else None


def disks_of(guest: Guest, folder: Path) -> tuple[Path, ...]:
    """The guest's disks, vda first: its scratch disk, which is made here, and then its others."""
    if not guest.scratch:
        return guest.disks
    scratch = folder / _SCRATCH
    with disk_errors(folder):
        scratch.touch()
        os.truncate(scratch, _SCRATCH_BYTES)
    return (scratch, *guest.disks)


def command_line(*parts: str) -> str:
    """A kernel's command line out of what several sides want on it."""
    return " ".join(" ".join(parts).split())


def run_guest(
    command: Sequence[str],
    guest: Guest,
    machine: Machine,
    accelerator: str,
    timeout: float,
    *,
    silence: float | None = None,
    driver: Driver | None = None,
    on_line: Callable[[str], None] | None = None,
) -> BootReport:
    """Run a VMM that prints its guest's console, for `timeout` seconds at most, and judge it.

    It is ended as well if it says nothing for `silence` seconds, or when its `driver` says so.
    """
    began = time.monotonic()
    result = run(
        command,
        check=False,
        timeout=timeout,
        silence=silence,
        stop=driver.stop if driver else None,
        on_line=on_line,
    )
    seconds = time.monotonic() - began
    console = console_lines(result.output)
    verdict, checks = judge(
        guest.expected,
        console,
        returncode=result.returncode,
        timed_out=result.timed_out,
        skipped=guest.skipped,
    )
    told = ""
    if driver:
        driver.finish()
        if driver.fault and (result.timed_out or verdict is Verdict.SILENT):
            verdict, told = Verdict.NOT_STARTED, f"{machine.name}: {driver.fault}"
    return BootReport(
        verdict, machine.name, accelerator, seconds, checks, console, tuple(command), told
    )
