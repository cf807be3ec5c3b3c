"""What is said about two images that should be equal and are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.images import BASE, BIN
from ingot.oci import Image, Layout, read_image
from ingot.reproduction import find_differences
from tests.support.kernel_images import Kernel, make_kernel
from tests.support.object_files import Part, make_object


def images(kernel: Kernel, root: Path) -> tuple[Layout, dict[str, Image]]:
    """The images of a kernel in a store of their own."""
    own = replace(kernel, layout=Layout(root / "images"))
    return own.layout, {name: read_image(own.layout, each) for name, each in own.write().items()}


def differences(tmp_path: Path, image: str, change: str, data: bytes | None) -> list[str]:
    """How an image differs after a file of its kernel was changed, or removed if None."""
    kernel = make_kernel(tmp_path)
    first = images(kernel, tmp_path / "first")
    path = kernel.artifacts.modules / change if "/" in change else kernel.artifacts.kernel
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    other = images(kernel, tmp_path / "other")
    found = find_differences(first[0], first[1][image], other[0], other[1][image])
    return [str(each) for each in found]


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, BIN, "kernel", b"kernel of another")
    assert found == ["kernel: boot/vmlinux: differs from byte 10 on (16 and 17 bytes)"]


def test_a_missing_and_a_new_file_are_found(tmp_path: Path) -> None:
    found = differences(tmp_path, BASE, "kernel/net/veth.ko", None)
    assert found == ["modules: lib/modules/6.1.176/kernel/net/veth.ko: only in the original"]
    (tmp_path / "new").mkdir()
    found = differences(tmp_path / "new", BASE, "kernel/net/new.ko", b"new")
    assert found == ["modules: lib/modules/6.1.176/kernel/net/new.ko: only in the rebuilt image"]


def test_other_labels_are_found(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    first = images(kernel, tmp_path / "first")
    facts = replace(kernel.facts, command_line="quiet")
    other = images(replace(kernel, facts=facts), tmp_path / "other")
    found = find_differences(first[0], first[1][BIN], other[0], other[1][BIN])
    assert [str(each) for each in found] == ["manifest: its labels or annotations differ"]


def test_another_time_of_files_is_found(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    first = images(kernel, tmp_path / "first")
    later = replace(kernel, artifacts=replace(kernel.artifacts, epoch=90_000))
    other = images(later, tmp_path / "other")
    found = find_differences(first[0], first[1][BIN], other[0], other[1][BIN])
    assert "kernel: boot/vmlinux: its mtime differs" in [str(each) for each in found]


def test_sections_of_elf_files_are_named(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    text, data = Part(".text", b"same"), Part(".data", b"before")
    kernel.artifacts.kernel.write_bytes(make_object([text, data]))
    first = images(kernel, tmp_path / "first")
    kernel.artifacts.kernel.write_bytes(make_object([text, replace(data, data=b"behind")]))
    other = images(kernel, tmp_path / "other")
    found = find_differences(first[0], first[1][BIN], other[0], other[1][BIN])
    assert [str(each) for each in found] == ["kernel: boot/vmlinux: the sections .data differ"]


def test_damaged_elf_files_differ_in_their_headers(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    kernel.artifacts.kernel.write_bytes(b"\x7fELF" + bytes(100))
    first = images(kernel, tmp_path / "first")
    kernel.artifacts.kernel.write_bytes(b"\x7fELF" + bytes(101))
    other = images(kernel, tmp_path / "other")
    found = find_differences(first[0], first[1][BIN], other[0], other[1][BIN])
    assert [str(each) for each in found] == ["kernel: boot/vmlinux: its headers differ"]
