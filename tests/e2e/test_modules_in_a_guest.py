"""The modules image in both ways platforms use it: a booted guest loads modules by name.

The guest is kmod itself (modprobe, from the builder's root) with the C library and a small init,
so that what finds the modules is what finds them in any distribution.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot import boot as boot_package
from ingot import pipeline
from ingot.arch import arch
from ingot.boot.boot_report import BootReport, Expectation
from ingot.boot.vmm.machines import Guest, machine_for
from ingot.boot.vmm.qemu import boot
from ingot.builder.sandbox import Sandbox
from ingot.cli.shared.common_options import make_setting
from ingot.progress import Silent
from tests.support.labs import VERSION, Lab
from tests.support.places import E2E

pytestmark = pytest.mark.e2e

Built = dict[str, object]
BOOT = Path(boot_package.__file__).parent
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
        expected = Expectation(VERSION, tuple(f"module {name}" for name in modules))
        return boot(Guest(kernel, initramfs, expected), machine_for(arch("x86_64")), BOOT_SECONDS)


@pytest.fixture(scope="module")
def kit(lab: Lab, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    root = tmp_path_factory.mktemp("kit")
    setting = make_setting(lab.kernels, None)
    builder = pipeline.ensure_builder(setting, setting.project.catalog.kernels[0].builder, Silent())
    kit = Kit(root, Sandbox.below(root, builder, E2E))
    for image in ("kernel-bin", "kernel-modules"):
        done = lab.ingot("export", f"{image}:{VERSION}", "--to", str(root / image))
        assert done.returncode == 0, done.stderr
    (root / "init").mkdir()
    for source in (E2E / "modprobe.c", BOOT / "init/seal.h"):
        shutil.copy(source, root / "init")
    kit.run(root / "init", "gcc -static -Os -Wall -Werror -o /build/init /src/modprobe.c")
    kit.run(E2E, "mkdir -p /build/files/sbin && cp -L /sbin/modprobe /build/files/sbin/")
    for library in re.findall(r"(/\S+) \(0x", kit.run(E2E, "ldd /sbin/modprobe")):
        kit.run(E2E, f"cp -L --parents {library} /build/files/")
    (root / "build/files").rename(kit.files)
    (root / "build/init").rename(kit.files / "init")
    return kit


def make_guest(kit: Kit, directory: Path, plan: str) -> Path:
    """A root file system of its own, with this plan."""
    shutil.copytree(kit.files, directory)
    (directory / "plan").write_text(plan)
    return directory


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


# A module that is not of the kernel's tree

HELLO = E2E / "hello"
CRC = "ingot_hello answers 6f91"  # the CRC of "123456789" that begins with all ones


@pytest.fixture(scope="module")
def module(lab: Lab, kit: Kit) -> dict[str, str]:
    """The module's images, as `ingot module build --json` tells them: tag -> digest."""
    before = sorted(path.name for path in HELLO.iterdir())
    words = ("module", "build", str(HELLO), "--kernel", VERSION, "--json")
    first, second = (lab.ingot(*words) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert sorted(path.name for path in HELLO.iterdir()) == before
    documents = [json.loads(done.stdout) for done in (first, second)]
    images = [{image["image"]: image["digest"] for image in doc["images"]} for doc in documents]
    assert images[0] == images[1]
    return dict(images[0])


def export(lab: Lab, image: str, to: Path) -> Path:
    done = lab.ingot("export", image, "--to", str(to))
    assert done.returncode == 0, done.stderr
    return to


@pytest.mark.parametrize("appended", [False, True])
def test_a_module_of_ones_own_is_loaded_by_name(
    lab: Lab, kit: Kit, module: dict[str, str], tmp_path: Path, appended: bool
) -> None:
    """From the image that has all modules, and from its one layer over the kernel's own."""
    guest = make_guest(kit, tmp_path / "guest", "modprobe ingot_hello\n")
    alone, both = f"kernel-module-hello:{VERSION}", f"kernel-modules:{VERSION}-plus-hello"
    assert set(module) == {alone, both}
    parts = [f"kernel-modules:{VERSION}", alone] if appended else [both]
    for number, image in enumerate(parts):
        files = export(lab, image, tmp_path / str(number))
        subprocess.run(["cp", "-a", f"{files}/.", str(guest)], check=True)
    report = kit.boot(guest, ["ingot_hello"])
    assert report.passed, report.explain()
    assert loaded(report)["crc_ccitt"] == "ingot_hello,"  # the indexes are of both
    assert any(CRC in line for line in report.console)
    assert not any(str(kit.root) in line for line in report.console)


def test_who_has_the_compiler_builds_modules_as_anywhere(
    lab: Lab, kit: Kit, built: Built, tmp_path: Path
) -> None:
    """With the kernel's own make, as distributions' packages of headers are used."""
    root = export(lab, f"kernel-devel:{VERSION}", tmp_path / "devel")
    link = root / MODULES / "build"
    assert str(link.readlink()) == f"/usr/src/linux-{VERSION}"
    shutil.copytree(HELLO, kit.sandbox.build / "hello")
    kit.sandbox.hand_over()
    tree = root / str(link.readlink()).lstrip("/")
    kit.run(tree, "make -C /src M=/build/hello modules")
    told = kit.run(tree, "modinfo -F vermagic /build/hello/ingot_hello.ko")
    assert told.split()[0] == VERSION


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "int broken(void) { return nothing; }\n",
            r"^  hello\.c:\d+:\d+: error: .nothing. undeclared",
        ),
        (
            "int no_such_symbol(void);\nint missing(void);\n"
            "int missing(void) { return no_such_symbol(); }\n",
            r'^  ERROR: modpost: "no_such_symbol" \[ingot_hello\.ko\] undefined!',
        ),
    ],
)
def test_what_is_wrong_with_a_module_is_said_in_the_compilers_words(
    lab: Lab, built: Built, tmp_path: Path, line: str, says: str
) -> None:
    directory = tmp_path / "hello"
    shutil.copytree(HELLO, directory)
    with (directory / "hello.c").open("a") as file:
        file.write(line)
    done = lab.ingot("module", "build", str(directory), "--kernel", VERSION)
    assert done.returncode == 5
    assert re.search(says, done.stderr, re.MULTILINE)
    assert "the module did not compile" in done.stderr


def test_a_hostile_makefile_stays_in_the_sandbox(lab: Lab, built: Built, tmp_path: Path) -> None:
    """It tries to write to the kernel's tree, to this directory and to the home, and to be root."""
    directory, mark = tmp_path / "hello", tmp_path / "mark"
    shutil.copytree(HELLO, directory)
    tries = [
        *(f"touch {place}/owned" for place in ("/src", "/usr", "/root", "/home", str(tmp_path))),
        f"cat {mark}",
        "ls /ccache",
        "mount -t tmpfs none /usr",
        "chown 0:0 /build",
        "grep -vE 'lo:|Inter|face' /proc/net/dev",
    ]
    mark.write_text("a secret")
    with (directory / "Kbuild").open("a") as file:
        for number, words in enumerate(tries):
            file.write(
                f"tried-{number} := $(shell {words} >/dev/null 2>&1 && echo DONE-{number})\n"
            )
            file.write(f"$(if $(tried-{number}),$(error it could: {number}))\n")
    done = lab.ingot("module", "build", str(directory), "--kernel", VERSION)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello", "mark"]
