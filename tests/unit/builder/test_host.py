"""The machine's own compiler: what is looked for, what is told, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.arch import Arch, arch
from ingot.builder import builder_kinds, tool_versions
from ingot.builder.builder_packages import digest_of
from ingot.builder.builder_site import Site
from ingot.builder.sandbox import Sandbox
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError
from tests.support.builders import SAYS, Machine
from tests.support.progress import Recorder

GCC = BuilderSpec("host", kind="host")
CLANG = BuilderSpec("host", kind="host", llvm=True)
X86_64, ARM64 = arch("x86_64"), arch("arm64")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def lines(site: Site, spec: BuilderSpec = GCC, on: Arch = X86_64) -> dict[str, str]:
    found = builder_kinds.packages(spec, on, site)
    assert found is not None
    return dict(line.split("=", 1) for line in found)


def test_its_tools_are_told_with_their_versions(machine: Machine, site: Site) -> None:
    found = lines(site)
    assert found["gcc"] == SAYS["x86_64-linux-gnu-gcc"]
    assert found["make"] == "GNU Make 4.3"
    assert found["machine"] == "x86_64"
    assert not {"clang", "openssl", "pahole"} & set(found)
    assert not {"gcc", "binutils"} & set(lines(site, CLANG))
    assert lines(site, CLANG)["clang"] == "Debian clang version 14.0.6"


def test_its_digest_is_that_of_the_versions(machine: Machine, site: Site) -> None:
    before = builder_kinds.known(GCC, X86_64, site)
    assert before == builder_kinds.known(GCC, X86_64, site)
    machine.has("pahole", "v1.24")
    with_pahole = builder_kinds.known(GCC, X86_64, site)
    machine.has("x86_64-linux-gnu-gcc", "x86_64-linux-gnu-gcc (Debian 12.2.0-15) 12.2.0")
    machine.has("clang", "Debian clang version 99")  # of no concern to gcc
    assert len({before, with_pahole, builder_kinds.known(GCC, X86_64, site)}) == 3


def test_it_is_not_hermetic_and_shows_little_of_the_machine(
    machine: Machine, site: Site, recorder: Recorder
) -> None:
    builder = builder_kinds.ensure(GCC, X86_64, site, recorder)
    assert builder.digest == digest_of(builder.packages)
    assert (builder.root, builder.hermetic) == (Path("/"), False)
    command = Sandbox(builder, Path("/s"), Path("/b"), Path("/c")).command(["true"])
    bound = {command[n + 2] for n, word in enumerate(command) if word in ("--ro-bind", "--bind")}
    assert not {"/", "/etc", "/home", "/root", "/opt", "/var", "/run"} & bound
    assert "/usr" in bound
    assert "CCACHE_COMPILERCHECK" in command
    assert command[command.index("CCACHE_COMPILERCHECK") + 1] == "content"


def test_what_is_missing_is_named(machine: Machine, site: Site, recorder: Recorder) -> None:
    machine.lacks("bison", "flex")
    with pytest.raises(MachineError) as caught:
        builder_kinds.ensure(GCC, ARM64, site, recorder)
    assert caught.value.what == (
        "this machine cannot compile arm64 kernels: aarch64-linux-gnu-gcc,"
        " aarch64-linux-gnu-ld, flex, bison not found"
    )
    assert "--builder rootfs" in caught.value.hint
    assert builder_kinds.packages(GCC, ARM64, site) is None
    assert builder_kinds.known(GCC, ARM64, site) is None


def test_missing_headers_are_named(
    machine: Machine, site: Site, recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "gelf.h").unlink()
    with pytest.raises(MachineError, match="libelf's headers"):
        builder_kinds.ensure(GCC, X86_64, site, recorder)


@pytest.mark.parametrize("spec", [GCC, CLANG])
def test_a_missing_libc_is_named_before_hours_of_compiling(
    machine: Machine,
    site: Site,
    recorder: Recorder,
    spec: BuilderSpec,
) -> None:
    machine.lacks_libc()
    with pytest.raises(MachineError, match="a static libc for x86_64"):
        builder_kinds.ensure(spec, X86_64, site, recorder)


def test_a_machine_that_calls_its_own_toolchain_by_no_prefix(
    machine: Machine, site: Site, recorder: Recorder
) -> None:
    machine.lacks("x86_64-linux-gnu-gcc")
    machine.renames("x86_64-linux-gnu-ld", "ld")
    assert lines(site)["gcc"] == SAYS["gcc"]
    builder = builder_kinds.ensure(GCC, X86_64, site, recorder)
    assert builder.aliases == {
        "x86_64-linux-gnu-gcc": str(machine.bin / "gcc"),
        "x86_64-linux-gnu-ld": str(machine.bin / "ld"),
    }
    command = Sandbox(builder, Path("/s"), Path("/b")).command(["true"])
    at = command.index("/toolchain/x86_64-linux-gnu-gcc")
    assert command[at - 2 : at] == ["--symlink", str(machine.bin / "gcc")]
    with pytest.raises(MachineError, match="aarch64-linux-gnu-gcc"):
        builder_kinds.ensure(
            GCC, ARM64, site, recorder
        )  # its own compiler is of no use for another arch


@pytest.mark.parametrize("spec", [GCC, CLANG])
def test_tools_that_are_new_enough_are_fine(
    machine: Machine, site: Site, recorder: Recorder, spec: BuilderSpec
) -> None:
    builder = builder_kinds.ensure(spec, X86_64, site, recorder)
    tool_versions.require(builder, {}, "linux 6.1")
    tool_versions.require(
        builder,
        {"gcc": "12.2", "clang": "14.0.6", "make": "4.3", "binutils": "2.40", "kmod": "13"},
        "linux 6.1",
    )
    tool_versions.require(builder, {"bc": "1.06.95", "perl": "5", "pahole": "9"}, "linux 6.1")


@pytest.mark.parametrize(
    ("tool", "least", "spec"),
    [
        ("gcc", "12.2.1", GCC),
        ("binutils", "2.41", GCC),
        ("make", "4.10", GCC),
        ("clang", "15.0.0", CLANG),
        ("python3", "3.12", CLANG),
    ],
)
def test_a_tool_that_is_too_old_is_refused(
    machine: Machine, site: Site, recorder: Recorder, tool: str, least: str, spec: BuilderSpec
) -> None:
    builder = builder_kinds.ensure(spec, X86_64, site, recorder)
    with pytest.raises(MachineError) as caught:
        tool_versions.require(builder, {tool: least}, "linux 6.18")
    assert "too old to compile linux 6.18" in caught.value.what
    assert f"must be {least} or newer" in caught.value.why
    assert f"{tool} is '" in caught.value.why


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0", (12, 2, 0)),
        ("gcc (GCC) 14.2.1 20240801 (Red Hat 14.2.1-1)", (14, 2, 1)),
        ("GNU ld version 2.41-34.fc40", (2, 41)),
        ("Ubuntu clang version 14.0.0-1ubuntu1", (14, 0, 0)),
        ("OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)", (3, 0, 15)),
        ("v1.24", (1, 24)),
        ("kmod version 30", (30,)),
        ("unknown", ()),
    ],
)
def test_the_version_is_found_in_what_a_tool_says(text: str, version: tuple[int, ...]) -> None:
    assert tool_versions._number(text) == version
