"""From a real source to a booted kernel in images that other tools can use."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.images import KERNEL_IMAGES, read_size_map
from ingot.oci import Layout, list_files, read_image, validate_layout
from tests.support.labs import VERSION, Lab
from tests.support.registries import serve

pytestmark = pytest.mark.e2e

Built = dict[str, object]


def digests(built: Built) -> dict[str, str]:
    images = built["images"]
    assert isinstance(images, list)
    return {image["image"]: image["digest"] for image in images}


def labels(lab: Lab, image: str) -> dict[str, str]:
    """What skopeo, not Ingot, reads from the store."""
    words = ["skopeo", "inspect", f"oci:{lab.store}:{image}:{VERSION}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["Labels"]
    assert isinstance(found, dict)
    return found


def files(lab: Lab, image: str) -> dict[str, str | None]:
    done = lab.ingot("inspect", f"{image}:{VERSION}", "--files", "--json")
    document = json.loads(done.stdout)
    return {
        file["name"]: file["target"] for file in document["files"] if file["kind"] != "directory"
    }


def test_boots_before_it_is_tagged(lab: Lab, built: Built) -> None:
    assert built["boot"] == {"verdict": "passed", "machine": "qemu microvm"}
    assert set(digests(built)) == {f"{name}:{VERSION}" for name in KERNEL_IMAGES}
    assert not list(validate_layout(Layout(lab.store)))


def test_skopeo_reads_the_labels_that_pair_the_images(lab: Lab, built: Built) -> None:
    for image in KERNEL_IMAGES:
        found = labels(lab, image)
        assert found["dev.ingot.release"] == VERSION
        assert found["dev.ingot.recipe-key"] == built["recipe_key"]
        assert found["dev.ingot.filename"] == "boot/vmlinux"
        assert found["dev.ingot.mount-path"] == f"/lib/modules/{VERSION}"


def test_each_image_holds_what_it_promises(lab: Lab, built: Built) -> None:
    modules = f"lib/modules/{VERSION}/"
    assert set(files(lab, "kernel-bin")) == {"boot/vmlinux"}
    base = set(files(lab, "flintlock-kernel"))
    assert {name for name in base if not name.startswith(modules)} == {
        "boot/vmlinux",
        f"boot/config-{VERSION}",
    }
    assert f"{modules}kernel/lib/crc-ccitt.ko" in base
    assert not {f"{modules}build", f"{modules}source"} & base
    of_modules = files(lab, "kernel-modules")
    assert {name for name, target in of_modules.items() if target is None} == {
        name for name in base if name.startswith(modules)
    }
    assert of_modules["modules.dep"] == f"{modules}modules.dep"


def test_where_the_kernels_bytes_go_is_told(lab: Lab, built: Built) -> None:
    layout = Layout(lab.store)
    image = read_image(layout, layout.tags()[f"flintlock-kernel:{VERSION}"])
    size_map = read_size_map(image.annotations)
    assert size_map is not None
    sizes = {info.name: info.size for info in list_files(layout, image)}
    assert size_map.kernel_size == sizes["boot/vmlinux"]
    # what no directory has is mostly alignment: x86_64 keeps its parts on pages of 2 MiB
    assert size_map.kernel[""] < 0.6 * size_map.kernel_size
    assert {"mm", "fs/proc", "arch/x86/kernel", "drivers/tty/serial/8250"} < set(size_map.kernel)
    assert (
        size_map.modules["lib/crc-ccitt.ko"]
        == sizes[f"lib/modules/{VERSION}/kernel/lib/crc-ccitt.ko"]
    )


def test_layers_are_shared(lab: Lab, built: Built) -> None:
    def layers(image: str) -> list[str]:
        document = json.loads(lab.ingot("inspect", f"{image}:{VERSION}", "--json").stdout)
        return [layer["digest"] for layer in document["layers"]]

    base = layers("flintlock-kernel")
    assert layers("kernel-bin") == base[:1]
    assert layers("kernel-modules")[0] == base[2]


def test_exported_kernel_is_an_elf_for_x86_64(lab: Lab, built: Built, tmp_path: Path) -> None:
    target = tmp_path / "files"
    assert lab.ingot("export", VERSION, "--to", str(target)).returncode == 0
    header = (target / "boot/vmlinux").read_bytes()[:64]
    magic, kind, machine = header[:5], *struct.unpack_from("<HH", header, 16)
    assert (magic, kind, machine) == (b"\x7fELF\x02", 2, 62), "not a 64-bit x86 executable"
    assert (target / f"lib/modules/{VERSION}/modules.dep").is_file()

    again = lab.ingot("export", VERSION, "--to", str(target))
    assert again.returncode == 2
    assert "exists" in again.stderr


def test_boot_reports_each_check(lab: Lab, built: Built) -> None:
    done = lab.ingot("boot", VERSION, "--json")
    document = json.loads(done.stdout)
    assert {check["name"]: check["outcome"] for check in document["checks"]} == {
        "release": "passed",
        "module crc-ccitt.ko": "passed",
        "shutdown": "passed",
    }
    assert any(f"Linux version {VERSION}" in line for line in document["console"])


def test_a_second_build_compiles_nothing(lab: Lab, built: Built) -> None:
    again = lab.build()
    assert again["found_in_store"] is True
    assert digests(again) == digests(built)
    assert (again["seconds"], again["steps"]) == (0, [])


def test_another_store_and_build_directory_give_the_same_digests(
    lab: Lab, built: Built, tmp_path: Path
) -> None:
    other = lab.variant(tmp_path)
    on_disk = tmp_path / "another" / "build-directory"
    again = other.build(INGOT_BUILD_DIR=str(on_disk))
    assert again["found_in_store"] is False
    assert digests(again) == digests(built)


def test_a_dropped_option_stops_the_build_before_it_compiles(
    lab: Lab, built: Built, tmp_path: Path
) -> None:
    other = lab.variant(tmp_path)
    other.add_to_fragment("vmm/qemu", "CONFIG_NET=y", "CONFIG_VETH=m")
    done = other.ingot("build", VERSION)
    assert done.returncode == 1
    assert "vmm/qemu.config" in done.stderr
    assert "CONFIG_VETH wanted m, got n" in done.stderr
    assert "compile ..." not in done.stderr


def test_a_compile_error_shows_the_compilers_words(lab: Lab, built: Built, tmp_path: Path) -> None:
    other = lab.variant(tmp_path)
    other.patch(
        "--- /dev/null\n+++ b/include/linux/ingot_broken.h\n@@ -0,0 +1 @@\n"
        "+#error this tree is broken\n"
        "--- a/init/version.c\n+++ b/init/version.c\n@@ -1 +1,2 @@\n"
        "+#include <linux/ingot_broken.h>\n // SPDX-License-Identifier: GPL-2.0-only\n"
    )
    done = other.ingot("build", VERSION)
    assert done.returncode == 5, done.stderr
    assert "this tree is broken" in done.stderr
    assert f"{VERSION}.log" in done.stderr
    assert Layout(other.store).find(f"kernel-bin:{VERSION}") is None


def test_a_kernel_that_panics_gets_no_tag(lab: Lab, built: Built, tmp_path: Path) -> None:
    other = lab.variant(tmp_path)
    other.patch(
        "--- a/init/main.c\n+++ b/init/main.c\n@@ -1516,6 +1516,7 @@\n"
        " static int __ref kernel_init(void *unused)\n {\n \tint ret;\n"
        '+\tpanic("broken on purpose");\n'
        " \n \t/*\n \t * Wait until kthreadd is all set-up.\n"
    )
    done = other.ingot("build", VERSION)
    assert done.returncode == 6, done.stderr
    assert "did not pass its boot test: panic" in done.stderr
    assert "broken on purpose" in done.stderr
    assert Layout(other.store).find(f"kernel-bin:{VERSION}") is None


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB, far too small for a kernel."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    directory = tmp_path / "tiny"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", directory], check=True)


def test_a_full_disk_is_said_and_leaves_nothing(
    lab: Lab, built: Built, tmp_path: Path, tiny_disk: Path
) -> None:
    other = lab.variant(tmp_path / "other")
    done = other.ingot("build", VERSION, INGOT_BUILD_DIR=str(tiny_disk / "build"))
    assert done.returncode == 3, done.stderr
    assert "no space left" in done.stderr
    assert "--build-dir" in done.stderr
    assert not list((tiny_disk / "build").glob("build-*"))
    assert Layout(other.store).find(f"kernel-bin:{VERSION}") is None


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A real registry on loopback; yields its host:port."""
    with serve(tmp_path / "registry") as served:
        yield served.address


def test_pushes_to_a_real_registry(lab: Lab, built: Built, registry: str) -> None:
    done = lab.ingot("push", VERSION, "--registry", registry)
    assert done.returncode == 0, done.stderr
    names = done.stdout.splitlines()
    series = VERSION.rpartition(".")[0]
    for tag in (VERSION, f"{VERSION}-x86_64", series):
        assert {f"{registry}/{name}:{tag}" for name in KERNEL_IMAGES} <= set(names)
    for tag, digest in digests(built).items():
        words = ["skopeo", "inspect", "--tls-verify=false", f"docker://{registry}/{tag}-x86_64"]
        found = subprocess.run(words, capture_output=True, text=True, check=True)
        assert json.loads(found.stdout)["Digest"] == digest
    again = lab.ingot("push", VERSION, "--registry", registry)
    assert "nothing to send" in again.stderr
    assert again.stdout == done.stdout


def test_a_published_image_is_asked_whether_it_serves(
    lab: Lab, built: Built, registry: str
) -> None:
    assert lab.ingot("push", VERSION, "--registry", registry).returncode == 0
    image = f"{registry}/kernel-bin:{VERSION}"
    serves = lab.ingot("require", image, "--vmm", "qemu", "--option", "CRC_CCITT=m")
    assert serves.returncode == 0, serves.stderr
    lacks = lab.ingot("require", image, "--option", "CRC_CCITT=y", "--option", "FUSE_FS", "--json")
    assert lacks.returncode == 1
    assert {wish["option"]: wish["value"] for wish in json.loads(lacks.stdout)["unmet"]} == {
        "CRC_CCITT": "m",
        "FUSE_FS": "n",
    }


def test_the_debug_image_has_what_the_kernel_ships_without(
    lab: Lab, built: Built, tmp_path: Path
) -> None:
    found = files(lab, "kernel-debug")
    symbols = f"usr/lib/debug/lib/modules/{VERSION}/vmlinux"
    assert set(found) == {symbols, f"usr/lib/debug/boot/System.map-{VERSION}"}
    for image, name in (("kernel-debug", symbols), ("kernel-bin", "boot/vmlinux")):
        target = tmp_path / image
        assert lab.ingot("export", f"{image}:{VERSION}", "--to", str(target)).returncode == 0
        assert (b".symtab" in (target / name).read_bytes()) == (image == "kernel-debug")
