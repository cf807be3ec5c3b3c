"""Signatures in a store: they are not images, and are removed with the image they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.housekeeping import prune
from ingot.image_lookup import find_image_named
from ingot.images import BIN, signatures_tag
from ingot.inventory import list_images, remove_images
from ingot.setting import Project
from ingot.trust.signing import sign_image
from ingot.trust.store_place import StorePlace
from tests.support.one_kernel import make_setting
from tests.support.recorded_kernels import TAG, put_kernel
from tests.support.signatures import CREATED, key


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A store with one kernel, whose image kernel-bin is signed."""
    project = make_setting(tmp_path).project
    put_kernel(project.layout, tmp_path)
    descriptor = project.layout.tags()[f"{BIN}:{TAG}"]
    sign_image(StorePlace(project.layout, BIN), descriptor, [], key(), CREATED)
    return project


def signatures_of(project: Project) -> str:
    return f"{BIN}:{signatures_tag(project.layout.tags()[f'{BIN}:{TAG}'].digest)}"


def test_signatures_are_not_listed_as_images(project: Project) -> None:
    assert signatures_of(project) in project.layout.tags()
    tags = {tag for image in list_images(project.layout) for tag in image.tags}
    assert not [tag for tag in tags if tag.startswith("sha256-")]


def test_signatures_cannot_be_named_as_an_image(project: Project) -> None:
    with pytest.raises(UserError, match="has no image"):
        find_image_named(project, signatures_of(project))


def test_signatures_are_removed_with_their_image(project: Project) -> None:
    tag = signatures_of(project)
    removed = remove_images(project, [f"{BIN}:{TAG}"], dry_run=False)
    assert tag in removed.tags
    assert tag not in project.layout.tags()


def test_prune_keeps_the_signatures_of_kept_images_and_removes_others(project: Project) -> None:
    tag = signatures_of(project)
    prune(project, everything=False, dry_run=False)
    assert tag in project.layout.tags()
    layout = project.layout
    layout.untag([each for each in layout.tags() if each.startswith(f"{BIN}:6.1.176")])
    removed = prune(project, everything=False, dry_run=False)
    assert f"signatures {tag}" in [item.what for item in removed]
    assert tag not in layout.tags()
