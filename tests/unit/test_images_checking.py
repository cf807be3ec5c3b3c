"""Images from a registry are verified against the request."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.digest import Digest
from ingot.errors import IngotError, VerificationError
from ingot.images import BASE, BIN, DEBUG, DEVEL, KERNEL_IMAGES, MODULES
from ingot.images.check_images import require_images_of
from ingot.images.write_images import write_images
from ingot.oci import Descriptor, Image, Layer, Platform, read_image, write_image
from ingot.oci.descriptor import LAYER_TYPE
from ingot.oci.layer_reader import open_layer
from ingot.progress import Silent
from ingot.recipe import Recipe
from ingot.version import KernelVersion
from tests.support.digests import digest
from tests.support.kernel_images import CONFIG, RECIPE, RELEASE, VERSION, X86, Kernel, make_kernel


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    made = make_kernel(tmp_path)
    return dataclasses.replace(made, facts=dataclasses.replace(made.facts, recipe_key=RECIPE.key))


def check(kernel: Kernel, images: Mapping[str, Descriptor], recipe: Recipe = RECIPE) -> None:
    assert require_images_of(kernel.layout, images, VERSION, recipe) == kernel.facts


def refused(
    kernel: Kernel, images: Mapping[str, Descriptor], says: str, recipe: Recipe = RECIPE
) -> None:
    with pytest.raises(IngotError, match=says):
        require_images_of(kernel.layout, images, VERSION, recipe)


def again(
    kernel: Kernel,
    descriptor: Descriptor,
    *,
    layers: tuple[Layer, ...] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    platform: Platform | None = None,
) -> Descriptor:
    """The same image, but for what is named."""
    image: Image = read_image(kernel.layout, descriptor)
    return write_image(
        kernel.layout,
        layers or image.layers,
        platform or image.platform,
        {**image.labels, **(labels or {})},
        {**image.annotations, **(annotations or {})},
        1,
    )


def layer(kernel: Kernel, *entries: tuple[str, bytes, str], mode: int = 0o644) -> Layer:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, kind, text in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            if kind == tarfile.REGTYPE:
                info.size = len(text)
            else:
                info.linkname = text
            tar.addfile(info, io.BytesIO(text.encode()))
    blob = kernel.layout.write_blob([data.getvalue()], LAYER_TYPE.removesuffix("+gzip"))
    return Layer(blob, Digest.of(data.getvalue()))


def with_more(kernel: Kernel, descriptor: Descriptor, more: Layer) -> Descriptor:
    image = read_image(kernel.layout, descriptor)
    return again(kernel, descriptor, layers=(*image.layers, more))


def test_what_was_asked_for_is_taken(kernel: Kernel) -> None:
    check(kernel, kernel.write())


def test_a_kernel_without_modules_is_taken(tmp_path: Path) -> None:
    made = make_kernel(tmp_path, with_modules=False)
    bare = dataclasses.replace(made, facts=dataclasses.replace(made.facts, recipe_key=RECIPE.key))
    check(bare, bare.write())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": digest("other")}, "recipe|source"),
        ({"patches": ()}, "recipe"),
        ({"config": digest("other")}, "recipe|config"),
        ({"builder": digest("other")}, "recipe|builder"),
        ({"arch": "arm64"}, "arch"),
        ({"make_flags": ()}, "recipe"),
    ],
)
def test_another_recipe_is_refused(kernel: Kernel, change: dict[str, object], says: str) -> None:
    asked = dataclasses.replace(RECIPE, **change)  # type: ignore[arg-type]
    refused(kernel, kernel.write(), f"the ({says}) in the image's labels does not match", asked)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "6.1.175", "release": "6.1.175"}, "kernel version"),
        ({"release": "5.10.1"}, "series"),
        ({"source_digest": digest("other")}, "source"),
        ({"config_digest": digest("other")}, "config"),
        ({"builder_digest": digest("other")}, "builder"),
    ],
)
def test_facts_that_the_key_does_not_go_with_are_refused(
    kernel: Kernel, change: dict[str, object], says: str
) -> None:
    facts = dataclasses.replace(kernel.facts, **change)  # type: ignore[arg-type]
    lying = dataclasses.replace(kernel, facts=facts)
    refused(kernel, lying.write(), f"the {says} in the image's labels does not match")


def test_another_version_than_asked_for_is_refused(kernel: Kernel) -> None:
    images = kernel.write()
    with pytest.raises(IngotError, match="the kernel version in the image's labels does not match"):
        require_images_of(kernel.layout, images, KernelVersion.parse("6.1.177"), RECIPE)


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_images_that_do_not_agree_are_refused(kernel: Kernel, name: str) -> None:
    images = kernel.write()
    labels = {"dev.ingot.command-line": "init=/bin/sh"}
    images[name] = again(kernel, images[name], labels=labels, annotations=labels)
    refused(kernel, images, "more than one kernel")


@pytest.mark.parametrize("name", KERNEL_IMAGES)
@pytest.mark.parametrize(
    "change",
    [
        {"annotations": {"dev.ingot.command-line": "init=/bin/sh"}},
        {"platform": Platform("linux", "arm64")},
        {"platform": Platform("windows", "amd64")},
    ],
)
def test_an_image_that_contradicts_itself_is_refused(
    kernel: Kernel, name: str, change: dict[str, Platform]
) -> None:
    images = kernel.write()
    images[name] = again(kernel, images[name], **change)  # type: ignore[arg-type]
    refused(kernel, images, f"{name} contradicts itself")


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_an_image_with_a_label_that_leads_out_is_refused(kernel: Kernel, name: str) -> None:
    images = kernel.write()
    labels = {"dev.ingot.release": "../../../etc", "dev.ingot.mount-path": "/etc"}
    images[name] = again(kernel, images[name], labels=labels, annotations=labels)
    refused(kernel, images, r"dev\.ingot\.release has an invalid value")


REG, LNK, SYM, DIR = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE
HOME = f"lib/modules/{RELEASE}"


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (BIN, ("etc/shadow", REG, "x")),
        (BIN, (f"{HOME}/kernel/x.ko", REG, "x")),
        (BIN, ("boot/vmlinux", SYM, "/etc/shadow")),
        (BIN, ("boot/vmlinux", LNK, "boot/other")),
        (BIN, ("boot", SYM, "/etc")),
        (BIN, ("boot/.wh.vmlinux", REG, "")),
        (BIN, ("boot/.wh..wh..opq", REG, "")),
        (BIN, ("boot/vmlinux", tarfile.FIFOTYPE, "")),
        (BIN, ("boot/vmlinux.old", REG, "x")),
        (BASE, ("lib", SYM, "/")),
        (BASE, (HOME, SYM, "/etc")),
        (BASE, (f"{HOME}/updates", SYM, "/etc")),
        (BASE, (f"{HOME}-other/x.ko", REG, "x")),
        (BASE, ("boot/config-other", REG, "x")),
        (BASE, ("init", REG, "#!/bin/sh")),
        (MODULES, (f"{HOME}/updates", SYM, "/etc")),
        (MODULES, (f"{HOME}/modules.dep", LNK, f"{HOME}/kernel")),
        (MODULES, ("sbin", SYM, "/sbin")),
        (MODULES, ("kernel", SYM, "../../etc")),
        (MODULES, ("boot/vmlinux", REG, "x")),
        (DEBUG, ("usr/lib/debug/boot/System.map-other", REG, "x")),
        (DEBUG, (f"usr/lib/debug/{HOME}/vmlinux", SYM, "/etc/shadow")),
        (DEVEL, (f"usr/src/linux-{RELEASE}/include", SYM, "/etc")),
        (DEVEL, (f"{HOME}/build", SYM, "/etc")),
        (DEVEL, ("usr/src/linux-other/Makefile", REG, "x")),
        (DEVEL, ("usr/bin/make", REG, "x")),
    ],
)
def test_an_image_that_holds_what_is_not_of_its_kind_is_refused(
    kernel: Kernel, name: str, entry: tuple[str, bytes, str]
) -> None:
    images = kernel.write()
    images[name] = with_more(kernel, images[name], layer(kernel, entry))
    refused(kernel, images, f"{name} has unexpected contents")


def test_a_devel_image_for_no_machine_is_refused(kernel: Kernel) -> None:
    images = kernel.write()
    labels = {"dev.ingot.devel.host": "[/x]"}
    images[DEVEL] = again(kernel, images[DEVEL], labels=labels)
    refused(kernel, images, "not an architecture")


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1644])
def test_special_bits_are_refused(kernel: Kernel, mode: int) -> None:
    images = kernel.write()
    more = layer(kernel, ("boot/vmlinux", REG, "x"), mode=mode)
    images[BIN] = with_more(kernel, images[BIN], more)
    refused(kernel, images, "unexpected contents")


@pytest.mark.parametrize("name", [BIN, BASE, DEBUG])
def test_an_image_that_lacks_what_is_of_its_kind_is_refused(kernel: Kernel, name: str) -> None:
    images = kernel.write()
    images[name] = again(kernel, images[name], layers=(layer(kernel, ("boot", DIR, "")),))
    refused(kernel, images, "lacks|unexpected contents")


def test_another_config_than_the_one_named_is_refused(kernel: Kernel) -> None:
    images = kernel.write()
    other = layer(kernel, (f"boot/config-{RELEASE}", REG, "CONFIG_A=y\n"))
    images[BASE] = with_more(kernel, images[BASE], other)
    refused(kernel, images, "config file in its images")


def test_an_annotation_with_another_config_is_refused(kernel: Kernel) -> None:
    images = kernel.write()
    annotations = read_image(kernel.layout, images[BASE]).annotations
    other = annotations["dev.ingot.makeup"]
    images[BASE] = again(kernel, images[BASE], annotations={"dev.ingot.config": other})
    refused(kernel, images, "not a kernel's config")


def test_packages_that_are_not_the_builders_are_refused(kernel: Kernel) -> None:
    images = write_images(
        *(kernel.layout, kernel.artifacts, kernel.facts, X86, Silent()),
        packages=["gcc=1"],
        host=arch("arm64"),
    )
    refused(kernel, images, "packages that are not its builder's")


def test_a_layer_that_images_share_is_read_once(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = kernel.write()
    opened: list[Layer] = []
    real: Callable[..., object] = open_layer

    def count(layout: object, layer: Layer, allowance: object) -> object:
        opened.append(layer)
        return real(layout, layer, allowance)

    monkeypatch.setattr("ingot.images.check_images.open_layer", count)
    check(kernel, images)
    assert len(opened) == len(set(opened))


def test_a_damaged_layer_is_refused(kernel: Kernel) -> None:
    images = kernel.write()
    document = json.loads(kernel.layout.read_blob(images[DEVEL]))
    path = kernel.layout.blobs.path(Digest.parse(document["layers"][0]["digest"]))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(kernel, images, "damaged")


# The config that one sees is the config that was checked


def test_a_layer_that_is_listed_twice_hides_nothing(kernel: Kernel) -> None:
    images = dict(kernel.write())
    image = read_image(kernel.layout, images[BASE])
    name = f"boot/config-{RELEASE}"
    bad = layer(kernel, (name, tarfile.REGTYPE, "CONFIG_EVIL=y\n"))
    good = layer(kernel, (name, tarfile.REGTYPE, CONFIG))
    images[BASE] = again(kernel, images[BASE], layers=(*image.layers, bad, good, bad))
    with pytest.raises(VerificationError, match="twice"):
        check(kernel, images)


def test_a_config_too_long_to_be_read_is_not_the_one_that_is_named(kernel: Kernel) -> None:
    images = dict(kernel.write())
    image = read_image(kernel.layout, images[BASE])
    big = layer(kernel, (f"boot/config-{RELEASE}", tarfile.REGTYPE, "# x\n" * 1_100_000))
    images[BASE] = again(kernel, images[BASE], layers=(*image.layers, big))
    with pytest.raises(VerificationError, match="config"):
        check(kernel, images)
