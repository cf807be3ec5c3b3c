"""Compiling: what make is told, how progress is counted, which words an error shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.builder.toolchain import make_flags
from ingot.compile import run_make as making
from ingot.compile.compile_kernel import Artifacts, compile_kernel
from ingot.compile.devel_tree import Devel
from ingot.compiled_files import CompiledFiles
from ingot.errors import BuildError, IngotError, MachineError
from ingot.kconfig import Config
from ingot.process import CommandFailedError, Result
from ingot.size_map import SizeMap
from tests.support.build_records import build_files, put, source_files
from tests.support.digests import digest
from tests.support.elf_files import KERNEL, elf
from tests.support.object_files import Part, make_archive, make_object
from tests.support.progress import Recorder

CONFIG = "CONFIG_MODULES=y\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=64\n# CONFIG_D is not set\n"
RELEASE = "6.1.176"
OUTPUT = """\
make: Entering directory '/src'
  GEN     Makefile
  CC      init/main.o
  AS      arch/x86/entry/entry.o
  CC [M]  drivers/net/veth.o
  HOSTCC  scripts/kallsyms
  CALL    scripts/checksyscalls.sh
  AR      init/built-in.a
  LD      vmlinux
"""


@dataclass
class Make:
    """Stands in for make in the sandbox: prints, leaves files, or fails as it is told."""

    build: Path
    output: str = OUTPUT
    vmlinux: bytes = b"no ELF"
    fails: bool = False
    exit_code: int = 2
    changes_config: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def __call__(
        self,
        argv: list[str],
        *,
        log: Path,
        on_line: Callable[[str], None] | None,
        keep_output: bool,
        inherited: Sequence[int] = (),
    ) -> Result:
        assert not inherited  # no jobserver is shared here
        assert not keep_output  # a compile prints thousands of lines
        assert not inherited  # this build shares no jobserver
        words = argv[argv.index("--") + 1 :]
        self.calls.append(words)
        with log.open("a") as file:
            file.write(self.output)
        for line in self.output.splitlines():
            if on_line:
                on_line(line)
        if self.fails:
            raise CommandFailedError(argv, self.exit_code, self.output.splitlines()[-2:])
        if "modules_install" in words:
            modules = self.build / "install/lib/modules" / RELEASE
            (modules / "kernel").mkdir(parents=True)
            (modules / "kernel/veth.ko").touch()
            (modules / "build").symlink_to("/build")
            (modules / "source").symlink_to("/src")
        else:
            (self.build / "include/config").mkdir(parents=True)
            (self.build / "include/config/kernel.release").write_text(f"{RELEASE}\n")
            (self.build / "vmlinux").write_bytes(self.vmlinux)
            (self.build / "System.map").touch()
            put(self.build, build_files("veth"))
            if self.changes_config:
                (self.build / ".config").write_text(self.changes_config)
        return Result(0, "")


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    for name in ("root", "source", "build"):
        (tmp_path / name).mkdir()
    put(tmp_path / "source", source_files("veth"))
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    return Sandbox(builder, tmp_path / "source", tmp_path / "build")


@pytest.fixture
def make(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Make:
    make = Make(sandbox.build)
    monkeypatch.setattr(making, "run", make)
    return make


def compiled(sandbox: Sandbox, recorder: Recorder, config: str = CONFIG) -> Artifacts:
    log = sandbox.build / "log"
    return compile_kernel(sandbox, arch("x86_64"), Config(config), 86_400, log, recorder)


def failure(sandbox: Sandbox, recorder: Recorder, config: str = CONFIG) -> IngotError:
    with pytest.raises(IngotError) as caught:
        compiled(sandbox, recorder, config)
    return caught.value


def test_the_flags_name_no_machine_and_no_time() -> None:
    flags = make_flags(arch("x86_64"))
    assert flags == (
        "ARCH=x86",
        "CROSS_COMPILE=x86_64-linux-gnu-",
        "KBUILD_BUILD_HOST=ingot",
        "KBUILD_BUILD_USER=ingot",
        "KBUILD_BUILD_VERSION=1",
        "LOCALVERSION=",
        "INSTALL_MOD_STRIP=1",
    )


def test_kernel_and_modules_are_made_with_the_recipes_flags_and_the_sources_time(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    compiled(sandbox, recorder)
    first, second = make.calls
    for words in make.calls:
        assert words[:4] == ["make", "-C", "/src", "O=/build"]
        assert set(make_flags(arch("x86_64"))) <= set(words)
        assert "KBUILD_BUILD_TIMESTAMP=Fri Jan  2 00:00:00 UTC 1970" in words
    assert first[-2:] == ["vmlinux", "modules"]
    assert any(word.startswith("-j") for word in first)
    assert "modules_install" in second
    assert "INSTALL_MOD_PATH=/build/install" in second


def test_the_artifacts_are_where_make_left_them(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    artifacts = compiled(sandbox, recorder)
    assert artifacts.release == RELEASE
    assert artifacts.kernel == sandbox.results / "boot/vmlinux"
    assert artifacts.kernel.read_bytes() == artifacts.symbols.read_bytes() == b"no ELF"
    assert artifacts.config.read_text() == CONFIG
    assert artifacts.epoch == 86_400
    assert artifacts.modules == sandbox.results / "modules" / RELEASE
    assert [path.name for path in artifacts.modules.iterdir()] == ["kernel"]  # no links out


def test_the_devel_tree_is_of_source_and_build(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    (sandbox.source / "Makefile").touch()
    common = {name: sandbox.source / name for name in ("Makefile", "include/linux/init.h")}
    assert compiled(sandbox, recorder).devel == Devel(
        common,
        {
            ".config": sandbox.results / "devel/.config",
            "include/config/kernel.release": sandbox.results
            / "devel/include/config/kernel.release",
        },
    )


def test_where_the_bytes_of_kernel_and_modules_go_is_measured(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    artifacts = compiled(sandbox, recorder)
    assert artifacts.size_map == SizeMap({"": len(b"no ELF")}, {"veth.ko": 0})
    assert recorder.steps[-2] == "measure"
    assert recorder.results[-2] == "0% of the kernel comes from 0 source directories"


def test_what_the_kernel_was_linked_from_is_told_by_directory(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.vmlinux = make_object([Part(".text", b"t" * 3000)])
    files = {
        "arch/arm64/boot/Image": b"t" * 4000,
        "arch/arm64/kernel/vmlinux.lds": b".text : { *(.text) }",
        "net/core/sock.o": make_object([Part(".text", b"t" * 1000)]),
        "net/core/built-in.a": make_archive(["sock.o"]),
    }
    for name, data in files.items():
        path = sandbox.build / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    log = sandbox.build / "log"
    artifacts = compile_kernel(sandbox, arch("arm64"), Config(CONFIG), 86_400, log, recorder)
    assert artifacts.size_map.kernel == {"": 3000, "net/core": 1000}
    assert recorder.results[-2] == "25% of the kernel comes from 1 source directories"


def test_the_source_files_of_kernel_and_modules_are_listed(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    put(sandbox.source, {"net/unused.c": ""})
    assert compiled(sandbox, recorder).compiled_files == CompiledFiles(
        built_in=frozenset({"init/main.c", "include/linux/init.h"}),
        modules={"kernel/veth.ko": frozenset({"veth.c", "include/linux/init.h"})},
        tree=frozenset({"init/main.c", "include/linux/init.h", "veth.c", "net/unused.c"}),
    )
    assert recorder.steps[-1] == "list compiled files"
    assert recorder.results[-1] == "3 of 4 source files"


def test_an_elf_kernel_ships_without_what_no_vmm_loads(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.vmlinux = elf(KERNEL, b"symbols" * 1000)
    artifacts = compiled(sandbox, recorder)
    assert b"symbols" not in artifacts.kernel.read_bytes()
    assert artifacts.symbols.read_bytes() == make.vmlinux


def test_a_kernel_without_modules_gets_an_empty_directory(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    artifacts = compiled(sandbox, recorder, "CONFIG_A=y\n")
    assert list(artifacts.modules.iterdir()) == []
    (only,) = make.calls
    assert "modules" not in only
    assert recorder.results[1] == "0 modules"
    assert artifacts.size_map.modules == {}


def test_objects_are_counted_and_nothing_else_is(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    compiled(sandbox, recorder)
    assert [done for done, _, _ in recorder.advances] == [1, 2, 3, 4, 5, 6]
    assert recorder.advances[2][2] == "drivers/net/veth.o"
    assert recorder.results[:2] == ["6 objects", "1 modules"]


def test_more_enabled_options_are_expected_to_be_more_objects(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    compiled(sandbox, recorder, "CONFIG_A=y\n")
    small = recorder.advances[0][1]
    more = "".join(f"CONFIG_X{n}=m\n" for n in range(100)) + "CONFIG_S=64\n# CONFIG_T is not set\n"
    (sandbox.build / "include/config/kernel.release").unlink()
    (sandbox.build / "include/config").rmdir()
    recorder.advances.clear()
    compiled(sandbox, recorder, more)
    large = recorder.advances[0][1]
    assert small is not None and large is not None
    assert 0 < small < large


def test_more_objects_than_expected_never_look_like_more_than_all(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.output = "".join(f"  CC      x{n}.o\n" for n in range(2000))
    compiled(sandbox, recorder)
    assert all(total is None or done < total for done, total, _ in recorder.advances)
    assert recorder.advances[0][1] is not None  # at first the estimate is believed
    assert recorder.advances[-1][1] is None  # 100% would be a lie
    assert recorder.advances[-1][0] == 2000


def test_a_failed_compile_shows_the_compilers_own_words(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.fails = True
    make.output = (
        "  CC      init/main.o\n"
        "/src/init/main.c:7:1: error: expected ';' before '}' token\n"
        "/src/init/main.c:9:1: warning: unused variable 'x'\n"
        "make[2]: *** [/src/scripts/Makefile.build:250: init/main.o] Error 1\n"
        "  CC      fs/open.o\n" + "".join(f"  CC      fs/x{n}.o\n" for n in range(50))
    )
    error = failure(sandbox, recorder)
    assert isinstance(error, BuildError)
    assert error.why.splitlines() == [
        "/src/init/main.c:7:1: error: expected ';' before '}' token",
        "make[2]: *** [/src/scripts/Makefile.build:250: init/main.o] Error 1",
    ]
    assert str(sandbox.build / "log") in error.hint
    assert "to replay it: " in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "ld: init/main.o: undefined reference to `start'",
        "gcc: fatal error: Killed signal terminated program cc1",
        "fs/open.c:1:10: fatal error: linux/x.h: No such file or directory",
    ],
)
def test_other_complaints_are_picked_too(
    sandbox: Sandbox, make: Make, recorder: Recorder, line: str
) -> None:
    make.fails = True
    make.output = f"  CC      a.o\n{line}\n  CC      b.o\n"
    assert failure(sandbox, recorder).why == line


def test_a_failure_without_such_a_line_shows_the_last_ones(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.fails = True
    make.output = "one\ntwo\nthree\n"
    assert failure(sandbox, recorder).why == "two\nthree"


def test_a_flood_of_errors_is_cut_to_the_first(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.fails = True
    make.output = "".join(f"a.c:{n}: error: number {n}\n" for n in range(100))
    lines = failure(sandbox, recorder).why.splitlines()
    assert lines[0] == "a.c:0: error: number 0"
    assert len(lines) < 30


def test_a_full_disk_is_a_fault_of_the_machine_and_says_what_to_do(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.fails = True
    make.output = (
        "a.c:1: error: something\nfatal error: error writing to a.s: No space left on device\n"
    )
    error = failure(sandbox, recorder)
    assert isinstance(error, MachineError)
    assert "no space left" in error.what
    assert str(sandbox.build) in error.what
    assert "--build-dir" in error.hint


@pytest.mark.parametrize(
    ("exit_code", "output"),
    [
        (-9, "  CC      a.o\n"),
        (137, "  CC      a.o\n"),
        (2, "gcc: fatal error: Killed signal terminated program cc1\nmake: *** [a.o] Error 1\n"),
        (2, "make[3]: *** [/src/scripts/Makefile.build:250: fs/buffer.o] Killed\n"),
    ],
)
def test_a_compile_that_is_killed_is_a_fault_of_the_machine(
    sandbox: Sandbox, make: Make, recorder: Recorder, exit_code: int, output: str
) -> None:
    make.fails, make.exit_code, make.output = True, exit_code, output
    error = failure(sandbox, recorder)
    assert isinstance(error, MachineError)
    assert "was killed" in error.what
    assert "memory" in error.hint


def test_a_disk_that_is_full_is_told_from_its_free_space_where_nobody_says_so(
    sandbox: Sandbox, make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.fails = True
    make.output = "make[2]: *** [/src/scripts/Makefile.build:250: fs/buffer.o] Error 1\n"
    real = os.statvfs(sandbox.build)
    full = os.statvfs_result((*real[:3], 10, 10, *real[5:]))
    monkeypatch.setattr("os.statvfs", lambda _: full)
    assert isinstance(failure(sandbox, recorder), MachineError)


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (CONFIG.replace("CONFIG_B=m\n", ""), "B"),
        (CONFIG.replace("CONFIG_B=m", "CONFIG_B=y"), "B"),
        (CONFIG + "CONFIG_NEW=y\n", "NEW"),
    ],
)
def test_a_build_that_changes_its_config_is_refused(
    sandbox: Sandbox, make: Make, recorder: Recorder, after: str, named: str
) -> None:
    make.changes_config = after
    error = failure(sandbox, recorder)
    assert isinstance(error, BuildError)
    assert error.why.endswith(f": {named}")


def test_a_config_that_was_only_written_anew_is_the_same(
    sandbox: Sandbox, make: Make, recorder: Recorder
) -> None:
    make.changes_config = "#\n# Automatically generated\n#\n" + CONFIG
    compiled(sandbox, recorder)
