"""Tags of a store: how an arch is written in them, and how earlier stores are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.image_lookup import find_image_named
from ingot.images import BASE, KERNEL_IMAGES, artifact_kind, find_images, tags_of_store
from ingot.images.image_names import outdated_tags
from ingot.oci import read_image
from ingot.pipeline import found_build
from ingot.progress import Silent, Timed
from ingot.publish.shipment import gather
from ingot.specs.spec_kernel import find_spec_kernel
from tests.support.digests import digest
from tests.support.shops import Shop, open_shop

NAME, BEFORE = "6.1.9-x86_64", "6.1.9-amd64"


@pytest.fixture
def earlier(tmp_path: Path) -> Shop:
    """A store as earlier versions of Ingot left it, of a catalog whose first arch is arm64."""
    shop = open_shop(tmp_path)
    catalog = tmp_path / "kernels" / "kernels.toml"
    catalog.write_text(catalog.read_text().replace('["x86_64", "arm64"]', '["arm64", "x86_64"]'))
    images = shop.put(NAME)
    shop.layout.untag([f"{name}:{NAME}" for name in images])
    shop.layout.tag({f"{name}:{BEFORE}": descriptor for name, descriptor in images.items()})
    return shop


def test_an_arch_is_written_in_tags_as_registries_have_it(earlier: Shop) -> None:
    assert earlier.kernel("6.1.9-amd64").tag == earlier.kernel("6.1.9-x86_64").tag == NAME
    assert earlier.kernel("6.1.9").tag == "6.1.9"


def test_what_an_earlier_store_has_is_found(earlier: Shop) -> None:
    tags = tags_of_store(earlier.layout)
    assert {tag: tags[tag].digest for tag in tags if tag.endswith(NAME)} == {
        f"{name}:{NAME}": tags[f"{name}:{BEFORE}"].digest for name in KERNEL_IMAGES
    }
    for name in ("6.1.9-amd64", f"{BASE}:6.1.9-amd64", NAME, f"{BASE}:{NAME}"):
        _, image = find_image_named(earlier.setting.project, name)
        assert image.descriptor.digest == tags[f"{BASE}:{BEFORE}"].digest


def test_what_an_earlier_store_has_is_pushed_and_referred_to(earlier: Shop) -> None:
    kernel = earlier.kernel(NAME)
    (shipment,) = gather(earlier.layout, [kernel], builders=False)
    assert {part.moving for part in shipment.parts} == {NAME}
    subject = find_spec_kernel(earlier.layout, kernel, "example.org/x", pin=True)
    # no tag of the store is named that another program would not find there
    assert subject.store is None
    assert all("@sha256:" in reference for reference in subject.references.values())


def test_todays_tag_goes_before_the_earlier_one(earlier: Shop) -> None:
    newer = earlier.put(NAME, "newer")
    tags = tags_of_store(earlier.layout)
    assert tags[f"{BASE}:{NAME}"].digest == newer[BASE].digest
    assert tags[f"{BASE}:{BEFORE}"].digest != newer[BASE].digest


def test_the_next_build_replaces_the_earlier_tags(earlier: Shop) -> None:
    kernel = earlier.kernel(NAME)
    found = find_images(earlier.layout, kernel.version, digest(f"recipe of {NAME}"))
    assert found is not None
    found_build.accept(earlier.setting.project, kernel, found, Timed(Silent()))
    tags = earlier.layout.tags()
    assert not [tag for tag in tags if tag.endswith("amd64")]
    assert {name: tags[f"{name}:{NAME}"].digest for name in KERNEL_IMAGES} == {
        name: image.descriptor.digest for name, image in found.items()
    }
    assert read_image(earlier.layout, tags[f"{BASE}:{NAME}"]).platform.architecture == "amd64"


@pytest.mark.parametrize("tag", ["6.1.9", "6.1.9-minimal", "6.1.9-minimal-arm64"])
def test_a_build_of_any_other_kernel_leaves_all_tags_in_place(tag: str) -> None:
    assert outdated_tags(KERNEL_IMAGES, tag) == []
    lost = [name for name in KERNEL_IMAGES if name != BASE]
    assert outdated_tags(lost, tag) == [f"{BASE}:{tag}"]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("flintlock-kernel:6.1.176-1a2b3c4d5e6f-boot", "boot"),
        ("flintlock-kernel:6.1.176-1a2b3c4d5e6f-files", "files"),
        ("flintlock-kernel:6.1.176-1a2b3c4d5e6f", None),
        ("flintlock-kernel:6.1.176-boot", None),
        ("kernel-bin:6.1.176-1a2b3c4d5e6f-boot", None),
        ("flintlock-kernel:6.1.176-1a2b3c4d5e6f-boot-x", None),
        ("flintlock-kernel:6.1.176-1a2b3c4d5e6f-other", None),
    ],
)
def test_the_tag_of_an_artifact_is_not_the_tag_of_an_image(tag: str, kind: str | None) -> None:
    assert artifact_kind(tag) == kind
