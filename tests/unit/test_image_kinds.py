"""The kinds of images as rows: layers by name, and what one more row does to earlier builds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import pytest

from ingot import registry
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images import (
    BASE,
    BIN,
    DEBUG,
    DEVEL,
    KERNEL_IMAGES,
    KERNEL_LAYER,
    MODULES,
    MODULES_LAYER,
    ImageKind,
    LayerKind,
    find_images,
    holds_layer,
    lacking,
    layers_of,
    tags_for,
)
from ingot.images.write_images import _WRITERS
from ingot.oci import file_entry, read_image
from ingot.pipeline import registry_cache
from ingot.publish.shipment import gather
from ingot.registry import Registry
from ingot.version import KernelVersion
from tests.support.digests import digest
from tests.support.kernel_images import VERSION, Kernel, make_kernel
from tests.support.shops import Shop, open_shop

NEW = ImageKind("kernel-new", "the kernel once more", (KERNEL_LAYER,), required=False)

DIGESTS = {
    BASE: "db9f7da1ab6796c23f986b95dcd79f4a393bb16250aa4ad815643aa08a16ea74",
    BIN: "c7fa24bb9a65cd204e72a26157bbdf814ac4481db2ab9eaa1fd139da84e5bcf0",
    MODULES: "3768ba51757e05ee9d879db252c3e48994da61c45391e3cc41a82193274e2c94",
    DEBUG: "1fe1b281ff5a15f115b7c2ff7b8791c61bf4934720aa56e8248577ad966daf00",
    DEVEL: "8cd609109339ec243a9ddf53ca3ae67d7b3caead4906947077781be063c53584",
}
"""What the images of the kernel of these tests are, to the byte; they must not change."""

DIGESTS_WITHOUT_MODULES = {
    **DIGESTS,
    BASE: "6cb79be5188d2e9ee84587c13564b5e9d9590fe87da46dfee78efd5ce7726519",
    MODULES: "91a1b8be3ef5fe8d690dca943599719df0ee2ec24058deb2819cae4ca3d72101",
}


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return make_kernel(tmp_path)


def add_row(monkeypatch: pytest.MonkeyPatch, kind: ImageKind) -> None:
    monkeypatch.setitem(cast(dict[str, ImageKind], KERNEL_IMAGES), kind.name, kind)


def put(root: Path) -> Shop:
    """A store with a kernel, built with the rows that there are now."""
    shop = open_shop(root)
    shop.put("6.1.9")
    return shop


# Rows


@pytest.mark.parametrize(
    ("with_modules", "expected"), [(True, DIGESTS), (False, DIGESTS_WITHOUT_MODULES)]
)
def test_images_are_what_they_were_to_the_byte(
    tmp_path: Path, with_modules: bool, expected: dict[str, str]
) -> None:
    images = make_kernel(tmp_path, with_modules=with_modules).write()
    assert {name: descriptor.digest.hex for name, descriptor in images.items()} == expected


def test_every_layer_of_a_row_has_a_writer() -> None:
    layers = {layer.name for kind in KERNEL_IMAGES.values() for layer in kind.layers}
    assert set(_WRITERS) == layers


def test_a_layer_name_means_one_kind_of_layer() -> None:
    layers = {layer for kind in KERNEL_IMAGES.values() for layer in kind.layers}
    assert len({layer.name for layer in layers}) == len(layers)


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_the_number_of_layers_decides_which_are_there(name: str) -> None:
    """So there is at most one layer that may be missing."""
    assert sum(layer.optional for layer in KERNEL_IMAGES[name].layers) <= 1


def test_rows_say_which_images_have_a_kernel_or_modules() -> None:
    assert [name for name in KERNEL_IMAGES if holds_layer(name, KERNEL_LAYER)] == [BASE, BIN]
    assert [name for name in KERNEL_IMAGES if holds_layer(name, MODULES_LAYER)] == [BASE, MODULES]
    assert not holds_layer("kernel-builder", KERNEL_LAYER)


# Layers by name


@pytest.mark.parametrize("with_modules", [True, False])
def test_layers_are_found_by_name(tmp_path: Path, with_modules: bool) -> None:
    kernel = make_kernel(tmp_path, with_modules=with_modules)
    images = {name: read_image(kernel.layout, d) for name, d in kernel.write().items()}
    named = {name: layers_of(image) for name, image in images.items()}
    assert {name: list(layers) for name, layers in named.items()} == {
        BASE: ["kernel", "config", "modules"],
        BIN: ["kernel"],
        MODULES: ["modules", "module-links"] if with_modules else ["modules"],
        DEBUG: ["symbols"],
        DEVEL: ["devel-common", "devel-own"],
    }
    assert named[BIN]["kernel"] == named[BASE]["kernel"]
    assert named[MODULES]["modules"] == named[BASE]["modules"]
    assert all(tuple(named[name].values()) == image.layers for name, image in images.items())


def test_an_image_with_another_number_of_layers_has_no_names_for_them(kernel: Kernel) -> None:
    base = read_image(kernel.layout, kernel.write()[BASE])
    for layers in (base.layers[:2], (*base.layers, base.layers[0])):
        with pytest.raises(UserError, match="does not have the layers of a kernel image") as caught:
            layers_of(dataclasses.replace(base, layers=layers))
        assert f"it has {len(layers)} layers, which is wrong for '{BASE}'" in caught.value.why


def test_layers_of_an_image_of_something_else_have_no_names(kernel: Kernel) -> None:
    base = read_image(kernel.layout, kernel.write()[BASE])
    with pytest.raises(UserError, match="does not have the layers of a kernel image") as caught:
        layers_of(dataclasses.replace(base, labels={}))
    assert "org.opencontainers.image.title" in caught.value.why


def test_a_missing_optional_layer_moves_no_name() -> None:
    optional = LayerKind("second", optional=True)
    kind = ImageKind("some", "", (LayerKind("first"), optional, LayerKind("third")))
    assert kind.name_layers("ac") == {"first": "a", "third": "c"}
    assert kind.name_layers("abc") == {"first": "a", "second": "b", "third": "c"}
    assert kind.name_layers("a") is None
    assert kind.name_layers("abcd") is None


# One more row


def test_a_new_row_and_its_writer_are_all_that_a_new_image_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = make_kernel(tmp_path)
    before = kernel.write()
    extra = LayerKind("extra", files=("boot/extra",))
    add_row(monkeypatch, ImageKind("kernel-extra", "more", (KERNEL_LAYER, extra), required=False))
    monkeypatch.setitem(
        cast(dict[str, object], _WRITERS),
        "extra",
        lambda artifacts: [file_entry("boot/extra", artifacts.config)],
    )
    images = kernel.build()
    assert {name: images[name] for name in before} == before
    layers = layers_of(read_image(kernel.layout, images["kernel-extra"]))
    assert list(layers) == ["kernel", "extra"]
    found = find_images(kernel.layout, VERSION, kernel.facts.recipe_key)
    assert found is not None
    assert set(found) == {*before, "kernel-extra"}


def test_an_earlier_build_without_a_new_image_is_complete(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel.build()
    add_row(monkeypatch, NEW)
    assert lacking(before) == []
    found = find_images(kernel.layout, VERSION, kernel.facts.recipe_key)
    assert found is not None
    assert {name: each.descriptor.digest for name, each in found.items()} == {
        name: each.digest for name, each in before.items()
    }


def test_an_earlier_build_without_a_required_image_is_not_complete(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel.build()
    add_row(monkeypatch, dataclasses.replace(NEW, required=True))
    assert lacking(before) == ["kernel-new"]
    assert find_images(kernel.layout, VERSION, kernel.facts.recipe_key) is None


def test_an_optional_image_of_another_recipe_is_not_part_of_a_build(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernel.build()
    add_row(monkeypatch, NEW)
    other = dataclasses.replace(kernel.facts, recipe_key=digest("other"))
    stray = dataclasses.replace(kernel, facts=other).write()["kernel-new"]
    kernel.layout.tag(tags_for({"kernel-new": stray}, kernel.facts, "6.1.176"))
    found = find_images(kernel.layout, VERSION, kernel.facts.recipe_key)
    assert found is not None
    assert set(found) == set(before)


def test_an_earlier_build_is_pushed_without_a_new_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = put(tmp_path)
    names = [
        part.repository
        for part in gather(shop.layout, [shop.kernel("6.1.9")], builders=False)[0].parts
    ]
    add_row(monkeypatch, NEW)
    (shipment,) = gather(shop.layout, [shop.kernel("6.1.9")], builders=False)
    assert [part.repository for part in shipment.parts] == names
    assert [line.repository for line in shipment.multi_arch_images] == names


def test_a_new_image_that_only_one_arch_has_is_pushed_for_that_arch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = put(tmp_path)
    add_row(monkeypatch, NEW)
    shop.put("6.1.9-arm64")
    kernels = [shop.kernel("6.1.9"), shop.kernel("6.1.9-arm64")]
    (shipment,) = gather(shop.layout, kernels, builders=False)
    assert [part.tags for part in shipment.parts if part.repository == "kernel-new"] == [
        [f"kernel-new:6.1.9-{digest_of_recipe('6.1.9-arm64')}", "kernel-new:6.1.9-arm64"]
    ]
    assert "kernel-new" in [line.repository for line in shipment.multi_arch_images]
    assert {line.version for line in shipment.multi_arch_images} == {KernelVersion.parse("6.1.9")}


@pytest.mark.parametrize(("lost", "complete"), [("kernel-new", True), (DEVEL, False)])
def test_a_registry_without_a_new_image_has_a_whole_kernel(
    monkeypatch: pytest.MonkeyPatch, lost: str, complete: bool
) -> None:
    add_row(monkeypatch, NEW)

    def find_digest(reference: str, *, insecure: bool) -> Digest | None:
        return None if lost in reference else digest(reference)

    monkeypatch.setattr(registry, "find_digest", find_digest)
    found = registry_cache._digests(Registry("host/x", insecure=False), "6.1.9-0123456789ab")
    assert (found is not None) == complete
    if found is not None:
        assert set(found) == set(KERNEL_IMAGES) - {lost}


def digest_of_recipe(name: str) -> str:
    return digest(f"recipe of {name}").short
