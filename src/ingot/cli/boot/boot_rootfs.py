"""`ingot boot --rootfs`: a kernel with the files of an image, and perhaps a terminal."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingot import lab, registry
from ingot.arch import Arch
from ingot.boot.boot_report import BootReport
from ingot.cli.boot.boot_operand import Meant, any_builder, find_subject
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.terminal import Terminal
from ingot.errors import UserError
from ingot.lab import BootWish
from ingot.oci import Image, Layout, read_image
from ingot.progress import Progress
from ingot.setting import Setting, in_use

_LAYOUT = "oci:"


def boot_rootfs(
    setting: Setting,
    meant: Meant,
    wish: BootWish,
    rootfs: str | None,
    *,
    interactive: bool,
) -> tuple[str, BootReport] | None:
    """Boot a kernel on the files of an image; None for a guest that had the terminal."""
    if rootfs is None:
        raise UserError(
            "there is nothing in the guest to talk to",
            why="a kernel alone has no shell",
            hint="name an image that has one: --rootfs docker.io/library/alpine:latest",
        )
    if interactive and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "--interactive needs a terminal", hint="leave it out, and read the console: --console"
        )
    progress = make_progress(Terminal(stderr=True))
    with in_use(setting.project, progress):
        subject = find_subject(setting, meant)
        kernel = subject.file or subject.image
        assert kernel is not None
        wish = wish.for_kernel(subject.kernel)
        builder = any_builder(setting, subject, progress)
        with _root(setting, rootfs, lab.arch_of(kernel), progress) as root:
            report = lab.boot_root(
                setting, kernel, root, builder, wish, progress, interactive=interactive
            )
    return (subject.name, report) if report else None


@contextlib.contextmanager
def _root(
    setting: Setting, name: str, platform: Arch, progress: Progress
) -> Iterator[tuple[Layout, Image]]:
    """The image that is called so, in a layout; one of a registry is fetched for as long."""
    if name.startswith(_LAYOUT):
        yield _in_layout(name)
        return
    reference = name.removeprefix(registry.TRANSPORT)
    if "/" not in reference:
        raise UserError(
            f"'{name}' names no image with a root",
            hint="write host/path:tag (docker.io/library/alpine:latest) or oci:DIR:TAG",
        )
    if setting.options.offline:
        raise UserError(f"{name} is in a registry", hint="name one that is here: oci:DIR:TAG")
    with tempfile.TemporaryDirectory(prefix="ingot-root-") as folder:
        with progress.step(f"fetch {reference}"):
            layout = registry.fetch_image(reference, platform.oci, Path(folder) / "layout")
        yield layout, read_image(layout, layout.tags()[registry.FETCHED])


def _in_layout(name: str) -> tuple[Layout, Image]:
    folder, _, tag = name.removeprefix(_LAYOUT).partition(":")
    layout = Layout(Path(folder).absolute())
    tags = layout.tags()
    if tag not in tags:
        known = ", ".join(sorted(tags)) or "no image"
        raise UserError(f"{folder} has no image '{tag}'", why=f"it has {known}")
    return layout, read_image(layout, tags[tag])
