"""`ingot report` of a store and of a real registry, without a compile: images are made by hand."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingot.arch import arch
from ingot.boot.cost.boot_profile import PROFILE_TYPE
from ingot.cli.documents.parts import profile_part
from ingot.cli.main import app
from ingot.errors import IngotError, UserError
from ingot.images import BASE, KERNEL_FILE
from ingot.oci import (
    Descriptor,
    Layout,
    Platform,
    file_entry,
    write_artifact,
    write_image,
    write_layer,
)
from ingot.oci.descriptor import INDEX_TYPE
from ingot.oci.image_documents import canonical_json
from tests.support.catalogs import load
from tests.support.houses import House
from tests.support.registries import serve
from tests.support.reports import CONFIG, PROFILE, SIZE_MAP, carried, facts

KEY = facts().recipe_key.short


@dataclass(frozen=True)
class Shop:
    """A catalog, a store beside it, and files to fill images with."""

    root: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "images")

    def image(
        self,
        *tags: str,
        version: str = "6.1.176",
        machine: str = "x86_64",
        told: str = "",
        **carries: Any,
    ) -> Descriptor:
        """Put a base image into the store, with these tags; `told` is what it calls its arch."""
        said = facts(version, machine)
        labels, annotations = said.labels(), carried(said, **carries)
        if told:  # what no facts of Ingot's hold
            labels["dev.ingot.arch"] = annotations["dev.ingot.arch"] = told
        files = {
            KERNEL_FILE: b"kernel" * 100,
            f"boot/config-{version}": CONFIG.encode(),
            f"lib/modules/{version}/kernel/fs/xfs/xfs.ko": b"module" * 10,
        }
        layers = []
        for name, data in files.items():
            path = self.root / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            layers.append(write_layer(self.layout, [file_entry(name, path)], 0))
        platform = Platform("linux", arch(machine).oci)
        image = write_image(self.layout, layers, platform, labels, annotations, 0)
        self.tag(image, *tags)
        return image

    def index(self, *images: Descriptor, tag: str) -> None:
        manifests = [image.to_json() for image in images]
        document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
        self.tag(self.layout.write_blob([canonical_json(document)], INDEX_TYPE), tag)

    def profile(self, image: Descriptor, data: bytes = b"") -> None:
        """Keep a boot profile beside an image, or other data in its place."""
        data = data or json.dumps(PROFILE.to_json()).encode()
        artifact = write_artifact(self.layout, PROFILE_TYPE, data, image)
        self.tag(artifact, f"6.1.176-{KEY}-boot")

    def foreign(self, tag: str) -> None:
        """Put an image of somebody else's into the store."""
        path = self.root / "file"
        path.write_bytes(b"data")
        layer = write_layer(self.layout, [file_entry("file", path)], 0)
        self.tag(write_image(self.layout, [layer], Platform("linux", "amd64"), {}, {}, 0), tag)

    def tag(self, image: Descriptor, *tags: str) -> None:
        self.layout.tag({f"{BASE}:{tag}": image for tag in tags})

    def report(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["report", "--catalog", str(self.root / "kernels"), *words])

    def kernels(self, *words: str) -> list[dict[str, Any]]:
        """What a report as JSON has of each kernel."""
        done = self.report("--json", *words)
        assert done.exit_code == 0, done.output
        kernels: list[dict[str, Any]] = json.loads(done.stdout)["kernels"]
        return kernels


def tags_of(kernel: dict[str, Any]) -> list[str]:
    return [one["image"].rpartition(":")[2] for one in kernel["tags"]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    load(tmp_path / "kernels")
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path)


def test_the_page_is_a_file_that_is_named(shop: Shop) -> None:
    shop.image("6.1.176", f"6.1.176-{KEY}")
    done = shop.report()
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("ingot-report.html  (1 kernel, ")
    page = (shop.root / "ingot-report.html").read_text()
    assert page.startswith("<!doctype html>") and "6.1.176" in page
    (shop.root / "a").mkdir()
    assert shop.report("--to", "a/b.html").exit_code == 0
    assert (shop.root / "a" / "b.html").read_text() == page


def test_a_device_is_not_replaced_by_the_page(shop: Shop) -> None:
    shop.image("6.1.176")
    (shop.root / "null").symlink_to("/dev/null")
    assert shop.report("--to", "null").exit_code == 0
    assert (shop.root / "null").is_char_device()


def test_a_directory_for_the_page_is_not_made(shop: Shop) -> None:
    shop.image("6.1.176")
    assert isinstance(shop.report("--to", "a/b.html").exception, UserError)
    assert not (shop.root / "a").exists()


def test_the_page_may_go_to_standard_output(shop: Shop) -> None:
    shop.image("6.1.176")
    done = shop.report("--to", "-")
    assert done.stdout.startswith("<!doctype html>") and done.stdout.endswith("</html>\n")
    assert not (shop.root / "ingot-report.html").exists()
    assert not (shop.root / "-").exists()


def test_tags_of_one_digest_are_one_kernel(shop: Shop) -> None:
    image = shop.image("6.1.176", f"6.1.176-{KEY}")
    (kernel,) = shop.kernels()
    assert kernel["digest"] == str(image.digest)
    assert tags_of(kernel) == ["6.1.176", f"6.1.176-{KEY}"]
    assert kernel["kernel_size"] == SIZE_MAP.kernel_size
    assert not (shop.root / "ingot-report.html").exists()


def test_without_a_size_map_the_sizes_are_those_of_the_files(shop: Shop) -> None:
    shop.image("6.1.176", size_map=None)
    (kernel,) = shop.kernels()
    assert kernel["directories"] is None
    assert kernel["kernel_size"] == 600
    assert (len(kernel["modules"]), kernel["modules_size"]) == (1, 60)


def test_of_an_index_each_platform_is_a_kernel(shop: Shop) -> None:
    images = [shop.image(machine=machine) for machine in ("x86_64", "arm64")]
    shop.tag(images[0], "6.1.176-x86_64")
    shop.index(*images, tag="6.1.176")
    kernels = shop.kernels()
    assert [(kernel["arch"], tags_of(kernel)) for kernel in kernels] == [
        ("x86_64", ["6.1.176", "6.1.176-x86_64"]),
        ("arm64", ["6.1.176"]),
    ]


def test_what_is_no_kernel_is_left_out_and_named(shop: Shop) -> None:
    shop.image("6.1.176")
    shop.foreign("odd")
    done = shop.report("--json")
    assert [tags_of(one) for one in json.loads(done.stdout)["kernels"]] == [["6.1.176"]]
    assert "left out: flintlock-kernel:odd: it is not an image built by Ingot" in done.stderr


def test_what_is_known_of_an_image_is_no_image(shop: Shop) -> None:
    image = shop.image("6.1.176")
    shop.tag(write_artifact(shop.layout, "application/x-other", b"{}", image), "6.1.176-other")
    done = shop.report("--json")
    document = json.loads(done.stdout)
    assert (len(document["kernels"]), document["left_out"]) == (1, [])


def test_a_damaged_image_does_not_hide_the_others(shop: Shop) -> None:
    shop.image("6.1.176")
    broken = shop.image("6.1.9", version="6.1.9")
    shop.layout.blobs.path(broken.digest).write_bytes(b"x" * broken.size)
    done = shop.report("--json")
    assert [one["version"] for one in json.loads(done.stdout)["kernels"]] == ["6.1.176"]
    assert done.stderr.count("left out: ") == 1
    assert "left out: flintlock-kernel:6.1.9: " in done.stderr


def test_an_empty_store_says_how_to_fill_it(shop: Shop) -> None:
    for _ in range(2):
        done = shop.report()
        assert isinstance(done.exception, IngotError)
        assert (done.exception.exit_code, done.exception.hint) == (
            2,
            "build one first: ingot build 6.1",
        )
        assert not (shop.root / "ingot-report.html").exists()
        shop.foreign("odd")


def test_a_boot_that_was_measured_is_told(shop: Shop) -> None:
    shop.profile(shop.image("6.1.176"))
    (kernel,) = shop.kernels()
    assert kernel["profile"] == json.loads(json.dumps(profile_part(PROFILE)))
    assert tags_of(kernel) == ["6.1.176"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_broken_profile_does_not_hide_its_kernel(shop: Shop, lost: bool) -> None:
    shop.profile(shop.image("6.1.176"), b"{}")
    if lost:
        artifact = shop.layout.tags()[f"{BASE}:6.1.176-{KEY}-boot"]
        shop.layout.blobs.path(artifact.digest).unlink()
    done = shop.report("--json")
    (kernel,) = json.loads(done.stdout)["kernels"]
    assert kernel["profile"] is None
    assert done.stderr.count("left out: ") == 1
    assert "left out: the boot profile of flintlock-kernel:6.1.176" in done.stderr


# Registries


@contextlib.contextmanager
def published(shop: Shop) -> Iterator[str]:
    """A registry that has every tag of the store; the name of it."""
    with serve(shop.root / "registry") as served:
        name = f"{served.address}/team"
        for tag in shop.layout.tags():
            words = ["skopeo", "copy", "--all", "--quiet", "--dest-tls-verify=false"]
            source = f"oci:{shop.layout.root}:{tag}"
            subprocess.run([*words, source, f"docker://{name}/{tag}"], check=True)
        yield name


def test_a_registry_is_told_by_its_manifests(shop: Shop) -> None:
    images = [shop.image(machine=machine) for machine in ("x86_64", "arm64")]
    shop.tag(images[0], "6.1.176-x86_64", f"6.1.176-{KEY}")
    shop.index(*images, tag="6.1.176")
    shop.image("6.1.9-minimal", version="6.1.9")
    shop.foreign("odd")
    with published(shop) as name:
        for blob in (shop.root / "registry" / "data").rglob("blobs/sha256/*/*/data"):
            if not blob.read_bytes().startswith(b"{"):  # a layer: nobody is to ask for it
                blob.unlink()
        kernels = shop.kernels("--registry", name)
        done = shop.report("--registry", name, "--to", "-")
    assert [(kernel["arch"], tags_of(kernel)) for kernel in kernels] == [
        ("x86_64", ["6.1.176", "6.1.176-x86_64", f"6.1.176-{KEY}"]),
        ("arm64", ["6.1.176"]),
        ("x86_64", ["6.1.9-minimal"]),
    ]
    assert kernels[0]["digest"] == str(images[0].digest)
    assert kernels[2]["flavor"] == "minimal"
    assert f"Kernels of {name}" in done.stdout
    assert "left out: flintlock-kernel:odd" in done.stderr


def test_boot_profiles_of_a_registry_are_read_too(shop: Shop) -> None:
    shop.profile(shop.image("6.1.176"))
    with published(shop) as name:
        (kernel,) = shop.kernels("--registry", name)
        assert kernel["profile"]["instructions"] == PROFILE.instructions
        assert tags_of(kernel) == ["6.1.176"]


@pytest.mark.parametrize("data", [b"[" * 100_000, b"{}", b"\xff", b" " * (5 << 20)])
def test_a_broken_profile_of_a_registry_does_not_hide_its_kernel(shop: Shop, data: bytes) -> None:
    shop.profile(shop.image("6.1.176"), data)
    with published(shop) as name:
        done = shop.report("--registry", name, "--json")
    (kernel,) = json.loads(done.stdout)["kernels"]
    assert kernel["profile"] is None
    assert "left out: the boot profile of flintlock-kernel:6.1.176" in done.stderr


def test_what_a_registry_says_does_nothing_to_a_terminal(shop: Shop) -> None:
    shop.image("6.1.176")
    shop.image("6.1.9", version="6.1.9", told="a\x1b[2J\nleft out: b")
    done = shop.report("--json")
    assert "\x1b" not in done.stderr and done.stderr.count("\n") == 1


def test_signatures_and_attestations_are_no_kernels(shop: Shop) -> None:
    image = shop.image("6.1.176")
    stray = write_artifact(shop.layout, "application/x-other", b"{}", image)
    shop.tag(stray, f"sha256-{image.digest.hex}.sig", "6.1.176-other")
    nowhere = Descriptor(stray.media_type, stray.digest, stray.size, {}, Platform("unknown", "x"))
    shop.index(image, nowhere, tag="6.1")
    with published(shop) as name:
        done = shop.report("--registry", name, "--json")
    document = json.loads(done.stdout)
    assert [tags_of(one) for one in document["kernels"]] == [["6.1", "6.1.176"]]
    assert document["left_out"] == []
    assert document["registry"] == name


def test_a_registry_without_kernels_says_so(shop: Shop) -> None:
    with serve(shop.root / "registry") as served:
        done = shop.report("--registry", served.address)
        assert isinstance(done.exception, IngotError)
        assert done.exception.exit_code == 2
        assert f"{served.address} has no kernel that Ingot made" in done.exception.what
    gone = shop.report("--registry", served.address)
    assert isinstance(gone.exception, IngotError)
    assert gone.exception.exit_code == 3


def test_a_name_that_is_none_is_refused(shop: Shop) -> None:
    done = shop.report("--registry", "https://ghcr.io/acme")
    assert isinstance(done.exception, IngotError)
    assert done.exception.exit_code == 2


# Kernels that were built and pushed


def test_what_was_built_and_pushed_is_reported(house: House) -> None:
    house.build()
    with serve(house.root / "registry") as served:
        pushed = house.ingot("push", "6.1", "--registry", served.address)
        assert pushed.returncode == 0, pushed.stderr
        told = house.ingot("report", "--registry", served.address, "--json")
    assert told.returncode == 0, told.stderr
    (kernel,) = json.loads(told.stdout)["kernels"]
    (stored,) = json.loads(house.ingot("report", "--json").stdout)["kernels"]
    assert {"6.1", "6.1.999", "6.1.999-x86_64"} < set(tags_of(kernel))
    assert {one["image"].rpartition("/")[0] for one in kernel.pop("tags")} == {served.address}
    assert tags_of(stored) == ["6.1.999", f"6.1.999-{stored['recipe_key'][7:19]}"]
    del stored["tags"]
    assert kernel == stored
    assert kernel["vmm_support"][0]["ok"] is True
    assert kernel["directories"] and kernel["modules"]
