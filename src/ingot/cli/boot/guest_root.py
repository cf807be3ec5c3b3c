"""Guests whose root is the files of an image: finds the kernel and the image, and boots them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingot import lab, registry
from ingot.arch import Arch
from ingot.boot.boot_report import BootReport
from ingot.builder.sandbox import Builder
from ingot.cli.boot.boot_operand import (
    BootOperand,
    KernelRequest,
    any_builder,
    find_boot_operand,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal
from ingot.errors import UserError
from ingot.lab import BootRequest
from ingot.oci import Image, Layout, read_image
from ingot.operands import FileName, LayoutImage, RegistryImage, not_taken, parse_operand
from ingot.progress import Progress
from ingot.setting import Setting, in_use


@dataclass(frozen=True, slots=True)
class _Ready:
    """The parts of a guest: a kernel, an image or a disk for the root, and a builder."""

    operand: BootOperand
    kernel: Image | Path
    root: lab.Root
    builder: Builder
    request: BootRequest


def boot_on_root(
    setting: Setting, kernel_request: KernelRequest, request: BootRequest, image: str
) -> tuple[BootOperand, BootReport]:
    """Boot a kernel on the files of an image; returns the kernel and the boot's report."""
    progress = make_progress(Terminal(stderr=True))
    with _ready(setting, kernel_request, request, image, progress) as made:
        report = lab.boot_root(
            setting, made.kernel, made.root, made.builder, made.request, progress
        )
        return made.operand, report


def open_terminal(
    setting: Setting, kernel_request: KernelRequest, request: BootRequest, image: str
) -> None:
    """Boot a kernel on the files of an image, with this terminal as the guest's console."""
    progress = make_progress(Terminal(stderr=True))
    with _ready(setting, kernel_request, request, image, progress) as made:
        lab.open_root_terminal(
            setting, made.kernel, made.root, made.builder, made.request, progress
        )


@contextlib.contextmanager
def _ready(
    setting: Setting,
    kernel_request: KernelRequest,
    request: BootRequest,
    image: str,
    progress: Progress,
) -> Iterator[_Ready]:
    with in_use(setting.project, progress):
        booted = find_boot_operand(setting, kernel_request)
        kernel = booted.file or booted.image
        assert kernel is not None
        request = request.for_kernel(booted.kernel)
        arch = lab.arch_of(kernel)  # before the builder, which takes minutes if it must be made
        if disk := _disk(image):
            lab.require_disk_root(setting, kernel, booted.name, disk)
        builder = any_builder(setting, booted, progress)
        if disk:
            yield _Ready(booted, kernel, disk, builder, request)
            return
        with _root(setting, image, arch, progress) as root:
            yield _Ready(booted, kernel, root, builder, request)


def _disk(name: str) -> Path | None:
    """The file of a disk, if the operand names a file."""
    operand = parse_operand(name)
    return operand.path.absolute() if isinstance(operand, FileName) else None


@contextlib.contextmanager
def _root(
    setting: Setting, name: str, platform: Arch, progress: Progress
) -> Iterator[tuple[Layout, Image]]:
    """The image of this name, in a layout; an image of a registry is fetched to a temporary one."""
    operand = parse_operand(name)
    if isinstance(operand, LayoutImage):
        yield _in_layout(operand)
        return
    if not isinstance(operand, RegistryImage):
        hint = "write HOST/PATH:TAG (docker.io/library/alpine:3.20), oci:DIR:TAG or ./DISK"
        raise not_taken(name, operand, "an image of a registry or of an OCI layout", hint)
    reference = operand.reference
    if setting.options.offline:
        raise UserError(
            f"{name} is in a registry, and --offline forbids the network",
            hint="name an image of a local OCI layout: oci:DIR:TAG",
        )
    with tempfile.TemporaryDirectory(prefix="ingot-root-") as directory:
        with progress.step(f"fetch {reference}"):
            layout = registry.fetch_image(reference, platform.oci, Path(directory) / "layout")
        yield layout, registry.read_fetched(layout, reference)


def _in_layout(wanted: LayoutImage) -> tuple[Layout, Image]:
    directory, tag = wanted.directory, wanted.tag
    if not directory.is_dir():
        raise UserError(
            f"there is no OCI layout {directory}",
            why="it is not a directory",
            hint="write oci:DIR:TAG; `skopeo copy docker://IMAGE oci:DIR:TAG` makes one",
        )
    layout = Layout(directory.absolute())
    tags = layout.tags()
    if tag not in tags:
        known = ", ".join(sorted(tags)) or "no image"
        raise UserError(
            f"{directory} has no image '{tag}'",
            why=f"it has {known}",
            hint="write one of these after the directory: oci:DIR:TAG",
        )
    return layout, read_image(layout, tags[tag])
