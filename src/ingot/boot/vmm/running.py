"""Runs a VMM with a guest until both end, and judges the boot."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingot.boot.boot_report import BootReport, Verdict, console_lines, judge, read_reports
from ingot.boot.initramfs import TRAILER, record
from ingot.boot.seal import KEY_FILE
from ingot.boot.vmm.http_api import Driver
from ingot.boot.vmm.machines import Guest, Machine
from ingot.files import disk_errors, remove_tree
from ingot.process import run

_INITRAMFS = "initramfs.cpio"
_SCRATCH = "scratch.img"
_SCRATCH_BYTES = 16 << 20
_KEY = "key.img"
_KEY_DISK_BYTES = 4096

CONSOLE_BYTES = 16 << 20
"""The most that a guest and its VMM may print: with `initcall_debug`, a kernel prints 1 MiB."""


@contextlib.contextmanager
def guest_directory(initramfs: bytes | None) -> Iterator[Path]:
    """A directory for the files that a VMM needs, with the initramfs; removed at the end."""
    root = Path(tempfile.gettempdir())
    with disk_errors(root):
        directory = Path(tempfile.mkdtemp(dir=root, prefix="ingot-boot-"))
    try:
        if initramfs is not None:
            with disk_errors(root):
                (directory / _INITRAMFS).write_bytes(initramfs)
        yield directory
    finally:
        remove_tree(directory)


def initramfs_in(directory: Path) -> Path | None:
    """The initramfs in a guest's directory, if the guest has one."""
    path = directory / _INITRAMFS
    return path if path.exists() else None


def root_of(guest: Guest) -> bytes | None:
    """The initramfs of a guest, if it has one, with the key that its init reads and removes.

    The key is in a second archive, after the first (kernel: buffer-format.rst).
    """
    if guest.initramfs is None or not (guest.expected and guest.expected.key):
        return guest.initramfs
    directory, _, _ = KEY_FILE.rpartition("/")
    parts = (
        record(directory, stat.S_IFDIR | 0o755),
        record(KEY_FILE, stat.S_IFREG | 0o600, guest.expected.key),
        record(TRAILER, 0),
    )
    return guest.initramfs + bytes(-len(guest.initramfs) % 4) + b"".join(parts)


def disks_of(guest: Guest, directory: Path) -> tuple[Path, ...]:
    """The guest's disks, vda first: the scratch disk, the others, and the disk with init's key if
    there is no initramfs. The first and the last are made here.
    """
    disks = list(guest.disks)
    with disk_errors(directory):
        if guest.scratch:
            disks.insert(0, _disk(directory / _SCRATCH, b"", _SCRATCH_BYTES))
        if guest.initramfs is None and guest.expected:
            disks.append(_disk(directory / _KEY, guest.expected.key, _KEY_DISK_BYTES))
    return tuple(disks)


def _disk(path: Path, data: bytes, size: int) -> Path:
    path.write_bytes(data)
    os.truncate(path, size)
    return path


def command_line(*parts: str) -> str:
    """A kernel's command line, joined from several parts."""
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

    The VMM is also ended if it prints nothing for `silence` seconds, if it prints more than
    `CONSOLE_BYTES`, or when its `driver` stops it.
    """
    began = time.monotonic()
    result = run(
        command,
        check=False,
        timeout=timeout,
        silence=silence,
        stop=driver.stop if driver else None,
        limit=CONSOLE_BYTES,
        on_line=on_line,
    )
    seconds = time.monotonic() - began
    console = console_lines(result.output)
    reports = read_reports(console, guest.expected.key if guest.expected else b"")
    verdict, checks = judge(
        guest.expected,
        reports,
        returncode=result.returncode,
        timed_out=result.timed_out,
        skipped=guest.skipped,
    )
    cause = ""
    if result.too_long:
        verdict, cause = Verdict.ENDLESS, endless("the guest printed", CONSOLE_BYTES)
    if driver:
        driver.finish()
        if driver.fault and (result.timed_out or verdict is Verdict.SILENT):
            fault = " ".join(console_lines(driver.fault))
            verdict, cause = Verdict.NOT_STARTED, f"{machine.name}: {fault}"
    return BootReport(
        verdict=verdict,
        machine=machine.name,
        accelerator=accelerator,
        seconds=seconds,
        checks=checks,
        console=console,
        command=tuple(command),
        cause=cause,
        reports=reports,
    )


def endless(what: str, limit: int) -> str:
    """The reason why a guest or a VMM was ended whose output exceeded the limit."""
    return f"{what} more than {limit >> 20} MiB, and was ended"
