"""The modules image in both ways platforms use it: a booted guest loads modules by name.

The guest is kmod itself (modprobe, from the builder's root) with the C library and a small init,
so that what finds the modules is what finds them in any distribution.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot import pipeline
from ingot.arch import arch
from ingot.boot.qemu import Guest, boot
from ingot.boot.report import BootReport, Expectation
from ingot.builder.sandbox import Sandbox
from ingot.cli.options import make_setting
from ingot.progress import Silent
from tests.e2e.conftest import HERE, VERSION, Lab

pytestmark = pytest.mark.e2e

Built = dict[str, object]
MODULES = f"lib/modules/{VERSION}"
BOOT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Kit:
    """What guests are made of, below `root`: `files` is a root file system without modules."""

    root: Path
    sandbox: Sandbox

    @property
    def files(self) -> Path:
        return self.root / "files"

    def run(self, source: Path, command: str) -> str:
        """Run a command in the builder, which has `source` at /src; returns what it prints."""
        sandbox = Sandbox(self.sandbox.builder, source, self.sandbox.build)
        words = sandbox.command(["sh", "-euc", command])
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def boot(self, guest: Path, modules: Sequence[str]) -> BootReport:
        """Boot the root file system `guest`, whose plan loads `modules`."""
        self.run(guest, "cd /src && find . | cpio --quiet -o -H newc -R 0:0 > /build/initramfs")
        initramfs = (self.sandbox.build / "initramfs").read_bytes()
        kernel = self.root / "kernel-bin/boot/vmlinux"
        expected = Expectation(VERSION, tuple(modules))
        return boot(Guest(kernel, initramfs, expected), arch("x86_64"), BOOT_SECONDS)


@pytest.fixture(scope="module")
def kit(lab: Lab, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    root = tmp_path_factory.mktemp("kit")
    setting = make_setting(lab.kernels, None)
    builder = pipeline.ensure_builder(setting, setting.catalog.kernels[0].builder, Silent())
    (root / "build").mkdir()
    kit = Kit(root, Sandbox(builder, HERE, root / "build"))
    for image in ("kernel-bin", "kernel-modules"):
        done = lab.ingot("export", f"{image}:{VERSION}", "--to", str(root / image))
        assert done.returncode == 0, done.stderr
    kit.run(HERE, "gcc -static -Os -Wall -Werror -o /build/init /src/modprobe.c")
    kit.run(HERE, "mkdir -p /build/files/sbin && cp -L /sbin/modprobe /build/files/sbin/")
    for library in re.findall(r"(/\S+) \(0x", kit.run(HERE, "ldd /sbin/modprobe")):
        kit.run(HERE, f"cp -L --parents {library} /build/files/")
    (root / "build/files").rename(kit.files)
    (root / "build/init").rename(kit.files / "init")
    return kit


def make_guest(kit: Kit, folder: Path, plan: str) -> Path:
    """A root file system of its own, with this plan."""
    shutil.copytree(kit.files, folder)
    (folder / "plan").write_text(plan)
    return folder


def loaded(report: BootReport) -> dict[str, str]:
    """The modules of the guest: name -> who uses it (proc(5), /proc/modules)."""
    lines = [line.split() for line in report.console if line.startswith("MODULE ")]
    return {words[1]: words[4] for words in lines}


PLAN = "modprobe pps_ktimer\nmodprobe crc_ccitt\n"
WANTED = ("pps_ktimer", "crc_ccitt")


def test_laid_over_the_root(kit: Kit, tmp_path: Path) -> None:
    guest = make_guest(kit, tmp_path / "guest", PLAN)
    shutil.copytree(kit.root / "kernel-modules", guest, symlinks=True, dirs_exist_ok=True)
    report = kit.boot(guest, WANTED)
    assert report.passed, report.explain()
    assert loaded(report)["pps_core"] == "pps_ktimer,"  # nobody asked for it but modules.dep


def test_mounted_where_modules_are(kit: Kit, tmp_path: Path) -> None:
    guest = make_guest(kit, tmp_path / "guest", f"bind /volume /{MODULES}\n{PLAN}")
    shutil.copytree(kit.root / "kernel-modules", guest / "volume", symlinks=True)
    (guest / MODULES).mkdir(parents=True)
    report = kit.boot(guest, WANTED)
    assert report.passed, report.explain()
    assert loaded(report)["pps_core"] == "pps_ktimer,"


def test_without_the_image_there_are_no_modules(kit: Kit, tmp_path: Path) -> None:
    report = kit.boot(make_guest(kit, tmp_path / "guest", PLAN), WANTED)
    assert not report.passed
    assert not loaded(report)
    details = {check.name: check.detail for check in report.checks}
    assert details["module crc_ccitt"] == "exit code 1, not there"
    assert details["shutdown"] == "clean"
