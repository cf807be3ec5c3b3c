"""Pushing to a real registry: what gets there, what goes over the wire, and all that may break."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot import registry
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.images import BASE, BIN, DEBUG, KERNEL_IMAGES, MODULES, split_modules
from ingot.oci import (
    Descriptor,
    Layout,
    list_files,
    read_artifact,
    read_image,
    validate_layout,
    write_artifact,
)
from ingot.oci.graph import reachable
from ingot.progress import Silent
from ingot.publish import Published, publish
from ingot.publish.shipment import KernelModules
from ingot.publish.tagging import Action
from ingot.registry import Registry
from tests.support.registries import PASSWORD, Served, other_address, serve
from tests.support.shops import BUILDER, PACKAGES, Shop, open_shop
from tests.support.wire import wire

V, KEY = "6.1.10", Digest.of(b"recipe of 6.1.10").short


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


def push(
    shop: Shop, to: str, *names: str, builders: bool = False, dry_run: bool = False
) -> Published:
    """Push kernels; a name such as `6.1.10-plus-hello` stands for its out-of-tree modules too."""
    pairs = [(shop.kernel(name), modules) for name, modules in map(split_modules, names)]
    return publish(
        shop.setting.project,
        [kernel for kernel, _ in pairs],
        Registry(to),
        Silent(),
        modules=[KernelModules(kernel, modules) for kernel, modules in pairs if modules],
        builders=builders,
        dry_run=dry_run,
    )


def ingot(shop: Shop, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingot", *words],
        env={**os.environ, "INGOT_CATALOG": str(shop.root / "kernels"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def there(to: str) -> dict[str, str]:
    """All tags of the images of kernels in a registry, and what they point at."""
    return {
        f"{name}:{tag}": str(registry.find_digest(f"{to}/{name}:{tag}"))
        for name in (*KERNEL_IMAGES, "kernel-builder")
        for tag in registry.list_tags(f"{to}/{name}")
    }


def platforms(reference: str) -> dict[str, str]:
    """What an index lists: digests by arch."""
    document = registry.read_document(reference)
    assert document is not None
    assert document.entries is not None
    return {entry["platform"]["architecture"]: entry["digest"] for entry in document.entries}


def blob_sizes(layout: Layout, *images: Descriptor) -> dict[str, int]:
    """The configs and layers of images, each once."""
    return {
        blob.digest.hex: blob.size
        for image in images
        for blob in reachable(layout.blobs, image)
        if blob.digest != image.digest
    }


def stored(served: Served) -> int:
    """The bytes of all blobs that a registry keeps."""
    return sum(path.stat().st_size for path in served.data.glob("**/blobs/sha256/*/*/data"))


# What gets there


def test_every_image_is_there_under_all_its_names(shop: Shop, served: Served) -> None:
    images = shop.put(V)
    published = push(shop, served.address, V)
    found = there(served.address)
    assert set(found) == {
        f"{name}:{tag}" for name in KERNEL_IMAGES for tag in (f"{V}-{KEY}", f"{V}-x86_64", V, "6.1")
    }
    assert found == {tag.image: str(tag.digest) for tag in published.tags}
    assert {tag.action for tag in published.tags} == {Action.NEW}
    for name, image in images.items():
        assert found[f"{name}:{V}-{KEY}"] == found[f"{name}:{V}-x86_64"] == str(image.digest)
        assert found[f"{name}:{V}"] == found[f"{name}:6.1"]
        assert platforms(f"{served.address}/{name}:6.1") == {"amd64": str(image.digest)}


def test_a_flavor_is_part_of_every_name_that_moves(shop: Shop, served: Served) -> None:
    shop.put("6.1.10-minimal-arm64")
    push(shop, f"{served.address}/some/path", "6.1.10-minimal-arm64")
    key = Digest.of(b"recipe of 6.1.10-minimal-arm64").short
    assert registry.list_tags(f"{served.address}/some/path/kernel-bin") == (
        "6.1-minimal",
        f"6.1.10-{key}",
        "6.1.10-minimal",
        "6.1.10-minimal-arm64",
    )


def test_a_variant_is_pushed_as_it_is_built(shop: Shop, served: Served) -> None:
    images = shop.put(f"{V}-with-fuse")
    done = ingot(shop, "push", V, "--with", "fuse", "--registry", served.address)
    assert done.returncode == 0, done.stderr
    found = there(served.address)
    assert found[f"kernel-bin:{V}-with-fuse-x86_64"] == str(images[BIN].digest)
    assert found["kernel-bin:6.1-with-fuse"] == found[f"kernel-bin:{V}-with-fuse"]


def test_out_of_tree_modules_are_pushed_with_their_kernel(shop: Shop, served: Served) -> None:
    for name in ("6.1.10-minimal", "6.1.10-minimal-arm64"):
        shop.put(name)
        modules = shop.put_modules(name)
        push(shop, served.address, f"{name}-plus-hello")
    found = registry.list_tags(f"{served.address}/kernel-modules")
    assert {tag for tag in found if "plus" in tag} == {
        "6.1-minimal-plus-hello",
        "6.1.10-minimal-plus-hello",
        "6.1.10-minimal-plus-hello-arm64",
        "6.1.10-minimal-plus-hello-x86_64",
    }
    assert {"6.1-minimal", "6.1.10-minimal", "6.1.10-minimal-arm64"} <= set(found)
    index = platforms(f"{served.address}/kernel-module-hello:6.1-minimal")
    assert set(index) == {"amd64", "arm64"}
    assert index["arm64"] == str(modules["kernel-module-hello:6.1.10-minimal-arm64"].digest)
    again = ingot(shop, "push", "6.1.10-minimal-plus-hello", "--registry", served.address)
    assert again.returncode == 0, again.stderr


def test_an_index_says_what_its_images_say_alike(shop: Shop, served: Served) -> None:
    shop.put(V)
    push(shop, served.address, V)
    document = registry.read_document(f"{served.address}/kernel-bin:6.1")
    assert document is not None
    assert document.annotations["dev.ingot.version"] == V
    assert document.annotations["org.opencontainers.image.title"] == "kernel-bin"
    assert "dev.ingot.config" not in document.annotations
    assert "dev.ingot.recipe-key" not in document.annotations


@pytest.mark.parametrize("tag", [V, "6.1", f"{V}-x86_64", f"{V}-{KEY}"])
def test_skopeo_pulls_what_was_pushed(shop: Shop, served: Served, tmp_path: Path, tag: str) -> None:
    images = shop.put(V)
    push(shop, served.address, V)
    for name, image in images.items():
        layout = registry.fetch_image(f"{served.address}/{name}:{tag}", "amd64", tmp_path / name)
        pulled = layout.tags()[registry.FETCHED]
        assert pulled.digest == image.digest
        assert validate_layout(layout) == []
        ours = list_files(shop.layout, read_image(shop.layout, image))
        assert list_files(layout, read_image(layout, pulled)) == ours


def test_a_release_without_a_third_number_has_one_index(shop: Shop, served: Served) -> None:
    images = shop.put("7.2")
    published = push(shop, served.address, "7.2")
    key = Digest.of(b"recipe of 7.2").short
    assert set(registry.list_tags(f"{served.address}/kernel-bin")) == {
        "7.2",
        "7.2-x86_64",
        f"7.2-{key}",
    }
    assert platforms(f"{served.address}/kernel-bin:7.2") == {"amd64": str(images[BIN].digest)}
    assert len(published.tags) == 3 * len(KERNEL_IMAGES)
    assert not push(shop, served.address, "7.2").changes


def test_a_store_may_have_a_colon_in_its_path(tmp_path: Path, served: Served) -> None:
    shop = open_shop(tmp_path / "a:b c")
    images = shop.put(V)
    push(shop, served.address, V)
    assert there(served.address)[f"kernel-bin:{V}-x86_64"] == str(images[BIN].digest)


def test_the_builder_goes_along_if_asked(shop: Shop, served: Served) -> None:
    builder = shop.put_builder()
    shop.put(V)
    push(shop, served.address, V, builders=True)
    found = there(served.address)
    assert found[BUILDER] == found[f"{BUILDER}-{PACKAGES.short}"] == str(builder.digest)
    assert not push(shop, served.address, V, builders=True).changes


def test_a_builder_that_is_not_the_newest_takes_nothing_from_it(shop: Shop, served: Served) -> None:
    builder = shop.put_builder()
    other = shop.put(V)[BIN]
    shop.layout.tag({BUILDER: other})
    push(shop, served.address, V, builders=True)
    found = there(served.address)
    assert found[f"{BUILDER}-{PACKAGES.short}"] == str(builder.digest)
    assert BUILDER not in found


def test_a_builder_that_is_gone_is_told_before_anything_is_sent(shop: Shop, served: Served) -> None:
    shop.put_builder()
    shop.put(V)
    shop.layout.untag([BUILDER, f"{BUILDER}-{PACKAGES.short}"])
    with pytest.raises(UserError, match="builder"):
        push(shop, served.address, V, builders=True)
    assert there(served.address) == {}


def profile_of(shop: Shop, base: Descriptor, data: bytes) -> Descriptor:
    kind = "application/vnd.ingot.boot-profile.v1+json"
    with shop.layout.in_use():
        profile = write_artifact(shop.layout, kind, data, base)
        shop.layout.tag({f"{BASE}:{V}-{KEY}-boot": profile})
    return profile


def test_how_a_kernel_boots_goes_along_and_may_be_measured_anew(
    shop: Shop, served: Served, tmp_path: Path
) -> None:
    base = shop.put(V)[BASE]
    profile = profile_of(shop, base, b'{"first": 1}')
    push(shop, served.address, V)
    reference = f"{served.address}/{BASE}:{V}-{KEY}-boot"
    assert registry.find_digest(reference) == profile.digest

    profile_of(shop, base, b'{"second": 2}')
    published = push(shop, served.address, V)
    assert [tag.image for tag in published.tags if tag.action.writes] == [f"{BASE}:{V}-{KEY}-boot"]
    layout = registry.fetch_image(reference, "amd64", tmp_path / "back")
    artifact = read_artifact(layout, layout.tags()[registry.FETCHED])
    assert artifact.data == b'{"second": 2}'
    assert artifact.subject.digest == base.digest


def test_how_another_image_boots_stays_at_home(shop: Shop, served: Served) -> None:
    images = shop.put(V)
    profile_of(shop, images[BIN], b"{}")
    push(shop, served.address, V)
    assert f"{BASE}:{V}-{KEY}-boot" not in there(served.address)


@pytest.fixture
def containerd(tmp_path: Path) -> Iterator[list[str]]:
    """A containerd of the test's own; yields the words that `ctr` asks it with."""
    if os.geteuid() != 0:
        pytest.skip("containerd needs root")
    if not shutil.which("containerd"):
        pytest.skip("containerd is not installed; scripts/run-tests installs it")
    directory = tmp_path / "containerd"
    directory.mkdir()
    # sockets have short names (unix(7)): a test's directory may be too deep
    address = Path("/run") / f"ingot-test-{os.getpid()}.sock"
    config = directory / "config.toml"
    config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    words = ["containerd", "--config", str(config), "--address", str(address)]
    words += ["--root", str(directory / "root"), "--state", str(directory / "state")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    asked = ["ctr", "--address", str(address), "--connect-timeout", "30s"]
    try:
        done = subprocess.run([*asked, "version"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"containerd does not run here: {(directory / 'log').read_text()[-500:]}")
        yield asked
    finally:
        process.terminate()
        process.wait(30)
        for path in address.parent.glob(f"{address.name}*"):
            path.unlink()


def test_containerd_pulls_and_mounts_what_was_pushed(
    shop: Shop, served: Served, containerd: list[str], tmp_path: Path
) -> None:
    images = shop.put(V)
    push(shop, served.address, V)
    for name, tag in ((MODULES, "6.1"), (BASE, f"{V}-x86_64")):
        reference, mounted = f"{served.address}/{name}:{tag}", tmp_path / f"mounted-{name}"
        mounted.mkdir()
        pull = [*containerd, "images", "pull", "--plain-http", "--platform", "linux/amd64"]
        subprocess.run([*pull, "--snapshotter", "native", reference], check=True)
        mount = [*containerd, "images", "mount", "--snapshotter", "native", "--platform"]
        subprocess.run([*mount, "linux/amd64", reference, str(mounted)], check=True)
        try:
            found = {
                str(path.relative_to(mounted))
                for path in mounted.rglob("*")
                if path.is_symlink() or path.is_file()
            }
        finally:
            unmount = [*containerd, "images", "unmount", "--rm", str(mounted)]
            subprocess.run(unmount, check=True)
        ours = list_files(shop.layout, read_image(shop.layout, images[name]))
        assert found == {info.name for info in ours if info.kind.value != "directory"}


# What goes over the wire


def test_what_images_share_is_sent_once(shop: Shop, served: Served) -> None:
    images = shop.put(V)
    alone = {name: sum(blob_sizes(shop.layout, image).values()) for name, image in images.items()}
    unique = sum(blob_sizes(shop.layout, *images.values()).values())
    assert unique < 0.8 * sum(alone.values())
    with wire(served.address) as line:
        published = push(shop, line.address, V)
        assert published.size == unique
        assert unique < line.sent < unique + 400_000  # the rest is what is asked
        bodies = [path for method, path in line.requests if method == "PATCH"]
    assert len(bodies) == len(blob_sizes(shop.layout, *images.values()))
    by_image = {upload.image.partition(":")[0]: upload.size for upload in published.uploads}
    assert by_image[BIN] < 10_000 < 150_000 < by_image[BASE]


def test_a_second_push_sends_nothing_and_says_so(shop: Shop, served: Served) -> None:
    shop.put(V)
    first = ingot(shop, "push", V, "--registry", served.address)
    assert first.returncode == 0, first.stderr
    before = there(served.address)
    with wire(served.address) as line:
        second = ingot(shop, "push", V, "--registry", line.address)
        assert {method for method, _ in line.requests} == {"GET"}
        assert second.stdout.replace(line.address, served.address) == first.stdout
    assert second.returncode == 0, second.stderr
    assert "the registry has everything already; nothing to send" in second.stderr
    assert there(served.address) == before


def test_another_kernel_of_the_series_shares_what_it_can(shop: Shop, served: Served) -> None:
    one, two = shop.put("6.1.9"), shop.put("6.1.10")
    push(shop, served.address, "6.1.9")
    published = push(shop, served.address, "6.1.10")
    before = blob_sizes(shop.layout, *one.values())
    after = blob_sizes(shop.layout, *one.values(), *two.values())
    assert published.size == sum(after.values()) - sum(before.values())


def test_two_flavors_of_one_build_are_one_image(shop: Shop, served: Served) -> None:
    shop.put(V)
    tags = shop.layout.tags()
    shop.layout.tag({f"{name}:{V}-minimal": tags[f"{name}:{V}"] for name in KERNEL_IMAGES})
    published = push(shop, served.address, V, f"{V}-minimal")
    assert len(published.uploads) == len(KERNEL_IMAGES)
    found = there(served.address)
    assert found[f"kernel-bin:{V}-x86_64"] == found[f"kernel-bin:{V}-minimal-x86_64"]
    assert not push(shop, served.address, V, f"{V}-minimal").changes


# Arches and versions


def test_arches_that_come_one_after_the_other_are_in_one_index(shop: Shop, served: Served) -> None:
    x86, arm = shop.put(V), shop.put(f"{V}-arm64")
    push(shop, served.address, V)
    push(shop, served.address, f"{V}-arm64")
    for name in KERNEL_IMAGES:
        for tag in (V, "6.1"):
            assert platforms(f"{served.address}/{name}:{tag}") == {
                "amd64": str(x86[name].digest),
                "arm64": str(arm[name].digest),
            }
    assert not push(shop, served.address, V, f"{V}-arm64").changes


def test_arches_that_two_machines_push_at_once_are_in_one_index(
    tmp_path: Path, served: Served
) -> None:
    names = (V, f"{V}-arm64")
    shops = [open_shop(tmp_path / name) for name in names]
    images = [shop.put(name) for shop, name in zip(shops, names, strict=True)]
    threads = [
        threading.Thread(target=push, args=(shop, served.address, name))
        for shop, name in zip(shops, names, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in KERNEL_IMAGES:
        for tag in (V, "6.1"):
            assert platforms(f"{served.address}/{name}:{tag}") == {
                "amd64": str(images[0][name].digest),
                "arm64": str(images[1][name].digest),
            }


def test_a_newer_version_takes_the_series_and_an_older_one_does_not(
    shop: Shop, served: Served
) -> None:
    shop.put("6.1.9")
    shop.put("6.1.10")
    push(shop, served.address, "6.1.9")
    assert there(served.address)["kernel-bin:6.1"] == there(served.address)["kernel-bin:6.1.9"]
    push(shop, served.address, "6.1.10")
    newest = there(served.address)["kernel-bin:6.1.10"]
    assert there(served.address)["kernel-bin:6.1"] == newest
    push(shop, served.address, "6.1.9")
    assert there(served.address)["kernel-bin:6.1"] == newest


def test_an_older_version_says_that_the_series_stays(shop: Shop, served: Served) -> None:
    shop.put("6.1.9")
    shop.put("6.1.10")
    push(shop, served.address, "6.1.10")
    before = there(served.address)
    done = ingot(shop, "push", "6.1.9", "--registry", served.address)
    assert done.returncode == 0, done.stderr
    assert "6.1 stays at 6.1.10, which is newer than 6.1.9" in done.stderr
    assert f"{served.address}/kernel-bin:6.1.9\n" in done.stdout
    assert f"{served.address}/kernel-bin:6.1\n" not in done.stdout
    assert before.items() <= there(served.address).items()


def test_of_two_versions_pushed_together_the_newer_leads(shop: Shop, served: Served) -> None:
    shop.put("6.1.9")
    shop.put("6.1.10")
    published = push(shop, served.address, "6.1.10", "6.1.9")
    found = there(served.address)
    assert found["kernel-bin:6.1"] == found["kernel-bin:6.1.10"]
    assert len([tag for tag in published.tags if tag.image == "kernel-bin:6.1"]) == 1


def test_a_series_tag_of_somebody_else_is_left_alone(shop: Shop, served: Served) -> None:
    shop.put_builder()
    shop.put(V)
    foreign = f"{served.address}/kernel-bin:6.1"
    builder = shop.layout.tags()[BUILDER]
    registry.send(shop.layout, builder, foreign, "it could not be sent")
    done = ingot(shop, "push", V, "--registry", served.address)
    assert done.returncode == 0, done.stderr
    assert "6.1 was not written by Ingot" in done.stderr
    assert registry.find_digest(foreign) == builder.digest
    assert there(served.address)["kernel-modules:6.1"] != str(builder.digest)


def test_the_tag_of_a_version_is_taken_from_somebody_else(shop: Shop, served: Served) -> None:
    """Another builder of kernels may have published this version under the same name before."""
    builder = shop.put_builder()
    shop.put(V)
    registry.send(shop.layout, builder, f"{served.address}/kernel-bin:{V}", "it failed")
    registry.send(shop.layout, builder, f"{served.address}/kernel-bin:{V}-arm64", "it failed")
    published = push(shop, served.address, V)
    (moved,) = [tag for tag in published.tags if tag.action == Action.MOVED]
    assert (moved.image, moved.before) == (f"kernel-bin:{V}", builder.digest)
    assert set(platforms(f"{served.address}/kernel-bin:{V}")) == {"amd64"}


# What is refused


def test_an_immutable_tag_keeps_its_image(shop: Shop, served: Served) -> None:
    first = shop.put(V)
    push(shop, served.address, V)
    before, kept = there(served.address), stored(served)
    other = shop.put(V, "other bytes")
    with wire(served.address) as line:
        done = ingot(shop, "push", V, "--registry", line.address)
        assert {method for method, _ in line.requests} == {"GET"}
    assert done.returncode == 2
    assert done.stdout == ""
    assert "under an immutable tag" in done.stderr
    assert f"kernel-bin:{V}-{KEY}: in the registry {first[BIN].digest}" in done.stderr
    assert f"in the store {other[BIN].digest}" in done.stderr
    assert "ingot diff 127.0.0.1:" in done.stderr
    assert (there(served.address), stored(served)) == (before, kept)


def test_a_dry_run_shows_and_changes_nothing(shop: Shop, served: Served) -> None:
    images = shop.put(V)
    with wire(served.address) as line:
        done = ingot(shop, "push", V, "--registry", line.address, "--dry-run")
        assert {method for method, _ in line.requests} == {"GET"}
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [f"kernel-bin:{V}-{KEY}", images[BIN].digest.short, "new"] in rows
    assert ["kernel-bin:6.1", "new"] in [[row[0], row[-1]] for row in rows if len(row) == 3]
    assert stored(served) == 0

    told = ingot(shop, "push", V, "--registry", served.address, "--dry-run", "--json")
    document = json.loads(told.stdout)
    unique = sum(blob_sizes(shop.layout, *images.values()).values())
    assert (document["dry_run"], document["size"]) == (True, unique)
    assert stored(served) == 0


def test_a_dry_run_foretells_what_a_push_does(shop: Shop, served: Served) -> None:
    shop.put("6.1.9")
    shop.put("6.1.9-arm64")
    shop.put("6.1.10")
    push(shop, served.address, "6.1.10")
    push(shop, served.address, "6.1.9")
    names = ("6.1.9", "6.1.9-arm64", "6.1.10")
    planned = push(shop, served.address, *names, dry_run=True)
    assert planned == push(shop, served.address, *names)


def test_a_dry_run_shows_what_would_be_refused(shop: Shop, served: Served) -> None:
    shop.put(V)
    push(shop, served.address, V)
    shop.put(V, "other bytes")
    done = ingot(shop, "push", V, "--registry", served.address, "--dry-run")
    assert done.returncode == 2
    assert "refused" in done.stdout
    assert "moved" in done.stdout
    assert "under an immutable tag" in done.stderr


def test_json_tells_the_same(shop: Shop, served: Served) -> None:
    shop.put(V)
    done = ingot(shop, "push", V, "--registry", f"{served.address}/", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["registry"] == served.address
    assert document["dry_run"] is False
    assert {tag["image"]: tag["digest"] for tag in document["tags"]} == {
        f"{served.address}/{image}": digest for image, digest in there(served.address).items()
    }
    assert {tag["action"] for tag in document["tags"]} == {"new"}
    assert sum(image["size"] for image in document["images"]) == document["size"] > 0


def test_without_a_name_all_that_is_built_goes(shop: Shop, served: Served) -> None:
    for name in ("6.1.9", f"{V}-arm64", f"{V}-minimal"):
        shop.put(name)
    done = ingot(shop, "push", "--registry", served.address)
    assert done.returncode == 0, done.stderr
    found = there(served.address)
    assert {f"kernel-bin:{name}" for name in ("6.1.9", V, f"{V}-minimal")} <= set(found)
    assert found["kernel-bin:6.1"] == found[f"kernel-bin:{V}"]
    assert platforms(f"{served.address}/kernel-bin:{V}").keys() == {"arm64"}


def test_what_is_not_built_is_told(shop: Shop) -> None:
    for words, text in (([V], f"{V} is not built"), ([], "has no kernel to push")):
        done = ingot(shop, "push", *words, "--registry", "127.0.0.1:1")
        assert done.returncode == 2
        assert text in done.stderr
    assert not shop.layout.root.exists()


def test_images_of_two_builds_are_not_pushed_as_one(shop: Shop, served: Served) -> None:
    shop.put(V)
    other = shop.put("6.1.9")
    shop.layout.tag({f"{MODULES}:{V}": other[MODULES]})
    with pytest.raises(UserError, match="not from one build"):
        push(shop, served.address, V)
    assert there(served.address) == {}


def test_a_damaged_store_is_not_published(shop: Shop, served: Served) -> None:
    images = shop.put(V)
    largest = max(reachable(shop.layout.blobs, images[BASE]), key=lambda blob: blob.size)
    path = shop.layout.blobs.path(largest.digest)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError, match="no tag there was changed"):
        push(shop, served.address, V)
    path.write_bytes(data[:-1])
    with pytest.raises(VerificationError, match="incomplete in the store"):
        push(shop, served.address, V)
    assert there(served.address) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("https://example.org/x", "leave out https://"),
        ("Example.org/UPPER", "not a name of a registry"),
        ("example.org/x:tag", "not a name of a registry"),
        ("", "not a name of a registry"),
    ],
)
def test_a_name_that_is_none_is_refused_before_anything_else(
    shop: Shop, name: str, text: str
) -> None:
    shop.put(V)
    done = ingot(shop, "push", V, "--registry", name)
    assert done.returncode == 2
    assert text in done.stderr


# What breaks


def whole(to: str, tmp_path: Path) -> None:
    """Every tag of the registry can be pulled, and is what it should be."""
    for digest, image in {digest: image for image, digest in there(to).items()}.items():
        name = f"{to}/{image.partition(':')[0]}@{digest}"
        layout = registry.fetch_image(name, "amd64", tmp_path / digest.removeprefix("sha256:"))
        assert validate_layout(layout) == []


@pytest.mark.parametrize("killed", [False, True])
def test_a_push_that_is_cut_is_completed_by_the_next(
    shop: Shop, served: Served, tmp_path: Path, killed: bool
) -> None:
    """The network fails, or the registry is killed in the middle of it."""
    images = shop.put(V)
    sizes = blob_sizes(shop.layout, *images.values())
    on_cut = served.stop if killed else lambda: None
    with wire(served.address, limit=300_000, on_cut=on_cut) as line:
        done = ingot(shop, "push", V, "--registry", line.address)
        assert line.is_cut
        assert done.returncode == 3
        assert "no tag there was changed" in done.stderr
        assert "run the same command again" in done.stderr
        assert "level=" not in done.stderr
        assert "Traceback" not in done.stderr
        if killed:
            served.start()
        assert there(served.address) == {}
        arrived = {
            path.parent.name
            for path in served.data.glob("**/_layers/sha256/*/link")
            if path.parent.name in sizes
        }
        assert arrived, "the limit is too small to show anything"
        line.mend()
        line.forget()
        published = push(shop, line.address, V)
    assert published.size == sum(sizes.values()) - sum(sizes[digest] for digest in arrived)
    assert len(there(served.address)) == 4 * len(KERNEL_IMAGES)
    whole(served.address, tmp_path)


@pytest.mark.parametrize(
    "at", [f"{BASE}/manifests/{V}-{KEY}", f"{MODULES}/manifests/{V}-x86", f"{DEBUG}/manifests/6.1 "]
)
def test_a_push_that_is_cut_while_tags_are_set_leaves_what_is_whole(
    shop: Shop, served: Served, tmp_path: Path, at: str
) -> None:
    shop.put(V)
    cut = wire(served.address, cut_at=f"PUT /v2/{at}".encode())
    with cut as line, pytest.raises(MachineError, match="could not be tagged"):
        push(shop, line.address, V)
    whole(served.address, tmp_path)
    before = there(served.address)
    assert len(before) < 4 * len(KERNEL_IMAGES)
    published = push(shop, served.address, V)
    assert published.size == 0
    assert before.items() <= there(served.address).items()
    assert len(there(served.address)) == 4 * len(KERNEL_IMAGES)


def test_a_registry_that_dies_is_told_and_completed_when_it_lives(
    shop: Shop, served: Served
) -> None:
    shop.put(V)
    served.stop()
    done = ingot(shop, "push", V, "--registry", served.address)
    assert done.returncode == 3
    assert f"{served.address} cannot be reached" in done.stderr
    served.start()
    assert ingot(shop, "push", V, "--registry", served.address).returncode == 0


def test_a_registry_that_is_read_only_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.put(V)
    with serve(tmp_path / "closed", read_only=True) as served:
        done = ingot(shop, "push", V, "--registry", served.address)
        assert done.returncode == 3
        assert "read-only" in done.stderr
        assert there(served.address) == {}


def test_a_full_disk_at_the_registry_is_told(shop: Shop, tmp_path: Path) -> None:
    images = shop.put(V)
    with serve(tmp_path / "full", wrapper=["prlimit", "--fsize=100000"]) as served:
        done = ingot(shop, "push", V, "--registry", served.address)
        assert done.returncode == 3
        assert "such as a full disk" in done.stderr
        assert "no tag there was changed" in done.stderr
        assert there(served.address) == {}
        served.stop()
        served.wrapper = ()
        served.start()
        push(shop, served.address, V)
        assert there(served.address)[f"kernel-bin:{V}-x86_64"] == str(images[BIN].digest)


def test_an_interrupt_ends_a_push_that_hangs(shop: Shop) -> None:
    shop.put(V)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        words = [sys.executable, "-m", "ingot", "push", V, "--registry", address]
        environment = {**os.environ, "INGOT_CATALOG": str(shop.root / "kernels")}
        with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
            connection.close()
    assert process.returncode == 130
    assert "Traceback" not in told


# Who may, and over what


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    """A registry that speaks TLS and knows one user, on an address that is not loopback."""
    with serve(
        tmp_path / "guarded", tls=True, users={"ada": PASSWORD}, host=other_address()
    ) as served:
        yield served


def trusting(served: Served, password: str | None = None) -> dict[str, str]:
    """The environment in which the registry's certificate is trusted, and credentials are kept."""
    auth = served.directory / "auth.json"
    word = base64.b64encode(f"ada:{password}".encode()).decode()
    known = {} if password is None else {served.address: {"auth": word}}
    auth.write_text(json.dumps({"auths": known}))
    return {"SSL_CERT_FILE": str(served.authority), "REGISTRY_AUTH_FILE": str(auth)}


def test_a_push_over_tls_as_a_user_who_may(shop: Shop, guarded: Served) -> None:
    shop.put(V)
    done = ingot(
        shop, "push", V, "--registry", f"{guarded.address}/lm", **trusting(guarded, PASSWORD)
    )
    assert done.returncode == 0, done.stderr
    assert f"{guarded.address}/lm/kernel-bin:6.1" in done.stdout.splitlines()
    again = ingot(
        shop, "push", V, "--registry", f"{guarded.address}/lm", **trusting(guarded, PASSWORD)
    )
    assert "nothing to send" in again.stderr


def test_credentials_may_come_from_a_helper(shop: Shop, guarded: Served, tmp_path: Path) -> None:
    shop.put(V)
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(f'#!/bin/sh\necho \'{{"Username": "ada", "Secret": "{PASSWORD}"}}\'\n')
    helper.chmod(0o755)
    config = tmp_path / "home" / ".docker" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"credHelpers": {guarded.address: "test"}}))
    environment = {
        "SSL_CERT_FILE": str(guarded.authority),
        "HOME": str(tmp_path / "home"),
        "PATH": f"{helper.parent}:{os.environ['PATH']}",
    }
    words = ("push", V, "--registry", guarded.address)
    done = ingot(shop, *words, **environment)
    assert done.returncode == 0, done.stderr
    helper.unlink()
    lost = ingot(shop, *words, **environment)
    assert lost.returncode == 3
    assert "credential helper" in lost.stderr


@pytest.mark.parametrize("password", ["wrong", None])
def test_somebody_who_may_not_is_told_to_log_in(
    shop: Shop, guarded: Served, password: str | None
) -> None:
    shop.put(V)
    done = ingot(shop, "push", V, "--registry", guarded.address, **trusting(guarded, password))
    assert done.returncode == 3
    assert "requires a login" in done.stderr
    assert f"skopeo login {guarded.address}" in done.stderr
    assert "level=" not in done.stderr
    assert stored(guarded) == 0


def test_a_certificate_of_nobody_is_not_trusted(shop: Shop, guarded: Served) -> None:
    shop.put(V)
    environment = trusting(guarded, PASSWORD)
    del environment["SSL_CERT_FILE"]
    words = ("push", V, "--registry", guarded.address)
    done = ingot(shop, *words, **environment)
    assert done.returncode == 3
    assert "cannot be verified" in done.stderr
    assert f"/etc/containers/certs.d/{guarded.address}/ca.crt" in done.stderr
    assert ingot(shop, *words, "--insecure", **environment).returncode == 0


def test_plain_http_is_for_loopback_or_on_purpose(shop: Shop, tmp_path: Path) -> None:
    shop.put(V)
    with serve(tmp_path / "plain", host=other_address()) as served:
        words = ("push", V, "--registry", served.address)
        done = ingot(shop, *words)
        assert done.returncode == 3
        assert "uses plain HTTP" in done.stderr
        assert "--insecure" in done.stderr
        assert ingot(shop, *words, "--insecure").returncode == 0


def test_a_host_that_is_not_there_is_told(shop: Shop) -> None:
    shop.put(V)
    done = ingot(shop, "push", V, "--registry", "nowhere.invalid")
    assert done.returncode == 3
    assert "the host name nowhere.invalid is not found" in done.stderr
    assert "Traceback" not in done.stderr
