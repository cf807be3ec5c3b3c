"""A kernel tree whose Makefiles and Kconfig leave traps where Ingot looks for what they made.

Make is played by a function that does to the build directory what such a tree could. Whatever it
leaves: nothing outside is changed, nothing outside is among the artifacts, nothing waits.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingot import configure, kconfig
from ingot.arch import arch
from ingot.boot.guest import guest_contents
from ingot.boot.guest.root_disks import make_disk
from ingot.boot.vmm import pvh
from ingot.builder import sandbox as sandboxes
from ingot.builder.sandbox import Builder, Sandbox
from ingot.compile import run_make as making
from ingot.compile.compile_kernel import compile_kernel
from ingot.compile.compile_modules import compile_module
from ingot.compile.variant_build import compile_variant
from ingot.elf import ElfHeader
from ingot.errors import IngotError
from ingot.files import remove_tree
from ingot.kconfig import Config
from ingot.process import Result
from ingot.progress import Silent
from ingot.version import Series
from tests.support.build_records import build_files, put, source_files
from tests.support.digests import digest

CONFIG = Config("CONFIG_MODULES=y\n")
RELEASE = "6.1.176"
SECRET = b"what only the owner of this machine may read"
MODULES = f"install/lib/modules/{RELEASE}"

Trap = Callable[[Path, Path], object]
"""What is done to a path in the build directory, given a directory of the machine's."""


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A trap that makes somebody wait ends the test instead."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the machine's with files that must neither change nor be copied."""
    directory = tmp_path / "outside"
    (directory / "kernel").mkdir(parents=True)
    for name in ("secret", "secret.ko", "kernel/secret.ko", "secret.h"):
        (directory / name).write_bytes(SECRET)
    return directory


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    for name in ("root", "source"):
        (tmp_path / name).mkdir()
    put(tmp_path / "source", source_files("veth"))
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    return Sandbox.below(tmp_path / "work", builder, tmp_path / "source")


def file_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "secret")


def relative_link(path: Path, outside: Path) -> None:
    path.symlink_to(os.path.relpath(outside / "secret", path.parent))


def directory_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def link_to_nothing_yet(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "new")


def link_to_itself(path: Path, outside: Path) -> None:
    path.symlink_to(path.name)


def zeros(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def endless(path: Path, outside: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 43)


def directory(path: Path, outside: Path) -> None:
    path.mkdir()


TRAPS: list[Trap] = [
    file_link,
    relative_link,
    directory_link,
    link_to_nothing_yet,
    link_to_itself,
    zeros,
    pipe,
    endless,
    directory,
]
PLACES = [
    "vmlinux",
    "System.map",
    ".config",
    "install",
    "install/lib",
    MODULES,
    f"{MODULES}/kernel",
    f"{MODULES}/kernel/veth.ko",
    f"{MODULES}/modules.dep",
    "include",
    "include/config",
    "include/config/kernel.release",
    "include/generated/autoconf.h",
    "Module.symvers",
    "arch",
    "arch/x86/kernel/vmlinux.lds",
    "built-in.a",
    "modules.order",
    "veth.mod",
    ".vmlinux.o.cmd",
    "init",
    "init/.main.o.cmd",
    "scripts",
    "tools/objtool/objtool",
    "boot",
    "results",
]


class Tree:
    """A kernel's make: leaves an honest build, then puts a trap into one place of it."""

    def __init__(self, build: Path, place: str, trap: Callable[[Path], object]) -> None:
        self.build = build
        self.place = place
        self.trap = trap

    def __call__(self, argv: list[str], **_: object) -> Result:
        words = argv[argv.index("--") + 1 :]
        files = {
            "include/config/kernel.release": b"6.1.176\n",
            "vmlinux": b"no ELF",
            "System.map": b"map",
            "Module.symvers": b"",
            f"{MODULES}/kernel/veth.ko": b"module",
            f"{MODULES}/modules.dep": b"",
            **{name: text.encode() for name, text in build_files("veth").items()},
        }
        if "modules_install" in words:
            files = {name: data for name, data in files.items() if name.startswith("install")}
        for name, data in files.items():
            path = self.build / name
            if self._is_trapped(path):
                continue  # in the sandbox a link leads nowhere
            with contextlib.suppress(OSError):  # the trap is in the way
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.write_bytes(data)
        path = self.build / self.place
        if not self._is_trapped(path):
            remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.trap(path)
        return Result(0, "")

    def _is_trapped(self, path: Path) -> bool:
        inside = path.relative_to(self.build)
        return any((self.build / part).is_symlink() for part in (inside, *inside.parents))


def state_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*.*")
        if path.is_file()
    } | {str(path.relative_to(directory)): b"" for path in directory.rglob("*")}


def contents(results: Path) -> Iterator[bytes]:
    """All that was taken; nothing of it may be a link, a pipe or a device."""
    for path in results.rglob("*"):
        assert path.is_dir() or path.is_file()
        assert not path.is_symlink()
        if path.is_file():
            yield path.read_bytes()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_a_compile(
    sandbox: Sandbox, outside: Path, monkeypatch: pytest.MonkeyPatch, place: str, trap: Trap
) -> None:
    before = state_of(outside)
    tree = Tree(sandbox.build, place, lambda path: trap(path, outside))
    monkeypatch.setattr(making, "run", tree)
    log = sandbox.results.parent / "log"
    try:
        artifacts = compile_kernel(sandbox, arch("x86_64"), CONFIG, 0, log, Silent())
    except IngotError:
        pass
    else:
        assert artifacts.kernel.read_bytes() == b"no ELF"
        devel = [path.read_bytes() for path in artifacts.devel.own.values()]
        assert SECRET not in devel
    assert state_of(outside) == before
    assert SECRET not in set(contents(sandbox.results))
    # the next kernel in the same directory, as a bisection makes it
    with contextlib.suppress(IngotError):
        compile_variant(sandbox, arch("x86_64"), CONFIG, 0, log, Silent())
    assert state_of(outside) == before
    assert SECRET not in set(contents(sandbox.results))
    remove_tree(sandbox.build)
    assert state_of(outside) == before


@pytest.mark.parametrize(
    "release",
    [
        *("../..", "..", ".", "", "/", "/etc", "a/b", "6.1/../../..", "6.1\n../..", "-rf", "6.1 x"),
        *("6.1\0", "\x1b[2J", "é", "x" * 65, "x" * 100_000, "..6.1", "6.1..x/"),
    ],
)
def test_a_release_that_is_a_path(
    sandbox: Sandbox, outside: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    def call_it_so(path: Path) -> None:
        path.write_text(release)

    tree = Tree(sandbox.build, "include/config/kernel.release", call_it_so)
    monkeypatch.setattr(making, "run", tree)
    before = sorted(sandbox.results.parent.iterdir())
    log = sandbox.results.parent / "log"
    with pytest.raises(IngotError):
        compile_kernel(sandbox, arch("x86_64"), CONFIG, 0, log, Silent())
    assert sorted(sandbox.results.parent.iterdir()) == before
    assert not list(sandbox.results.rglob("*.ko"))


@pytest.mark.parametrize("release", ["6.1.176", "6.1.176-acme+", "6.1.176.1-acme_2~rc1"])
def test_a_release_that_is_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    def honest(argv: list[str], **_: object) -> Result:
        for name in ("include/config/kernel.release", "vmlinux", "System.map"):
            (sandbox.build / name).parent.mkdir(parents=True, exist_ok=True)
            (sandbox.build / name).write_text(release)
        put(sandbox.build, build_files())
        (sandbox.build / f"install/lib/modules/{release}").mkdir(parents=True, exist_ok=True)
        return Result(0, "")

    monkeypatch.setattr(making, "run", honest)
    log = sandbox.results.parent / "log"
    made = compile_kernel(sandbox, arch("x86_64"), CONFIG, 0, log, Silent())
    assert made.release == release == made.modules.name


# Kconfig


@pytest.mark.parametrize("verb", ["resolve", "complete", "survey", "edit"])
@pytest.mark.parametrize(
    "place", [".config", "fragments.config", "ingot-options.json", "survey", ".config.old"]
)
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_a_config(
    sandbox: Sandbox,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    place: str,
    trap: Trap,
) -> None:
    before = state_of(outside)

    def kconfig_run(argv: list[str], **_: object) -> Result:
        for name, data in ((".config", b"CONFIG_A=y\n"), ("ingot-options.json", _TABLE)):
            path = sandbox.build / name
            if not path.is_symlink() and not path.exists():
                path.write_bytes(data)
        path = sandbox.build / place
        if not path.is_symlink():
            path.unlink(missing_ok=True) if not path.is_dir() else remove_tree(path)
            trap(path, outside)
        return Result(0, "")

    monkeypatch.setattr(configure, "run", kconfig_run)
    monkeypatch.setattr(configure, "run_in_terminal", kconfig_run)
    requests = kconfig.merge(
        kconfig.parse_fragment("CONFIG_A=y\n", "vmm/x.config"), Series(6, 1), "x86_64"
    )
    log = sandbox.results.parent / "log"
    verbs: dict[str, Callable[[], object]] = {
        "resolve": lambda: configure.resolve(sandbox, arch("x86_64"), requests, log),
        "complete": lambda: configure.complete(sandbox, arch("x86_64"), CONFIG, log),
        "survey": lambda: configure.survey(sandbox, arch("x86_64"), log),
        "edit": lambda: configure.edit(sandbox, arch("x86_64"), CONFIG, log),
    }
    for _ in range(2):  # the second time the trap is there before Ingot writes
        try:
            found = verbs[verb]()
        except IngotError:
            continue
        assert not isinstance(found, str) or SECRET.decode() not in found
    assert state_of(outside) == before


_TABLE = json.dumps({"arch": "x86", "options": {}, "elsewhere": {}}).encode()


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(bytes(1 << 24), mtime=0),
        b"[" * 200_000,
        b"",
        b"null",
        b"{}",
        b'{"arch": "x86", "options": [], "elsewhere": {}}',
        b'{"arch": "x86", "options": {"A": {"type": 1}}, "elsewhere": {}}',
        b'{"arch": "x86", "options": {"A": {"type": "bool", "places": "x"}}, "elsewhere": {}}',
        b'{"arch": "x86", "options": {"../A": {"type": "bool"}}, "elsewhere": {}}',
        b'{"arch": "x86", "options": {}, "elsewhere": {"A": [1]}}',
        b'{"arch": "x86", "options": {"A": {"type": "bool", "ranges": [["1"]]}}, "elsewhere": {}}',
        b"\xff\xfe",
    ],
)
def test_a_survey_that_is_none(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    def survey(argv: list[str], **_: object) -> Result:
        (sandbox.build / "ingot-options.json").write_bytes(data)
        return Result(0, "")

    monkeypatch.setattr(configure, "run", survey)
    with pytest.raises(IngotError, match="list of this kernel's Kconfig options"):
        configure.survey(sandbox, arch("x86_64"), sandbox.results.parent / "log")


# Modules of somebody's own, and what the boot test compiles for itself


@pytest.mark.parametrize(
    "place",
    [
        *(".installed", ".installed/lib/modules", f".installed/lib/modules/{RELEASE}/updates"),
        *(
            f".installed/lib/modules/{RELEASE}/updates/{name}"
            for name in ("a.ko", "sub", "sub/b.ko")
        ),
    ],
)
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_a_module(
    sandbox: Sandbox, outside: Path, monkeypatch: pytest.MonkeyPatch, place: str, trap: Trap
) -> None:
    before = state_of(outside)
    good = b"\0vermagic=6.1.176 SMP \0"

    def make(argv: list[str], **_: object) -> Result:
        updates = sandbox.build / f".installed/lib/modules/{RELEASE}/updates"
        if "modules_install" in argv:
            updates.mkdir(parents=True)
            (updates / "hello.ko").write_bytes(good)
            path = sandbox.build / place
            path.parent.mkdir(exist_ok=True)
            remove_tree(path) if path.exists() else None
            trap(path, outside)
        return Result(0, "")

    monkeypatch.setattr(making, "run", make)
    log = sandbox.results.parent / "log"
    try:
        found = compile_module(sandbox, arch("x86_64"), RELEASE, 0, log, Silent())
    except IngotError:
        found = {}
    assert set(found) <= {"hello.ko"}
    assert SECRET not in set(contents(sandbox.results))
    assert state_of(outside) == before


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
@pytest.mark.parametrize("name", ["init", "pvh", "root.ext4"])
def test_a_builder_that_leaves_something_else_than_the_boot_test_asks_for(
    sandbox: Sandbox, outside: Path, monkeypatch: pytest.MonkeyPatch, name: str, trap: Trap
) -> None:
    before = state_of(outside)

    def tool(argv: list[str], **_: object) -> Result:
        trap(sandbox.build / name, outside)
        return Result(0, "")

    monkeypatch.setattr(sandboxes, "run", tool)
    kernel = pvh._ElfKernel(ElfHeader(b"", *(0,) * 13), (), b"")
    uses: dict[str, Callable[[], object]] = {
        "init": lambda: guest_contents.compile_init(sandbox, arch("x86_64")),
        "pvh": lambda: pvh._assemble(sandbox, kernel, arch("x86_64")),
        "root.ext4": lambda: make_disk(sandbox, "root", {"/init": b"init"}, ["/dev"]),
    }
    with pytest.raises(IngotError):
        uses[name]()
    assert state_of(outside) == before
    assert SECRET not in set(contents(sandbox.results))
