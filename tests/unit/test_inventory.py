"""The images of the store: how they are listed, and which tags a removal takes along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot.boot.cost.boot_profile import PROFILE_TYPE
from ingot.builder import builder_image
from ingot.cli.main import app
from ingot.errors import MachineError, UserError
from ingot.housekeeping import prune
from ingot.images import BASE, KERNEL_IMAGES, is_immutable
from ingot.inventory import ListedImage, list_images, remove_images
from ingot.oci import Layout, collect_garbage, read_image, write_artifact
from tests.support.shops import BUILDER, PACKAGES, Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


def listed(shop: Shop, *words: str) -> dict[str, ListedImage]:
    return {image.reference: image for image in list_images(shop.layout, words)}


def remove(shop: Shop, *names: str, dry_run: bool = False) -> tuple[str, ...]:
    return tuple(remove_images(shop.setting.project, names, dry_run=dry_run).tags)


def refusal(shop: Shop, *names: str) -> str:
    before = shop.layout.tags()
    with pytest.raises(UserError) as caught:
        remove(shop, *names)
    assert caught.value.hint
    assert shop.layout.tags() == before
    return str(caught.value)


def fixed_tags(layout: Layout) -> set[str]:
    tags = layout.tags()
    return {tag for tag in tags if is_immutable(tag, read_image(layout, tags[tag]))}


def test_an_image_is_listed_once_with_all_its_tags(shop: Shop) -> None:
    images = shop.put("6.1.9")
    found = listed(shop)
    assert set(found) == {f"{name}:6.1.9" for name in KERNEL_IMAGES}
    base = found[f"{BASE}:6.1.9"]
    assert base.digest == images[BASE].digest
    assert base.facts
    assert base.tags == ("6.1.9", f"6.1.9-{base.facts.recipe_key.short}")
    assert (base.arch, base.earlier, base.fault) == ("x86_64", False, "")
    assert base.size == read_image(shop.layout, images[BASE]).size


def test_unique_bytes_are_those_that_removing_only_this_image_frees(shop: Shop) -> None:
    shop.put("6.1.9")
    for name, image in listed(shop).items():
        removed = remove_images(shop.setting.project, [name], dry_run=True)
        assert removed.freed == image.own_size < image.size or name.startswith("kernel-de")


def test_an_image_with_only_the_tag_of_its_recipe_is_an_earlier_build(shop: Shop) -> None:
    shop.put("6.1.9")
    shop.layout.untag([f"{BASE}:6.1.9"])
    (base,) = listed(shop, BASE).values()
    assert base.earlier


def test_a_builder_has_its_moving_tag_first(shop: Shop) -> None:
    shop.put_builder()
    (builder,) = listed(shop).values()
    assert builder.reference == BUILDER
    assert builder.tags == ("test", f"test-{PACKAGES.short}")


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("6.1", True),
        ("6.1.9", True),
        ("6.1.9-minimal", True),
        ("6.1.9-mini", False),
        ("6.1.1", False),
        ("6", True),
        ("7.2", False),
        ("kernel-bin", True),
        ("kernel", False),
        ("kernel-bin:6.1.9-minimal", True),
        ("kernel-bin:6.1", False),
    ],
)
def test_a_word_is_a_name_or_whole_words_of_a_tag(word: str, named: bool) -> None:
    image = ListedImage("kernel-bin", ("6.1.9-minimal",), PACKAGES, 2, 1)
    assert image.is_named(word) is named


def test_a_word_that_names_no_image_is_refused(shop: Shop) -> None:
    shop.put("6.1.9")
    assert set(listed(shop, "kernel-bin", "kernel-debug:6.1.9")) == {
        "kernel-bin:6.1.9",
        "kernel-debug:6.1.9",
    }
    with pytest.raises(UserError, match=r"has no image '7\.2'"):
        listed(shop, "kernel-bin", "7.2")


def test_a_damaged_image_is_listed_with_its_fault_and_can_be_removed(shop: Shop) -> None:
    manifest = shop.layout.blobs.path(shop.put("6.1.9")[BASE].digest)
    manifest.write_bytes(b"x" + manifest.read_bytes()[1:])
    fixed = {tag for tag in shop.layout.tags() if tag.startswith(BASE)}
    faults = {image.fault for image in listed(shop, BASE).values()}
    assert len(faults) == 1
    assert "damaged" in faults.pop()
    removed = remove_images(shop.setting.project, sorted(fixed), dry_run=False)
    assert set(removed.tags) == fixed
    assert removed.freed is None
    assert collect_garbage(shop.layout).blobs


def test_a_damaged_image_does_not_stop_the_removal_of_another(shop: Shop) -> None:
    image = read_image(shop.layout, shop.put("6.1.9")[BASE])
    config = shop.layout.blobs.path(image.config.digest)
    config.write_bytes(b"x" + config.read_bytes()[1:])
    assert [name for name, image in listed(shop).items() if image.fault] == [f"{BASE}:6.1.9"]
    assert "kernel-bin:6.1.9" in remove(shop, "kernel-bin:6.1.9")


def test_a_kernel_goes_with_the_tags_of_its_recipe_and_prune_frees_what_was_promised(
    shop: Shop,
) -> None:
    shop.put("6.1.9")
    shop.put("6.1.9-minimal")
    kept = {tag for tag in shop.layout.tags() if "minimal" in tag}
    would = remove_images(shop.setting.project, ["6.1.9"], dry_run=True)
    removed = remove_images(shop.setting.project, ["6.1.9"], dry_run=False)
    assert would == removed
    assert len(removed.tags) == 2 * len(KERNEL_IMAGES)
    assert kept <= set(shop.layout.tags())
    (blobs,) = prune(shop.setting.project, everything=False, dry_run=False)
    assert blobs.size == removed.freed
    assert prune(shop.setting.project, everything=False, dry_run=False) == []


def test_another_moving_tag_keeps_the_tag_of_the_recipe(shop: Shop) -> None:
    images = shop.put("6.1.9")
    shop.layout.tag({f"{BASE}:mine": images[BASE]})
    assert remove(shop, f"{BASE}:mine") == (f"{BASE}:mine",)
    assert f"{BASE}:6.1.9" in shop.layout.tags()


def test_a_boot_profile_goes_with_its_image(shop: Shop) -> None:
    images = shop.put("6.1.9")
    profile = f"{BASE}:6.1.9-{'0' * 12}-boot"
    with shop.layout.in_use():
        artifact = write_artifact(shop.layout, PROFILE_TYPE, b"{}", images[BASE])
        shop.layout.tag({profile: artifact})
    assert profile in remove(shop, f"{BASE}:6.1.9")


def test_an_earlier_build_is_removed_by_the_tag_of_its_recipe(shop: Shop) -> None:
    shop.put("6.1.9")
    shop.layout.untag([f"{name}:6.1.9" for name in KERNEL_IMAGES])
    fixed = fixed_tags(shop.layout)
    (name,) = {tag.partition(":")[2] for tag in fixed}
    assert set(remove(shop, name)) == fixed
    assert shop.layout.tags() == {}


def test_the_tag_of_a_recipe_is_refused_while_a_version_refers_to_it(shop: Shop) -> None:
    shop.put("6.1.9")
    tag = min(tag for tag in fixed_tags(shop.layout) if tag.startswith("kernel-bin:"))
    assert "kernel-bin:6.1.9 refers to" in refusal(shop, tag)


def test_a_series_is_refused_if_the_store_has_several_of_its_versions(shop: Shop) -> None:
    shop.put("6.1.10")
    assert len(remove(shop, "6.1", dry_run=True)) == 2 * len(KERNEL_IMAGES)
    shop.put("6.1.9")
    assert "several versions of 6.1: 6.1.9, 6.1.10" in refusal(shop, "6.1")
    assert "several versions" in refusal(shop, "kernel-bin:6.1")


@pytest.mark.parametrize(
    "name", ["kernel-bin", "kernel-bin:9.9", "9.9", "nothing", "docker.io/x/kernel-bin:6.1.9"]
)
def test_a_name_that_is_not_one_image_is_refused(shop: Shop, name: str) -> None:
    shop.put("6.1.9")
    refusal(shop, name)
    refusal(shop, "kernel-debug:6.1.9", name)


def test_the_builder_of_the_catalog_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.put_builder()
    assert remove(shop, BUILDER, dry_run=True) == (BUILDER, f"{BUILDER}-{PACKAGES.short}")
    monkeypatch.setattr(builder_image, "serves", lambda *_: True)
    monkeypatch.setattr("ingot.inventory.image_removal.is_builder", lambda labels: bool(labels))
    assert "in use" in refusal(shop, BUILDER)


def test_a_kernel_is_refused_while_the_store_has_modules_for_it(shop: Shop) -> None:
    shop.put("6.1.9")
    modules = shop.put_modules("6.1.9")
    assert "modules in the store were compiled for this build" in refusal(shop, "6.1.9")
    assert set(remove(shop, "6.1.9-plus-hello", dry_run=True)) == set(modules)
    both = remove(shop, "6.1.9", "6.1.9-plus-hello")
    assert len(both) == 2 * len(KERNEL_IMAGES) + 2


def test_a_store_in_use_is_not_changed(shop: Shop) -> None:
    shop.put("6.1.9")
    before = shop.layout.tags()
    with shop.layout.in_use(), pytest.raises(MachineError, match="in use"):
        remove(shop, "6.1.9")
    assert shop.layout.tags() == before


def run(shop: Shop, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--catalog", str(shop.root / "kernels")])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_lists_images_as_a_table_and_as_json(shop: Shop) -> None:
    assert "has no images yet" in run(shop, "images")
    shop.put("6.1.9")
    rows = json.loads(run(shop, "images", "--json"))["images"]
    assert [row["image"] for row in rows] == sorted(f"{name}:6.1.9" for name in KERNEL_IMAGES)
    assert all(row["size"] >= row["unique_size"] > 0 for row in rows)
    shown = run(shop, "images")
    assert all(row["image"] in shown for row in rows)
    assert f"{len(rows)} images" in shown


def test_the_command_says_what_prune_will_free(shop: Shop) -> None:
    shop.put("6.1.9")
    assert "`ingot prune` would then free" in run(shop, "rm", "6.1.9", "--dry-run")
    assert json.loads(run(shop, "rm", "6.1.9", "--dry-run", "--json"))["size"] > 0
    assert "removed 10 tags; `ingot prune` frees" in run(shop, "rm", "6.1.9")
