"""What a guest is given: its init, its modules, what it is to prove and what is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.boot.boot_report import Expectation, Outcome
from ingot.boot.guest.guest_contents import (
    choose_module,
    compile_init,
    make_guest,
    read_dependencies,
)
from ingot.boot.vmm.machines import Guest, Machine
from ingot.boot.vmm.running import root_of
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import GuestCheck
from ingot.errors import MachineError, UserError
from ingot.process import CommandFailedError, Result
from tests.support.digests import digest
from tests.support.guests import key_in

DEP = """\
kernel/lib/libcrc32c.ko:
kernel/net/802/stp.ko: kernel/net/llc/llc.ko
kernel/net/llc/llc.ko:
kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    directory = tmp_path / "modules"
    for line in DEP.splitlines():
        path = directory / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    (directory / "modules.dep").write_text(DEP)
    return directory


OVERLAY = GuestCheck(
    "overlay", "layers", "feature/containers", ("overlay",), options=("OVERLAY_FS",)
)
BLOCK = GuestCheck(
    "block",
    "a disk",
    "vmm/qemu",
    ("block", "/dev/vda"),
    needs=frozenset({"block"}),
    seconds=5,
    modules=("virtio_blk", "loop"),
    append="one=1",
    options=("VIRTIO_BLK",),
)
VSOCK = replace(OVERLAY, name="vsock", needs=frozenset({"vsock", "block"}), append="two=2")
OLD = replace(OVERLAY, name="netkit", unfit="new in 6.7", needs=frozenset({"pmem"}))

MACHINE = Machine(
    name="qemu microvm",
    vmm="qemu",
    arch="x86_64",
    represents=("qemu",),
    offers=frozenset({"block", "net"}),
    append="console=ttyS0",
    shutdown="reboot",
)


def guest_of(modules: Path, proofs: Sequence[GuestCheck] = ()) -> Guest:
    kernel = Path("/boot/vmlinux")
    return make_guest(kernel, modules, "6.1.176", b"INIT", MACHINE, proofs)


def checks_of(guest: Guest) -> tuple[str, ...]:
    assert guest.expected is not None
    return guest.expected.checks


def contents(guest: Guest) -> bytes:
    assert guest.initramfs is not None
    return guest.initramfs


def test_what_each_module_needs_is_told(modules: Path) -> None:
    needs = read_dependencies(modules)
    assert len(needs) == len(DEP.splitlines())
    assert set(needs["kernel/net/bridge/bridge.ko"]) == {
        "kernel/net/802/stp.ko",
        "kernel/net/llc/llc.ko",
    }


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (["bridge", "veth", "aaa"], "veth.ko"),
        (["loop", "aaa", "overlay"], "overlay.ko"),
        (["zzz", "mmm"], "mmm.ko"),
        (["veth_extra", "aaa"], "aaa.ko"),
    ],
)
def test_a_module_that_needs_no_hardware_is_preferred(there: list[str], chosen: str) -> None:
    assert choose_module([f"kernel/x/{name}.ko" for name in there]) == chosen


def test_without_modules_there_is_none_to_choose(tmp_path: Path) -> None:
    assert read_dependencies(tmp_path) == {}
    assert choose_module([]) == ""


def test_modules_without_their_index_are_refused(modules: Path) -> None:
    (modules / "modules.dep").unlink()
    with pytest.raises(UserError, match=r"no modules\.dep"):
        read_dependencies(modules)


def test_the_guest_holds_init_plan_and_all_modules_with_their_lists(modules: Path) -> None:
    guest = guest_of(modules)
    assert guest.kernel == Path("/boot/vmlinux")
    assert guest.expected == Expectation("6.1.176", ("module bridge.ko",))
    home = b"lib/modules/6.1.176/"
    for part in (
        b"key /ingot/key\n",
        b"\nmodule bridge.ko\nreboot\n".lstrip(b"\n"),
        b"INIT",
        home + b"kernel/net/bridge/bridge.ko\0",
        home + b"kernel/lib/libcrc32c.ko\0",
        home + b"modules.dep\0",
    ):
        assert part in contents(guest)
    assert not guest.scratch
    assert guest.append == ""


def test_a_guest_without_modules_is_only_told_how_to_end(tmp_path: Path) -> None:
    guest = guest_of(tmp_path)
    assert guest.expected == Expectation("6.1.176", ())
    assert b"reboot\n" in contents(guest)
    assert b"module" not in contents(guest)


def test_checks_are_asked_for_in_their_order_and_expected(modules: Path) -> None:
    guest = guest_of(modules, [OVERLAY, BLOCK])
    assert checks_of(guest) == ("overlay", "block", "module bridge.ko")
    lines = b"check overlay 10 - overlay\ncheck block 5 virtio_blk,loop block /dev/vda\nmodule"
    assert lines in contents(guest)
    assert guest.append == "one=1"
    assert guest.scratch
    assert not guest.network
    assert guest.skipped == ()


def test_a_check_that_needs_a_network_has_one(modules: Path) -> None:
    assert guest_of(modules, [replace(OVERLAY, needs=frozenset({"net"}))]).network
    elsewhere = replace(OVERLAY, needs=frozenset({"net", "vsock"}))  # which is skipped
    assert not guest_of(modules, [elsewhere]).network


def test_the_key_is_in_no_guest_but_in_each_of_its_boots(modules: Path) -> None:
    guest = guest_of(modules)
    assert guest.expected is not None and guest.expected.key == b""
    assert key_in(contents(guest)) == b""
    first, second = (guest.for_one_boot() for _ in range(2))
    archives = [root_of(one) or b"" for one in (first, second)]
    keys = [key_in(archive) for archive in archives]
    assert keys == [one.expected.key for one in (first, second) if one.expected]
    assert len(set(keys)) == 2
    assert all(archive.startswith(contents(guest)) for archive in archives)
    assert repr(keys[0]) not in repr(first)


def test_what_machine_or_kernel_cannot_run_is_skipped_with_a_reason(modules: Path) -> None:
    guest = guest_of(modules, [VSOCK, OLD])
    assert [(check.name, check.outcome, check.detail) for check in guest.skipped] == [
        ("vsock", Outcome.SKIPPED, "qemu microvm does not offer vsock"),
        ("netkit", Outcome.SKIPPED, "new in 6.7"),
    ]
    assert checks_of(guest) == ("module bridge.ko",)
    assert guest.append == ""
    assert not guest.scratch
    assert b"netkit" not in contents(guest)
    assert b"vsock" not in contents(guest)


def test_images_come_along_for_checks_that_name_them(modules: Path) -> None:
    run = ("image", "erofs", "/ingot/images/erofs", "file")
    with_image = guest_of(modules, [replace(OVERLAY, name="erofs", run=run)])
    assert b"ingot/images/erofs\0" in contents(with_image)
    assert b"ingot/images" not in contents(guest_of(modules, [OVERLAY]))


def test_an_image_that_nobody_makes_is_told_with_those_there_are(modules: Path) -> None:
    run = ("image", "ntfs", "/ingot/images/ntfs", "file")
    with pytest.raises(UserError, match="/ingot/images/ntfs") as caught:
        guest_of(modules, [replace(OVERLAY, run=run)])
    assert "erofs" in str(caught.value.hint)


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

    monkeypatch.setattr("ingot.builder.sandbox.run", gcc)
    assert compile_init(sandbox, arch("x86_64")) == b"ELF"
    assert seen[0] == "bwrap"
    assert "-static" in seen
    assert "x86_64-linux-gnu-gcc" in seen
    source = seen[seen.index("/inputs") - 1]
    assert {"/inputs/init/main.c", "/inputs/init/modprobe.c"} <= set(seen)
    assert (Path(source) / "init/main.c").is_file()
    assert "/ccache" not in seen


def test_the_init_that_measures_is_compiled_without_a_libc(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def gcc(argv: list[str]) -> Result:
        seen.extend(argv)
        (sandbox.build / "init").write_bytes(b"ELF")
        return Result(0, "")

    monkeypatch.setattr("ingot.builder.sandbox.run", gcc)
    assert compile_init(sandbox, arch("arm64"), "measure.c") == b"ELF"
    assert {"-nostdlib", "-ffreestanding", "/inputs/measure.c"} <= set(seen)
    given = Path(seen[seen.index("/inputs") - 1])
    included = re.findall(r'#include "(.+)"', (given / "measure.c").read_text())
    assert included
    assert all((given / name).is_file() for name in included)


def test_a_builder_with_clang_compiles_init_with_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def clang(argv: list[str]) -> Result:
        seen.extend(argv[argv.index("--") + 1 :])
        (sandbox.build / "init").write_bytes(b"ELF")
        return Result(0, "")

    monkeypatch.setattr("ingot.builder.sandbox.run", clang)
    llvm = replace(sandbox, builder=replace(sandbox.builder, llvm=True))
    assert compile_init(llvm, arch("arm64")) == b"ELF"
    assert seen[:3] == ["clang", "--target=aarch64-linux-gnu", "-fuse-ld=lld"]


def test_a_builder_that_cannot_compile_init_is_told_what_it_lacks(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gcc(argv: list[str]) -> Result:
        raise CommandFailedError(argv, 1, ["ld: cannot find -lc"])

    monkeypatch.setattr("ingot.builder.sandbox.run", gcc)
    with pytest.raises(MachineError) as caught:
        compile_init(sandbox, arch("arm64"))
    assert "cannot find -lc" in caught.value.why
    assert "aarch64-linux-gnu-gcc and a static libc" in caught.value.hint
