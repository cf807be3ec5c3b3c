"""What an unpacked image is made of is looked at where it is, wherever its links lead."""

from __future__ import annotations

import gzip
import lzma
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from ingot.boot.guest import guest_plan
from ingot.boot.guest.guest_contents import choose_module, make_guest, read_dependencies
from ingot.boot.guest.root_disks import make_disk
from ingot.boot.guest.root_tree import find_init, pack
from ingot.boot.vmm.machines import Machine
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import IngotError, UserError
from ingot.images import KernelLabels
from ingot.lab.boot_target import BootTarget, prepared_target
from ingot.oci import (
    Image,
    LayerEntry,
    Platform,
    file_entry,
    link_entry,
    read_image,
    write_image,
    write_layer,
)
from ingot.process import Result
from ingot.progress import Silent
from tests.support.digests import digest
from tests.support.initramfs_entries import listed
from tests.support.shops import Shop, open_shop

RELEASE = "6.1.9"
HOME = f"lib/modules/{RELEASE}"
FACTS = KernelLabels(
    version="6.1.9",
    release=RELEASE,
    arch="x86_64",
    recipe_key=digest("recipe"),
    config_digest=digest("config"),
    source_digest=digest("source"),
    builder_digest=digest("builder"),
    command_line="quiet",
)
BUILDER = Builder("test", digest("builder"))
KERNEL = file_entry("boot/vmlinux", b"a kernel")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that looks like what an image should have; it stays as it is."""
    directory = tmp_path / "outside"
    modules = directory / HOME
    modules.mkdir(parents=True)
    (directory / "vmlinux").write_text("a secret of the host")
    for place in (directory, modules, directory / "lib/modules"):
        (place / "secret.ko").write_text("a secret of the host")
        (place / "modules.dep").write_text("secret.ko:\n")
    before = {str(path): path.lstat() for path in directory.rglob("*")}
    yield directory
    assert {str(path): path.lstat().st_mtime for path in directory.rglob("*")} == {
        name: status.st_mtime for name, status in before.items()
    }


def image_of(shop: Shop, *entries: LayerEntry) -> Image:
    layer = write_layer(shop.layout, entries, 1)
    labels = FACTS.labels()
    made = write_image(shop.layout, [layer], Platform("linux", "amd64"), labels, labels, 1)
    return read_image(shop.layout, made)


def lay_out(shop: Shop, image: Image) -> BootTarget:
    with prepared_target(shop.setting.project, image, BUILDER, Silent()) as subject:
        return subject


def test_the_kernel_and_its_modules_are_where_no_sandbox_sees_them(shop: Shop) -> None:
    image = image_of(shop, KERNEL, file_entry(f"{HOME}/x.ko", b"X"))
    with prepared_target(shop.setting.project, image, BUILDER, Silent()) as subject:
        assert subject.kernel.read_bytes() == b"a kernel"
        assert guest_plan.read_modules(subject.modules) == {"x.ko": b"X"}
        seen = (subject.sandbox.build, subject.sandbox.source)
        for path in (subject.kernel, subject.modules, subject.directory):
            assert not any(path.is_relative_to(directory) for directory in seen)


def test_an_image_without_modules_has_none(shop: Shop) -> None:
    with prepared_target(
        shop.setting.project, image_of(shop, KERNEL), BUILDER, Silent()
    ) as subject:
        assert not subject.modules.exists()
        assert guest_plan.read_modules(subject.modules) == {}


@pytest.mark.parametrize("up", ["{outside}", "../../../../../../../../../..{outside}"])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("lib", "{up}/lib"),
        ("lib/modules", "{up}/lib/modules"),
        (HOME, f"{{up}}/{HOME}"),
        ("lib", "/"),
        ("boot/vmlinux", "{up}/vmlinux"),
        ("boot", "{up}"),
    ],
)
def test_links_to_the_host_are_refused(
    shop: Shop, outside: Path, name: str, target: str, up: str
) -> None:
    leads = target.format(up=up.format(outside=outside))
    entries = [] if name.startswith("boot") else [KERNEL]
    with pytest.raises(IngotError, match=r"it is a link|is not a directory"):
        lay_out(shop, image_of(shop, *entries, link_entry(name, leads)))


@pytest.mark.parametrize("name", ["lib", "lib/modules", HOME])
def test_a_file_in_the_place_of_a_directory_is_refused(shop: Shop, name: str) -> None:
    with pytest.raises(IngotError, match=r"not a directory|no directory"):
        lay_out(shop, image_of(shop, KERNEL, file_entry(name, b"x")))


def test_an_image_without_a_kernel_is_refused(shop: Shop) -> None:
    with pytest.raises(UserError, match="has no boot/vmlinux"):
        lay_out(shop, image_of(shop, file_entry("boot/other", b"x")))


# What a guest is given


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    directory = tmp_path / "modules"
    (directory / "kernel").mkdir(parents=True)
    (directory / "kernel/veth.ko").write_bytes(b"VETH")
    (directory / "modules.dep").write_text("kernel/veth.ko:\n")
    return directory


MACHINE = Machine(
    name="qemu microvm",
    vmm="qemu",
    arch="x86_64",
    represents=("qemu",),
    offers=frozenset(),
    append="",
    shutdown="reboot",
)


def test_links_and_pipes_among_modules_are_left_out(modules: Path, outside: Path) -> None:
    (modules / "updates").symlink_to(outside)
    (modules / "kernel/secret.ko").symlink_to(outside / "secret.ko")
    (modules / "modules.alias").symlink_to(outside / "secret.ko")
    os.mkfifo(modules / "kernel/pipe.ko")
    os.mkfifo(modules / "modules.builtin")
    assert set(guest_plan.read_modules(modules)) == {"kernel/veth.ko", "modules.dep"}
    guest = make_guest(Path("/k"), modules, RELEASE, b"INIT", MACHINE)
    assert guest.initramfs is not None
    assert b"a secret" not in guest.initramfs


def test_a_list_of_modules_that_is_a_link_is_not_one(modules: Path, outside: Path) -> None:
    (modules / "modules.dep").unlink()
    (modules / "modules.dep").symlink_to(outside / "modules.dep")
    with pytest.raises(UserError, match=r"no modules\.dep"):
        read_dependencies(modules)


@pytest.mark.parametrize(
    "line",
    [
        "../../../etc/shadow:",
        "../../../etc/shadow.ko: kernel/veth.ko",
        "/etc/shadow.ko:",
        "kernel/../../x.ko:",
        "kernel/a b.ko:",
        ".ko:",
        "kernel/.ko:",
        "kernel/x.ko\tmodule evil.ko:",
        "[/x].ko:",
        "\x1b[2J.ko:",
        "x" * 5000,
        "\udcff.ko:",
    ],
)
def test_names_in_a_list_that_no_module_has_are_left_out(modules: Path, line: str) -> None:
    (modules / "modules.dep").write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    assert read_dependencies(modules) == {}
    assert choose_module(read_dependencies(modules)) == ""


def test_needs_that_lead_out_are_left_out(modules: Path) -> None:
    (modules / "modules.dep").write_text("kernel/veth.ko: ../../../etc/shadow.ko kernel/b.ko\n")
    assert read_dependencies(modules) == {"kernel/veth.ko": ("kernel/b.ko",)}


@pytest.mark.parametrize(
    ("limit", "value"), [("_LIST_BYTES", 5), ("_MODULES_BYTES", 3), ("_MOST_FILES", 2)]
)
def test_modules_have_so_many_bytes_and_no_more(
    modules: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(guest_plan, limit, value)
    with pytest.raises(IngotError):
        guest_plan.read_modules(modules)


@pytest.mark.parametrize(
    ("ending", "compress"),
    [("gz", gzip.compress), ("xz", lzma.compress), ("zst", zstandard.compress)],
)
def test_compressed_modules_reach_the_guest_decompressed(
    modules: Path, ending: str, compress: Callable[[bytes], bytes]
) -> None:
    (modules / "kernel/veth.ko").unlink()
    (modules / f"kernel/veth.ko.{ending}").write_bytes(compress(b"VETH" * 100))
    (modules / "modules.dep").write_text(f"kernel/veth.ko.{ending}: kernel/b.ko.{ending}\n")
    found = guest_plan.read_modules(modules)
    assert found == {
        "kernel/veth.ko": b"VETH" * 100,
        "modules.dep": b"kernel/veth.ko: kernel/b.ko\n",
    }
    assert choose_module(read_dependencies(modules)) == "veth.ko"


def test_a_module_that_is_not_compressed_as_its_name_says(modules: Path) -> None:
    (modules / "kernel/b.ko.xz").write_bytes(gzip.compress(b"B"))
    with pytest.raises(UserError, match=r"b\.ko\.xz cannot be decompressed"):
        guest_plan.read_modules(modules)


def test_a_bomb_among_modules_is_refused(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_plan, "_MODULES_BYTES", 100_000)
    (modules / "kernel/b.ko.zst").write_bytes(zstandard.compress(bytes(1 << 20)))
    with pytest.raises(UserError, match="more than"):
        guest_plan.read_modules(modules)


def test_a_huge_file_with_no_content_is_not_read(modules: Path) -> None:
    with (modules / "kernel/huge.ko").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(IngotError, match="more than"):
        guest_plan.read_modules(modules)


@pytest.mark.parametrize("name", ["root.files", "root.files/lib", f"root.files/{HOME}"])
def test_a_disk_is_not_made_through_a_link_that_a_sandbox_left(
    tmp_path: Path, outside: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is made of lies where the sandbox can write nothing."""
    sandbox = Sandbox.below(tmp_path / "work", BUILDER)
    (sandbox.build / name).parent.mkdir(parents=True, exist_ok=True)
    (sandbox.build / name).symlink_to(outside)

    def mke2fs(argv: list[str]) -> Result:
        (sandbox.build / "root.ext4").touch()
        return Result(0, "")

    monkeypatch.setattr("ingot.builder.sandbox.run", mke2fs)
    before = sorted(outside.rglob("*"))
    make_disk(sandbox, "root", {f"/{HOME}/secret.ko": b"X"}, ["/dev"])
    assert sorted(outside.rglob("*")) == before
    assert (sandbox.inputs / "root.files").exists() is False


# Somebody's root


@pytest.mark.parametrize(
    ("name", "target", "place"),
    [
        ("lib", "usr/lib", f"usr/{HOME}"),
        ("lib", "/usr/lib", f"usr/{HOME}"),
        ("lib", "/", f"modules/{RELEASE}"),
        ("lib", "{outside}", "{inside}/modules/6.1.9"),
        ("lib", "../../../..{outside}", "{inside}/modules/6.1.9"),
        ("lib/modules", "{outside}", "{inside}/6.1.9"),
        (HOME, "{outside}", "{inside}"),
        (HOME, "../../../../../../..{outside}", "{inside}"),
        ("lib", "lib", HOME),
        ("lib", "x" * 300, HOME),
    ],
)
def test_modules_are_laid_where_links_lead_inside_the_root(
    tmp_path: Path, modules: Path, outside: Path, name: str, target: str, place: str
) -> None:
    root = tmp_path / "root"
    (root / name).parent.mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / name).symlink_to(target.format(outside=outside))
    archive = pack(root, (modules, f"/{HOME}"))
    where = place.format(inside=str(outside).lstrip("/"))
    assert listed(archive, tmp_path)[f"{where}/kernel/veth.ko"].startswith("-")
    assert b"a secret" not in archive


def test_a_root_of_links_to_the_host_gives_nothing_of_it(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "root"
    (root / "sbin").mkdir(parents=True)
    (root / "etc").symlink_to(outside)
    (root / "sbin/init").symlink_to(outside / "vmlinux")
    os.mkfifo(root / "bin")
    with pytest.raises(UserError, match="has no init"):
        find_init(root)
    assert b"a secret" not in pack(root)


def test_a_root_as_deep_as_images_may_be_is_packed(tmp_path: Path) -> None:
    deep = tmp_path / "root" / "/".join("d" * 150)
    deep.mkdir(parents=True)
    (deep / "file").write_text("found")
    assert b"found" in pack(tmp_path / "root")


def test_a_root_has_so_many_bytes_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with (root / "hole").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="too large for the root"):
        pack(root)
    monkeypatch.setattr("ingot.boot.guest.root_tree.ROOT_BYTES", 2000)
    (root / "hole").unlink()
    for number in range(3):
        (root / str(number)).write_bytes(bytes(900))
    with pytest.raises(UserError, match="too large for the root"):
        pack(root)
