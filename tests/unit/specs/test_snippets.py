"""What snippets say, held against what platforms take; and that they say it whatever is in them."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ingot.arch import arch
from ingot.catalog import Kernel
from ingot.errors import UserError
from ingot.root_file_systems import root_named
from ingot.specs import PLATFORMS, TargetPlatform, make_spec, platform_named
from tests.support import platform_shapes as facts
from tests.support.platform_shapes import Shape, faults
from tests.support.spec_kernels import kernels, subject

Document = Any
"""What JSON or YAML held."""

LEGACY = tuple(platform.legacy for platform in PLATFORMS if platform.legacy)
ROWS = (*PLATFORMS, *LEGACY)
SHAPES: dict[str, Shape] = {
    "Flintlock": facts.FLINTLOCK,
    "Flintlock before 0.5.0": facts.FLINTLOCK_BEFORE_0_5,
    "CAPMVM": facts.CAPMVM,
    "CAPMVM before 0.8.0": facts.CAPMVM_BEFORE_0_8,
    "Firecracker": facts.FIRECRACKER,
    "crun with libkrun": facts.KRUN,
    "libvirt": facts.LIBVIRT,
}
DOCUMENTS = tuple(row for row in ROWS if row.title in SHAPES)

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


def row_id(row: TargetPlatform) -> str:
    return row.title


def read(row: TargetPlatform, text: str) -> Document:
    if row.template.endswith(".xml"):
        return element(ElementTree.fromstring(text))
    return json.loads(text) if row.template.endswith(".json") else YAML(typ="safe").load(text)


def element(found: ElementTree.Element) -> Document:
    """An element of XML as an object: attributes, elements by name, text."""
    made: dict[str, Any] = dict(found.attrib)
    for inner in found:
        made.setdefault(inner.tag, []).append(element(inner))
    return made | ({"#text": found.text} if found.text and found.text.strip() else {})


def document(row: TargetPlatform, kernel: str | Kernel, **more: str) -> Document:
    return read(row, make_spec(row, subject(kernel, **more)).snippet)


def command(text: str) -> list[str]:
    """The words that a shell makes of a command, whatever program it names."""
    name = shlex.split(text)[0]
    script = f"{name}() {{ printf '%s\\0' \"$@\"; }}\n{text}"
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


# Every kernel of the catalog, on every platform


def test_rows_and_shapes_belong_together() -> None:
    assert set(SHAPES) == {row.title for row in ROWS if not row.template.endswith(".sh")}
    assert len({row.name for row in PLATFORMS}) == len(PLATFORMS)
    assert all(row.legacy is None or row.legacy.name == row.name for row in PLATFORMS)


@pytest.mark.parametrize("row", DOCUMENTS, ids=row_id)
@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: kernel.tag)
def test_documents_are_of_the_platforms_form(row: TargetPlatform, kernel: Kernel) -> None:
    assert list(faults(document(row, kernel), SHAPES[row.title])) == []


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: kernel.tag)
def test_commands_are_of_the_programs_form(kernel: Kernel) -> None:
    words = command(make_spec(platform_named("cloud-hypervisor"), subject(kernel)).snippet)
    assert list(option_faults(words)) == []


@pytest.mark.parametrize(("name", "options"), [("vfkit", facts.VFKIT), ("crosvm", facts.CROSVM)])
def test_commands_have_the_options_of_the_program(name: str, options: frozenset[str]) -> None:
    words = command(make_spec(platform_named(name), subject("6.18-desktop-arm64")).snippet)
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("row", [row for row in ROWS if row.template.endswith(".sh")], ids=row_id)
def test_scripts_are_read_by_a_shell(row: TargetPlatform) -> None:
    for kernel in (one for one in kernels() if not row.consoles or one.arch.name in row.consoles):
        snippet = make_spec(row, subject(kernel)).snippet
        subprocess.run(["sh", "-n"], input=snippet, text=True, check=True)


def option_faults(words: list[str]) -> Iterator[str]:
    for option, value in zip(words[::2], words[1::2], strict=True):
        known = facts.CLOUD_HYPERVISOR.get(option)
        if known is None:
            yield f"there is no option {option}"
        elif known:
            yield from (
                f"{option} does not take {part}"
                for part in value.split(",")
                if part not in known and f"{part.partition('=')[0]}=" not in known
            )


def test_ctr_is_given_the_flags_it_has() -> None:
    for line in make_spec(platform_named("containerd"), subject("6.1")).snippet.splitlines():
        program, *words = shlex.split(line)
        if program == "ctr":
            assert words[0] == "images"
            flags = [word for word in words[2:] if word.startswith("-")]
            assert set(flags) <= set(facts.CTR_IMAGES[words[1]]), line


# These checks check something


def changes(value: Document) -> Iterator[tuple[str, Document]]:
    """The document with one name misspelt, or one value of another type, each in its turn."""
    for place, _ in walk(value):
        *where, last = place
        misspelt = copy.deepcopy(value)
        home = reach(misspelt, where)
        if isinstance(home, dict):
            home[f"{last}x"] = home.pop(last)
            yield f"{place} misspelt", misspelt
        retyped = copy.deepcopy(value)
        reach(retyped, where)[last] = {"no": [1.5]}
        yield f"{place} of another type", retyped


def walk(value: Document, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for name, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, name), one
        if isinstance(one, dict | list):
            yield from walk(one, (*place, name))


def reach(value: Document, place: list[Any]) -> Document:
    for name in place:
        value = value[name]
    return value


FREE = {"cmdline", "kernelCmdline"}
"""Whose names are the kernel's own parameters: none of them is known to a platform."""


@pytest.mark.parametrize("row", DOCUMENTS, ids=row_id)
def test_a_misspelt_or_mistyped_field_is_found(row: TargetPlatform) -> None:
    right = document(row, "6.1")
    seen = 0
    for what, wrong in changes(right):
        if "misspelt" in what and any(f"'{name}', " in what for name in FREE):
            continue
        assert list(faults(wrong, SHAPES[row.title])), what
        seen += 1
    assert seen > 8


def test_an_unknown_option_is_found() -> None:
    assert list(option_faults(["--kernal", "x"]))
    assert list(option_faults(["--disk", "path=x,image_typ=raw"]))
    assert list(option_faults(["--serial", "ttyS0"]))


@pytest.mark.parametrize(
    ("name", "field"), [("flintlock", "mount_point"), ("capmvm", "mountPoint")]
)
def test_what_new_releases_take_old_ones_would_not(name: str, field: str) -> None:
    old = platform_named(name, legacy=True)
    found = list(faults(document(platform_named(name), "6.1"), SHAPES[old.title]))
    assert found
    assert all(f"there is no field {field}" in one for one in found)


# What is said


def test_flintlock_is_given_kernel_and_modules() -> None:
    machine = document(platform_named("flintlock"), "6.1-minimal")["microvm"]
    assert machine["kernel"] == {
        "image": "docker.io/foobar/kernel-bin:6.1.176-minimal",
        "filename": "boot/vmlinux",
        "cmdline": {"quiet": "", "swiotlb": "noforce"},
        "add_network_config": True,
    }
    (volume,) = machine["additional_volumes"]
    assert volume["mount_point"] == "/lib/modules/6.1.176"
    assert volume["source"] == {
        "container_source": "docker.io/foobar/kernel-modules:6.1.176-minimal"
    }


def test_capmvm_is_given_the_same() -> None:
    machine = document(platform_named("capmvm"), "6.12-arm64")["spec"]["template"]["spec"]
    assert machine["kernel"]["image"] == "docker.io/foobar/kernel-bin:6.12.107"
    assert machine["kernelCmdline"] == {"quiet": "", "swiotlb": "noforce"}
    (volume,) = machine["volumes"]
    assert volume["image"] == "docker.io/foobar/kernel-modules:6.12.107"
    assert volume["mountPoint"] == "/lib/modules/6.12.107"


def test_before_volumes_there_was_one_image() -> None:
    request = document(platform_named("flintlock", legacy=True), "5.10")["microvm"]
    template = document(platform_named("capmvm", legacy=True), "5.10")["spec"]["template"]["spec"]
    image = "docker.io/foobar/flintlock-kernel:5.10.262"
    assert request["kernel"]["image"] == template["kernel"]["image"] == image
    assert "additional_volumes" not in request
    assert "volumes" not in template


def test_a_mount_path_has_the_release() -> None:
    machine = document(platform_named("flintlock"), "6.1", release="6.1.176-mine+")["microvm"]
    assert machine["additional_volumes"][0]["mount_point"] == "/lib/modules/6.1.176-mine+"


@pytest.mark.parametrize(
    ("platform", "kernel", "line"),
    [
        (
            "firecracker",
            "6.1",
            "console=ttyS0 reboot=k panic=1 quiet i8042.noaux i8042.nomux i8042.dumbkbd"
            " swiotlb=noforce",
        ),
        ("firecracker", "6.1-arm64", "console=ttyS0 panic=1 quiet swiotlb=noforce"),
        (
            "cloud-hypervisor",
            "6.1-arm64",
            "console=ttyAMA0 panic=1 quiet swiotlb=noforce root=/dev/vda rw",
        ),
    ],
)
def test_the_command_line_is_on_the_platforms_console(
    platform: str, kernel: str, line: str
) -> None:
    row = platform_named(platform)
    assert line in make_spec(row, subject(kernel)).snippet
    other = make_spec(row, subject(kernel, command_line="console=hvc9 quiet console=tty0")).snippet
    assert "hvc9" not in other
    assert "tty0" not in other
    assert other.count("console=") == 1


def test_firecracker_looks_where_export_puts_the_kernel() -> None:
    config = document(platform_named("firecracker"), "6.1")
    assert config["boot-source"]["kernel_image_path"] == "kernel/boot/vmlinux"
    assert config["drives"][0]["path_on_host"] == "REPLACE-ME.ext4"


def test_parameters_of_the_platforms_own_are_left_to_it() -> None:
    line = 'console=hvc0 root=/dev/vda pci=off swiotlb=noforce debug dyndbg="file a.c +p" x='
    machine = document(platform_named("flintlock"), "6.1", command_line=line)["microvm"]
    assert machine["kernel"]["cmdline"] == {
        "swiotlb": "noforce",
        "debug": "",
        "dyndbg": '"file a.c +p"',
        "x": "",
    }


def test_an_arch_without_a_known_console_is_told() -> None:
    known = subject("6.1")
    strange = dataclasses.replace(arch("x86_64"), name="riscv64")
    wrong = dataclasses.replace(known, kernel=dataclasses.replace(known.kernel, arch=strange))
    with pytest.raises(UserError, match="console that Firecracker has on riscv64"):
        make_spec(platform_named("firecracker"), wrong)
    assert make_spec(platform_named("flintlock"), wrong)


@given(printable)
def test_whatever_a_command_line_is_it_is_quoted(line: str) -> None:
    made = subject("6.1", command_line=line)
    wanted = make_spec(platform_named("firecracker"), made).snippet
    boot_args = json.loads(wanted)["boot-source"]["boot_args"]
    words = command(make_spec(platform_named("cloud-hypervisor"), made).snippet)
    assert words[3] == f"{boot_args} root=/dev/vda rw"
    assert boot_args.split()[0] == "console=ttyS0"


# What is told beside it


def test_a_vmm_that_the_kernel_is_not_made_for_is_told() -> None:
    (warning,) = make_spec(platform_named("cloud-hypervisor"), subject("4.19")).warnings
    assert "4.19.325" in warning
    assert "cloud-hypervisor on x86_64" in warning
    assert not make_spec(platform_named("cloud-hypervisor"), subject("4.19-arm64")).warnings
    assert not make_spec(platform_named("containerd"), subject("4.19")).warnings


def test_of_two_vmms_the_one_that_boots_it_is_told() -> None:
    (warning,) = make_spec(platform_named("flintlock"), subject("4.19")).warnings
    assert warning.endswith("use it with firecracker")
    assert not make_spec(platform_named("flintlock", legacy=True), subject("4.19")).warnings


def test_an_experimental_arch_is_told() -> None:
    made = subject("6.1")
    tried = dataclasses.replace(made.kernel, experimental=("firecracker",))
    (warning,) = make_spec(
        platform_named("firecracker"), dataclasses.replace(made, kernel=tried)
    ).warnings
    assert warning == "support for x86_64 is experimental in firecracker"


def test_support_is_told_with_its_release() -> None:
    notes = make_spec(platform_named("firecracker"), subject("6.1")).notes
    end = "guaranteed until 2026-09-02"
    assert f"firecracker supports guests of 6.1 since 1.9.0, {end}" in notes
    without = make_spec(platform_named("firecracker"), subject("6.12")).notes
    assert not any("supports" in note for note in without)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_notes_and_steps_are_filled_in(row: TargetPlatform) -> None:
    made = make_spec(row, subject("6.12-minimal-arm64"))
    for text in (*made.notes, *made.steps):
        assert "{" not in text
        assert "None" not in text
    assert made.steps


# Names


def test_unknown_platforms_are_told_of_the_known() -> None:
    with pytest.raises(UserError) as caught:
        platform_named("firecraker")
    assert "flintlock, capmvm, firecracker, cloud-hypervisor, containerd" in caught.value.why
    assert caught.value.hint == "did you mean firecracker?"


@pytest.mark.parametrize("name", ["firecracker", "cloud-hypervisor", "containerd"])
def test_legacy_does_not_apply_to_the_others(name: str) -> None:
    with pytest.raises(UserError, match="does not apply") as caught:
        platform_named(name, legacy=True)
    assert "Flintlock before 0.5.0 and CAPMVM before 0.8.0" in caught.value.why


# Support that ends on a day


@pytest.mark.parametrize(
    ("name", "day", "warning"),
    [
        ("6.1", "2026-09-02", ""),
        (
            "6.1",
            "2026-09-03",
            "the support of firecracker for guests of 6.1 was guaranteed until 2026-09-02;"
            " it supports 6.18",
        ),
        ("6.18", "2028-06-01", ""),
        (
            "6.18",
            "2028-06-02",
            "the support of firecracker for guests of 6.18 was guaranteed until 2028-06-01",
        ),
        ("5.10", "2027-01-01", "5.10 has got no fixes since 2026-12-31: use a newer series"),
        ("6.12", "2026-12-01", ""),
    ],
)
def test_the_day_decides_which_support_is_over(name: str, day: str, warning: str) -> None:
    today = datetime.date.fromisoformat(day)
    made = make_spec(platform_named("firecracker"), subject(name), today, kernels())
    assert made.warnings[:1] == ((warning,) if warning else ())
    assert make_spec(platform_named("firecracker"), subject(name)).warnings == ()


def test_a_root_of_another_file_system() -> None:
    erofs = root_named("erofs")
    one = dataclasses.replace(
        subject("6.1"), options={"VIRTIO_BLK": "y", "EXT4_FS": "y", "EROFS_FS": "y"}
    )
    made = make_spec(platform_named("firecracker"), one, root=erofs)
    document = json.loads(made.snippet)
    assert document["drives"][0]["path_on_host"].endswith(".erofs")
    assert document["drives"][0]["is_read_only"] is True
    assert document["boot-source"]["boot_args"].endswith(" rootfstype=erofs")
    assert "a root without an initramfs can be of ext4 or erofs" in made.notes
    assert any(".erofs by a root file system" in step for step in made.steps)
    snippet = make_spec(platform_named("cloud-hypervisor"), one, root=erofs).snippet
    assert " root=/dev/vda ro rootfstype=erofs" in snippet
    assert ".erofs,image_type=raw,readonly=on" in snippet
    with pytest.raises(UserError, match="cannot mount a root of squashfs"):
        make_spec(platform_named("firecracker"), one, root=root_named("squashfs"))
    with pytest.raises(UserError, match="--rootfs does not apply to Flintlock"):
        make_spec(platform_named("flintlock"), one, root=erofs)
