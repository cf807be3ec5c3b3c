"""What a guest is given: which module it loads, after what, and what it must report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot import guest as guests
from ingot.boot.guest import choose_module, compile_init, make_guest, read_dependencies
from ingot.boot.report import Expectation
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import MachineError, UserError
from ingot.process import CommandFailedError, Result
from tests.unit.conftest import digest

DEP = """\
kernel/lib/libcrc32c.ko:
kernel/net/802/stp.ko: kernel/net/llc/llc.ko
kernel/net/llc/llc.ko:
kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    for line in DEP.splitlines():
        path = folder / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    (folder / "modules.dep").write_text(DEP)
    return folder


def test_what_a_module_needs_comes_before_it_the_farthest_first(modules: Path) -> None:
    assert choose_module(read_dependencies(modules)) == (
        "kernel/net/llc/llc.ko",
        "kernel/net/802/stp.ko",
        "kernel/net/bridge/bridge.ko",
    )


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (["bridge", "veth", "aaa"], "veth"),
        (["loop", "aaa", "overlay"], "overlay"),
        (["zzz", "mmm"], "mmm"),
        (["veth_extra", "aaa"], "aaa"),
    ],
)
def test_a_module_that_needs_no_hardware_is_preferred(there: list[str], chosen: str) -> None:
    dependencies: dict[str, tuple[str, ...]] = {f"kernel/x/{name}.ko": () for name in there}
    assert choose_module(dependencies) == (f"kernel/x/{chosen}.ko",)


def test_without_modules_there_is_none_to_choose(tmp_path: Path) -> None:
    assert read_dependencies(tmp_path) == {}
    assert choose_module({}) == ()


def test_modules_without_their_index_are_refused(modules: Path) -> None:
    (modules / "modules.dep").unlink()
    with pytest.raises(UserError, match=r"no modules\.dep"):
        read_dependencies(modules)


def test_the_guest_holds_init_plan_and_modules_and_must_report_them(modules: Path) -> None:
    guest = make_guest(Path("/boot/vmlinux"), modules, "6.1.176", b"INIT", "reboot")
    assert guest.kernel == Path("/boot/vmlinux")
    assert guest.expected == Expectation("6.1.176", ("llc.ko", "stp.ko", "bridge.ko"))
    plan = (
        b"module /lib/modules/6.1.176/kernel/net/llc/llc.ko\n"
        b"module /lib/modules/6.1.176/kernel/net/802/stp.ko\n"
        b"module /lib/modules/6.1.176/kernel/net/bridge/bridge.ko\n"
        b"reboot\n"
    )
    for part in (plan, b"INIT", b"llc.ko", b"lib/modules/6.1.176/kernel/net/bridge/bridge.ko\0"):
        assert part in guest.initramfs
    assert b"libcrc32c" not in guest.initramfs


def test_a_guest_without_modules_is_only_told_how_to_end(tmp_path: Path) -> None:
    guest = make_guest(Path("/boot/vmlinux"), tmp_path, "6.1.176", b"INIT", "poweroff")
    assert guest.expected == Expectation("6.1.176", ())
    assert b"poweroff\n" in guest.initramfs
    assert b"module" not in guest.initramfs


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    (tmp_path / "build").mkdir()
    return Sandbox(builder, tmp_path / "source", tmp_path / "build", tmp_path / "ccache")


def test_init_is_compiled_statically_in_the_builder(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def gcc(argv: list[str]) -> Result:
        seen.extend(argv)
        (sandbox.build / "init").write_bytes(b"ELF")
        return Result(0, "")

    monkeypatch.setattr(guests, "run", gcc)
    assert compile_init(sandbox, arch("x86_64")) == b"ELF"
    assert seen[0] == "bwrap"
    assert "-static" in seen
    assert "x86_64-linux-gnu-gcc" in seen
    source = seen[seen.index("/src") - 1]
    assert (Path(source) / "init.c").is_file()
    assert "/ccache" not in seen


def test_the_init_that_measures_is_compiled_without_a_libc(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def gcc(argv: list[str]) -> Result:
        seen.extend(argv)
        (sandbox.build / "init").write_bytes(b"ELF")
        return Result(0, "")

    monkeypatch.setattr(guests, "run", gcc)
    assert compile_init(sandbox, arch("arm64"), "measure.c") == b"ELF"
    assert {"-nostdlib", "-ffreestanding", "/src/measure.c"} <= set(seen)
    assert (Path(seen[seen.index("/src") - 1]) / "measure.c").is_file()


def test_a_builder_with_clang_compiles_init_with_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def clang(argv: list[str]) -> Result:
        seen.extend(argv[argv.index("--") + 1 :])
        (sandbox.build / "init").write_bytes(b"ELF")
        return Result(0, "")

    monkeypatch.setattr(guests, "run", clang)
    llvm = replace(sandbox, builder=replace(sandbox.builder, llvm=True))
    assert compile_init(llvm, arch("arm64")) == b"ELF"
    assert seen[:3] == ["clang", "--target=aarch64-linux-gnu", "-fuse-ld=lld"]


def test_a_builder_that_cannot_compile_init_is_told_what_it_lacks(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gcc(argv: list[str]) -> Result:
        raise CommandFailedError(argv, 1, ["ld: cannot find -lc"])

    monkeypatch.setattr(guests, "run", gcc)
    with pytest.raises(MachineError) as caught:
        compile_init(sandbox, arch("arm64"))
    assert "cannot find -lc" in caught.value.why
    assert "aarch64-linux-gnu-gcc and a static libc" in caught.value.hint
