"""Building a kernel again from its images: on another machine, and one that differs each time."""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.oci import read_image, write_image
from tests.support.houses import House
from tests.support.places import FAKE_TREE
from tests.support.registries import Served, serve

PATCHED = "6.1.999-patched"
STAMP = "$(KBUILD_BUILD_TIMESTAMP)"
"""What the fake tree's Makefile writes into the kernel, behind `fake kernel 6.1.999 made `."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


def patch(house: House, before: str, after: str) -> Path:
    """A patch of the fake tree's Makefile that replaces a text in one line."""
    text = (FAKE_TREE / "Makefile").read_text()
    assert text.count(before) == 1
    old, new = (each.splitlines(keepends=True) for each in (text, text.replace(before, after)))
    path = house.root / "a.patch"
    path.write_text("".join(difflib.unified_diff(old, new, "a/Makefile", "b/Makefile")))
    return path


def build(house: House, change: Path) -> None:
    done = house.ingot("build", "6.1", "--patch", str(change))
    assert done.returncode == 0, done.stderr


def test_a_kernel_is_reproduced_from_a_registry_on_another_machine(
    house: House, served: Served
) -> None:
    """The other machine has the catalog and the source, but neither the patch nor the builder."""
    change = patch(house, STAMP, f"patched {STAMP}")
    build(house, change)
    registry = f"{served.address}/kernels"
    pushed = house.ingot("push", PATCHED, "--registry", registry, "--builder")
    assert pushed.returncode == 0, pushed.stderr
    change.unlink()
    elsewhere = house.root / "elsewhere"
    shutil.copytree(house.kernels, elsewhere / "kernels")
    shutil.copytree(house.cache / "sources", elsewhere / "cache" / "sources", symlinks=True)
    shutil.copy(house.cache / "CACHEDIR.TAG", elsewhere / "cache")
    other = House(elsewhere)
    image = f"kernel-bin:{PATCHED}-x86_64"
    made = other.ingot("reproduce", image, "--from", registry, "--json")
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    assert document["reproduced"] is True
    assert len(document["images"]) == 5
    assert document["signed"] == []
    assert not [tag for tag in other.layout.tags() if tag.startswith("kernel-bin")]


def test_a_kernel_that_differs_each_time_is_not_reproduced(house: House) -> None:
    build(house, patch(house, STAMP, "$$(date +%N)"))
    made = house.ingot("reproduce", PATCHED)
    assert made.returncode == 4
    assert "not reproduced: flintlock-kernel, kernel-bin" in made.stderr
    assert "kernel: boot/vmlinux: differs from byte 2" in made.stderr
    assert "Traceback" not in made.stderr


def test_who_reproduced_a_kernel_can_sign_that(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGOT_KEY_PASSWORD", "x")
    key = str(house.root / "team")
    assert house.ingot("build", "6.1").returncode == 0
    assert house.ingot("keygen", key).returncode == 0
    made = house.ingot("reproduce", "6.1", "--sign", f"{key}.key")
    assert made.returncode == 0, made.stderr
    assert "signed: 5 images" in made.stdout
    found = house.ingot("verify", "6.1", "--key", f"{key}.pub", "--reproduced-by", "1")
    assert found.returncode == 0, found.stderr
    _refuses_an_image_that_only_has_the_labels(house)


def _refuses_an_image_that_only_has_the_labels(house: House) -> None:
    layout = house.layout
    image = read_image(layout, layout.tags()["kernel-bin:6.1.999"])
    labels = {**image.labels, "org.example.other": "x"}
    other = write_image(layout, image.layers, image.platform, labels, labels, 0)
    layout.tag({"kernel-bin:6.1.999": other})
    made = house.ingot("reproduce", "kernel-bin:6.1.999")
    assert made.returncode == 4
    assert "is not the image that its recipe's tag refers to" in made.stderr
