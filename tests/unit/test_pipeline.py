"""Whatever the pipeline is entered for, `prune` stays away from what it uses meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ingot import lab, pipeline
from ingot.builder.sandbox import Builder
from ingot.files import locked, locked_if_free
from ingot.images import BASE
from ingot.lab import boot_target
from ingot.oci import read_image
from ingot.pipeline import building
from ingot.setting import Setting, in_use
from tests.support.digests import digest
from tests.support.kernel_images import make_kernel
from tests.support.progress import Recorder


class ReachedError(Exception):
    """Raised where a test has seen what it wants to see."""


@pytest.fixture
def work(setting: Setting) -> Callable[..., NoReturn]:
    """A stand-in for work that looks whether `prune` could begin just now."""

    def look(*_: object, **__: object) -> NoReturn:
        with locked_if_free(setting.project.workspace.lock("use")) as free:
            assert not free
        raise ReachedError

    return look


def test_prune_stays_away_while_a_builder_is_made(
    setting: Setting, work: Callable[..., NoReturn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.pipeline.builders.builder_kinds.ensure", work)
    spec = setting.project.catalog.kernels[0].builder
    with pytest.raises(ReachedError):
        pipeline.ensure_builder(setting, spec, Recorder())


def test_prune_stays_away_while_an_image_is_booted(
    setting: Setting,
    work: Callable[..., NoReturn],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(boot_target, "extract", work)
    kernel = make_kernel(tmp_path)
    image = read_image(kernel.layout, kernel.build()[BASE])
    builder = Builder("bookworm", digest("builder"), tmp_path)
    with pytest.raises(ReachedError):
        lab.boot_image(setting, image, builder, lab.BootRequest(), Recorder())


def test_prune_stays_away_while_an_image_is_measured(
    setting: Setting,
    work: Callable[..., NoReturn],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(boot_target, "extract", work)
    kernel = make_kernel(tmp_path)
    image = read_image(kernel.layout, kernel.build()[BASE])
    builder = Builder("bookworm", digest("builder"), tmp_path)
    with pytest.raises(ReachedError):
        lab.profile_image(setting, image, builder, Recorder())


@pytest.mark.parametrize("step", ["building.find_without_work", "new_build.make_images"])
def test_prune_stays_away_while_a_kernel_is_looked_for_and_built(
    setting: Setting,
    work: Callable[..., NoReturn],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    monkeypatch.setattr(building, "make_plan", lambda *_: None)
    monkeypatch.setattr(building, "require_usable", lambda *_: None)
    monkeypatch.setattr(building, "find_without_work", lambda *_: None)
    monkeypatch.setattr("ingot.pipeline.building.tools.require_all", lambda *_, **__: None)
    monkeypatch.setattr(f"ingot.pipeline.{step}", work)
    with pytest.raises(ReachedError):
        pipeline.build(setting, setting.project.catalog.kernels[0], Recorder())


def test_use_nests_and_says_that_it_waits_for_prune(setting: Setting) -> None:
    recorder = Recorder()
    ended = threading.Event()

    def use() -> None:
        with in_use(setting.project, recorder), in_use(setting.project, recorder):
            ended.set()

    thread = threading.Thread(target=use)
    with locked(setting.project.workspace.lock("use")):
        thread.start()
        assert not ended.wait(0.1)
    thread.join(10)
    assert ended.is_set()
    assert recorder.notes == ["`ingot prune` is running; waiting"]
