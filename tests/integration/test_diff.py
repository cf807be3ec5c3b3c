"""`ingot diff` on fake kernels: of a store, of a registry, and on what cannot be compared."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.boot.cost.boot_profile import PROFILE_TYPE, Phase, Profile
from ingot.images import BASE, BIN, KERNEL_IMAGES, read_facts, tags_for
from ingot.oci import Layout, read_image, write_artifact
from ingot.size_map import SizeMap
from tests.support.compared_images import foreign, old_images
from tests.support.houses import House
from tests.support.kernel_images import Kernel, make_kernel
from tests.support.registries import serve

SMALL = SizeMap({"": 4, "fs": 2 << 20, "net/core": 500}, {"net/veth.ko": 1000, "net/tun.ko": 700})
LARGE = SizeMap(
    {"": 4, "fs": 3 << 20, "net/core": 500, "net/sctp": 1 << 20},
    {"net/veth.ko": 900, **{f"fs/fs{number}.ko": 2048 + number for number in range(20)}},
)


def put(house: House, name: str, size_map: SizeMap, options: str = "") -> Kernel:
    """Put a kernel with that size map into the house's store, tagged `6.1.176-<name>`."""
    kernel = make_kernel(house.root, name, size_map=size_map)
    config = kernel.artifacts.config
    config.write_text(config.read_text() + options)
    kernel = dataclasses.replace(kernel, layout=house.layout)
    kernel.layout.tag(tags_for(kernel.write(), kernel.facts, f"6.1.176-{name}"))
    return kernel


@pytest.fixture
def two(house: House) -> House:
    """A store with a small kernel and a large one."""
    put(house, "small", SMALL)
    put(house, "large", LARGE, "".join(f"CONFIG_FS{number}=m\n" for number in range(20)))
    return house


@pytest.fixture
def served(two: House, tmp_path: Path) -> Iterator[str]:
    """A registry with both; yields its address."""
    with serve(tmp_path / "registry") as registry:
        for tag in ("small", "large"):
            for name in KERNEL_IMAGES:
                send(two.layout, f"{name}:6.1.176-{tag}", f"{registry.address}/x/{name}:{tag}")
        yield registry.address


def measure(layout: Layout, name: str, instructions: int, memory: int) -> str:
    """Keep a boot profile of the kernel of that name; returns its tag."""
    image = read_image(layout, layout.tags()[f"{BASE}:6.1.176-{name}"])
    facts = read_facts(image)
    assert facts is not None
    phases = (Phase("all", instructions),)
    profile = Profile("qemu microvm", "QEMU 7.2", "quiet", instructions, phases, (), memory)
    data = json.dumps(profile.to_json()).encode()
    tag = f"{BASE}:{facts.version}-{facts.recipe_key.short}-boot"
    layout.tag({tag: write_artifact(layout, PROFILE_TYPE, data, image.descriptor)})
    return tag


def send(layout: Layout, tag: str, reference: str) -> None:
    words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
    subprocess.run([*words, f"oci:{layout.root}:{tag}", f"docker://{reference}"], check=True)


def document(house: House, *words: str) -> dict[str, Any]:
    done = house.ingot("diff", *words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


# For people


def test_two_kernels_side_by_side(two: House) -> None:
    done = two.ingot("diff", "kernel-bin:6.1.176-small", "kernel-bin:6.1.176-large")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:2] == ["- kernel-bin:6.1.176-small", "+ kernel-bin:6.1.176-large"]
    assert "= version 6.1.176" in lines
    assert any(line.startswith("~ recipe ") and " -> " in line for line in lines)
    assert "kernel 2.0 MiB 4.0 MiB +2.0 MiB +100.0%" in lines
    assert "modules 1.7 KiB 41.1 KiB +39.4 KiB +2373.5%" in lines
    assert "kernel by source directory: 1 more, 1 resized" in lines
    assert "+ 1.0 MiB net/sctp" in lines
    assert "~ 2.0 MiB 3.0 MiB +1.0 MiB fs" in lines
    assert "modules: 20 more, 1 less, 1 resized" in lines
    assert "+ 2.0 KiB fs/fs19.ko" in lines
    assert "... and 7 more; --all shows them" in lines
    assert "config: 20 options differ: 20 more, 0 less, 0 changed" in lines
    assert "Not known of" not in done.stdout


def test_all_means_all(two: House) -> None:
    words = ("diff", "kernel-bin:6.1.176-small", "kernel-bin:6.1.176-large")
    short, whole = two.ingot(*words).stdout, two.ingot(*words, "--all").stdout
    assert "FS9" not in short
    for name in ("net/tun.ko", "net/veth.ko", *(f"fs/fs{n}.ko" for n in range(20)), "FS19", "FS0"):
        assert name in whole
    assert "--all" not in whole


def test_lines_fit_a_narrow_terminal(two: House) -> None:
    done = two.ingot("diff", "6.1.176-small", "6.1.176-large", "--all")
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80


def test_an_image_with_itself(two: House) -> None:
    done = two.ingot("diff", "kernel-bin:6.1.176-small", "kernel-bin:6.1.176-small")
    assert "The layers are identical." in done.stdout
    assert "~" not in done.stdout
    assert "differ" not in done.stdout


def test_names_that_would_move_the_cursor_do_not(two: House) -> None:
    hostile = b"CONFIG_[red]X=y\nCONFIG_Y=\x1b[2J\n"
    files = {"etc/\x1b[2Jx": b"1", "etc/[red]": b"1", "boot/config-1": hostile}
    foreign(two.layout, files, "foreign:1")
    foreign(two.layout, {"boot/config-2": b"CONFIG_Y=1\n"}, "foreign:2")
    done = two.ingot("diff", "foreign:1", "foreign:2")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "etc/\ufffdx" in done.stdout
    assert "etc/[red]" in done.stdout
    assert "[red]X" in done.stdout
    assert "\ufffd -> 1" in done.stdout


def test_what_booting_costs_is_compared_where_both_were_measured(two: House) -> None:
    words = ("diff", "kernel-bin:6.1.176-small", "6.1.176-large")
    measure(two.layout, "small", 100_000_000, 20 << 20)
    assert "instructions" not in two.ingot(*words).stdout
    measure(two.layout, "large", 150_000_000, 21 << 20)
    lines = [" ".join(line.split()) for line in two.ingot(*words).stdout.splitlines()]
    assert "= booted in qemu microvm, QEMU 7.2" in lines
    assert "memory, booted 20.0 MiB 21.0 MiB +1.0 MiB +5.0%" in lines
    assert "instructions to init 100.0 M 150.0 M +50.0 M +50.0%" in lines
    told = document(two, *words[1:])
    profile = told["a"]["profile"]
    assert (profile["machine"], profile["emulator"]) == ("qemu microvm", "QEMU 7.2")
    assert (profile["instructions"], profile["memory_used"]) == (100_000_000, 20 << 20)


# For scripts


def test_the_document_has_everything(two: House) -> None:
    told = document(two, "6.1.176-small", "kernel-bin:6.1.176-large")
    assert told["a"]["image"] == "flintlock-kernel:6.1.176-small"
    assert told["b"]["image"] == "kernel-bin:6.1.176-large"
    assert told["a"]["version"] == "6.1.176"
    assert told["a"]["recipe_key"] != told["b"]["recipe_key"]
    assert told["a"]["kernel_size"] == SMALL.kernel_size
    assert (told["b"]["module_count"], told["b"]["modules_size"]) == (21, LARGE.modules_size)
    assert sorted(told["directory_changes"], key=lambda one: one["name"]) == [
        {"name": "fs", "before": 2 << 20, "after": 3 << 20},
        {"name": "net/sctp", "before": None, "after": 1 << 20},
    ]
    lost = [one for one in told["module_changes"] if one["after"] is None]
    assert lost == [{"name": "net/tun.ko", "before": 700, "after": None}]
    assert sum(one["before"] is None for one in told["module_changes"]) == 20
    assert len(told["options"]) == 20
    assert told["options"][0] == {"option": "FS0", "before": "n", "after": "m", "menu": []}
    assert (told["file_changes"], told["identical"]) == (None, False)


def test_images_of_modules_are_compared_as_such(two: House) -> None:
    measure(two.layout, "small", 100_000_000, 20 << 20)
    names = ("kernel-modules:6.1.176-small", "kernel-modules:6.1.176-large")
    told = document(two, *names)
    for side in ("a", "b"):
        assert (told[side]["kernel_size"], told[side]["profile"]) == (None, None)
    assert told["directory_changes"] is None
    assert sum(one["before"] is None for one in told["module_changes"]) == 20
    lines = two.ingot("diff", *names).stdout.splitlines()
    assert not [line for line in lines if line.startswith(("kernel ", "Not known"))]
    mixed = two.ingot("diff", "kernel-bin:6.1.176-small", names[1]).stdout
    assert f"{names[1]} has no kernel to compare." in mixed


def test_what_is_not_told_is_null(two: House) -> None:
    foreign(two.layout, {"bin/sh": b"sh"})
    told = document(two, "6.1.176-small", "foreign:1")
    assert told["b"]["recipe_key"] is None
    assert (told["b"]["kernel_size"], told["b"]["module_count"]) == (None, None)
    assert told["directory_changes"] is told["module_changes"] is told["options"] is None
    assert told["a"]["platform"] != told["b"]["platform"]


# Kernels that were really built (by fake tools), and older ones


def test_a_kernel_before_and_after_an_option(house: House) -> None:
    first = house.build()
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    second = house.build()
    old, new = (f"kernel-bin:6.1.999-{built.recipe_key.short}" for built in (first, second))
    told = document(house, old, new)
    assert [option["option"] for option in told["options"]] == ["OTHER"]
    assert told["a"]["source_digest"] == told["b"]["source_digest"]
    assert told["module_changes"] == []
    assert told["b"]["kernel_size"] > told["a"]["kernel_size"]


def test_an_image_of_an_older_ingot_is_looked_into(two: House) -> None:
    kernel = dataclasses.replace(make_kernel(two.root, "older"), layout=two.layout)
    old_images(kernel)
    name = f"kernel-bin:6.1.176-{kernel.facts.recipe_key.short}"
    done = two.ingot("diff", name, "kernel-bin:6.1.176-small")
    assert "by source directory" not in done.stdout
    assert "net/tun.ko" in done.stdout
    assert f"Not known of {name}: size map of the kernel; an older Ingot made it." in done.stdout


# Registries


def test_a_registry_and_a_store(two: House, served: str) -> None:
    told = document(two, f"{served}/x/kernel-bin:small", "kernel-bin:6.1.176-small")
    assert told["identical"] is True
    assert {**told["a"], "image": ""} == {**told["b"], "image": ""}


def test_two_images_of_a_registry_need_no_catalog_and_no_layers(
    two: House, served: str, tmp_path: Path
) -> None:
    for blob in (tmp_path / "registry").rglob("data"):
        if blob.is_file() and blob.read_bytes()[:2] == b"\x1f\x8b":
            blob.unlink()
    (two.kernels / "kernels.toml").unlink()
    told = document(two, f"docker://{served}/x/{BIN}:small", f"{served}/x/flintlock-kernel:large")
    assert len([one for one in told["module_changes"] if one["before"] is None]) == 20
    assert told["b"]["image"] == f"{served}/x/flintlock-kernel:large"


def test_what_booting_costs_is_told_by_a_registry_too(
    two: House, served: str, tmp_path: Path
) -> None:
    for name in ("small", "large"):
        tag = measure(two.layout, name, 100_000_000, 20 << 20)
        send(two.layout, tag, f"{served}/x/{tag}")
        send(two.layout, tag.removesuffix("-boot"), f"{served}/x/{tag.removesuffix('-boot')}")
    told = document(two, f"{served}/x/kernel-bin:small", f"{served}/x/kernel-bin:large")
    assert told["a"]["profile"]["memory_used"] == 20 << 20
    assert told["a"]["profile"] == told["b"]["profile"]


def test_a_profile_of_another_image_is_not_this_ones(
    two: House, served: str, tmp_path: Path
) -> None:
    tag = measure(two.layout, "small", 100_000_000, 20 << 20)
    send(two.layout, tag, f"{served}/x/{tag}")
    send(two.layout, f"{BASE}:6.1.176-large", f"{served}/x/{tag.removesuffix('-boot')}")
    told = document(two, f"{served}/x/kernel-bin:small", f"{served}/x/kernel-bin:large")
    assert (told["a"]["profile"], told["b"]["profile"]) == (None, None)


def test_an_image_that_ingot_did_not_make_is_fetched_from_a_registry(
    two: House, served: str
) -> None:
    foreign(two.layout, {"boot/vmlinux": bytes(3000), "lib/modules/5.4/kernel/a.ko": bytes(10)})
    send(two.layout, "foreign:1", f"{served}/y:1")
    done = two.ingot("diff", f"{served}/y:1", f"{served}/x/kernel-bin:small", "--arch", "arm64")
    assert done.returncode == 0, done.stderr
    assert f"Not known of {served}/y:1: source and recipe, config," in done.stdout
    assert "Ingot did not make it" in done.stdout
    assert "modules: 2 more, 1 less" in done.stdout


# What cannot be compared


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("./vmlinux", "is not a file"),
        ("/etc/passwd", "ingot config diff"),
        ("nosuch", "has no image 'nosuch'"),
        ("kernel-bin:9.9", "has no image 'kernel-bin:9.9'"),
        ("boot:1", "is not an image"),
    ],
)
def test_what_is_no_image_is_said(two: House, name: str, says: str) -> None:
    (image,) = [d for tag, d in two.layout.tags().items() if tag == "kernel-bin:6.1.176-small"]
    two.layout.tag({"boot:1": write_artifact(two.layout, "application/x", b"{}", image)})
    for words in ((name, "6.1.176-small"), ("6.1.176-small", name)):
        done = two.ingot("diff", *words)
        assert done.returncode == 2, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def test_a_registrys_missing_image_is_said(two: House, served: str) -> None:
    done = two.ingot("diff", "6.1.176-small", f"{served}/x/kernel-bin:none")
    assert done.returncode == 2, done.stderr
    assert "there is no image" in done.stderr
