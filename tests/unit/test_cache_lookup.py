"""Looking for a recipe in a registry without pulling it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingot import registry
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.pipeline.registry_cache import has_kernel
from ingot.progress import Silent
from ingot.registry import Registry
from tests.support.digests import digest
from tests.support.kernel_images import RECIPE
from tests.support.progress import Recorder
from tests.support.shops import open_shop


@pytest.mark.parametrize(("present", "expected"), [(True, True), (False, False)])
def test_a_recipe_is_looked_up_by_its_immutable_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, present: bool, expected: bool
) -> None:
    asked = []

    def find(reference: str, *, insecure: bool) -> Digest | None:
        asked.append((reference, insecure))
        return digest(reference) if present else None

    monkeypatch.setattr(registry, "find_digest", find)
    shop = open_shop(tmp_path)
    setting, kernel = shop.setting, shop.kernel("6.1.9")
    assert not has_kernel(setting, kernel, RECIPE, Silent())
    assert asked == []
    options = dataclasses.replace(setting.options, cache=Registry("localhost:5000", insecure=True))
    setting = dataclasses.replace(setting, options=options)
    assert has_kernel(setting, kernel, RECIPE, Silent()) is expected
    image = f"localhost:5000/flintlock-kernel:6.1.9-{RECIPE.key.short}"
    assert asked[0] == (image, True)


def test_a_registry_that_cannot_be_read_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    def find(_reference: str, *, insecure: bool) -> Digest | None:
        del insecure
        raise MachineError("the registry does not answer")

    monkeypatch.setattr(registry, "find_digest", find)
    shop = open_shop(tmp_path)
    options = dataclasses.replace(shop.setting.options, cache=Registry("localhost:5000"))
    setting = dataclasses.replace(shop.setting, options=options)
    assert not has_kernel(setting, shop.kernel("6.1.9"), RECIPE, recorder)
    assert "does not answer" in recorder.notes[0]
