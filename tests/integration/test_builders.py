"""Builders: made, shown, locked and updated, taken from a registry; the machine's own; clang."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingot import pipeline
from ingot.builder.builder_packages import digest_of
from ingot.errors import MachineError, UserError
from ingot.images import read_facts
from ingot.oci import Layout, read_image
from ingot.progress import Silent
from tests.support import fakes
from tests.support.builders import Machine
from tests.support.houses import House
from tests.support.registries import Served, serve

FIRST, SECOND = ("make:amd64=1.0-1",), ("make:amd64=2.0-1",)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "registry") as served:
        yield served


def lock_of(house: House) -> Path:
    return house.kernels / "builders" / "test-x86_64.lock"


def ask(house: House, *words: str) -> str:
    """What a command prints that succeeds."""
    done = house.ingot(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def change(house: House, old: str, new: str) -> None:
    """Change the catalog's file."""
    path = house.kernels / "kernels.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def made(house: House) -> int:
    """How often a builder was made."""
    return len(house.recorded("mmdebstrap"))


# Made and shown


@pytest.mark.parametrize("words", [(), ("make",), ("test",), ("make", "test"), ("6.1",)])
def test_a_builder_is_made_once(house: House, words: tuple[str, ...]) -> None:
    first = ask(house, "builder", *words)
    assert first == f"test  {digest_of(FIRST)}\n"
    assert ask(house, "builder") == first
    assert made(house) == 1


def test_a_second_catalog_takes_its_builder_from_the_cache(house: House, tmp_path: Path) -> None:
    first = ask(house, "builder", "make")
    shutil.copytree(house.kernels, tmp_path / "second" / "kernels")
    second = ("--catalog", str(tmp_path / "second" / "kernels"))
    assert ask(house, "builder", "make", *second) == first
    assert made(house) == 1
    (kept,) = (house.cache / "builders").glob("*.image")
    (layer,) = read_image(Layout(kept), next(iter(Layout(kept).tags().values()))).layers
    blob = kept / "blobs" / "sha256" / layer.descriptor.digest.hex
    blob.chmod(0o644)
    blob.write_bytes(bytes(layer.descriptor.size))
    shutil.rmtree(tmp_path / "second" / "images")
    done = house.ingot("builder", "make", *second)
    assert (done.returncode, done.stdout) == (0, first), done.stderr
    assert "the builder in the cache is damaged, and is removed" in done.stderr
    assert made(house) == 2


def test_a_builder_that_the_catalog_no_longer_has_is_pruned_with_its_image(house: House) -> None:
    ask(house, "builder", "make")
    ask(house, "prune")
    assert len(list((house.cache / "builders").glob("*.image"))) == 1
    change(house, 'packages = ["make"]', 'packages = ["make", "bc"]')
    ask(house, "prune")
    assert list((house.cache / "builders").glob("*.image")) == []


def test_what_is_no_builder_and_no_kernel_is_told(house: House) -> None:
    for words in (("make", "nothing"), ("show", "nothing"), ("update", "nothing")):
        done = house.ingot("builder", *words)
        assert done.returncode == 2, words
        assert "nothing" in done.stderr


def test_a_builder_is_shown_before_and_after_it_was_made(house: House) -> None:
    (before,) = json.loads(ask(house, "builder", "show", "--json"))["builders"]
    assert (before["digest"], before["packages"], before["lock"]) == (None, None, None)
    assert "not made yet: `ingot builder make test`" in ask(house, "builder", "show")
    assert made(house) == 0
    ask(house, "builder")
    (after,) = json.loads(ask(house, "builder", "show", "test", "--json"))["builders"]
    assert after["packages"] == list(FIRST)
    assert after["digest"] == str(digest_of(FIRST))
    assert after["image_digest"] == str(house.layout.tags()["kernel-builder:test"].digest)
    assert (after["kind"], after["suite"], after["arch"]) == ("rootfs", "bookworm", "x86_64")
    text = ask(house, "builder", "show", "--packages")
    assert str(digest_of(FIRST)) in text
    assert FIRST[0] in text
    assert FIRST[0] not in ask(house, "builder", "show")


def test_images_name_the_builder_they_were_compiled_in(house: House) -> None:
    built = house.build()
    image = read_image(house.layout, house.layout.tags()["kernel-bin:6.1.999"])
    facts = read_facts(image)
    assert facts and facts.builder_digest == digest_of(FIRST)
    assert facts.hermetic
    assert not built.found
    told = json.loads(ask(house, "inspect", "kernel-bin:6.1", "--packages", "--json"))
    assert told["packages"] == list(FIRST)
    assert FIRST[0] in ask(house, "inspect", "kernel-bin:6.1", "--packages")
    assert FIRST[0] not in ask(house, "inspect", "kernel-bin:6.1")
    done = house.ingot("inspect", "kernel-builder:test", "--packages")
    assert done.returncode == 2
    assert "ingot builder show" in done.stderr


# Locked and updated


def test_an_update_writes_the_lock_and_tells_what_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ask(house, "builder", "update")
    assert "test: 1 packages; the earlier packages are not known" in text
    assert lock_of(house).read_text().splitlines()[1:] == list(FIRST)
    first = house.layout.tags()["kernel-builder:test"]

    assert "test: none of 1 packages changed" in ask(house, "builder", "update")
    assert house.layout.tags()["kernel-builder:test"] == first

    fakes.tell(FAKE_VERSION="2.0-1")
    dry = ask(house, "builder", "update", "--dry-run")
    assert "make:amd64 1.0-1 -> 2.0-1" in dry
    assert "would write" in dry
    assert lock_of(house).read_text().splitlines()[1:] == list(FIRST)
    assert house.layout.tags()["kernel-builder:test"] == first

    (document,) = json.loads(ask(house, "builder", "update", "test", "--json"))["builders"]
    assert document["changes"] == [{"package": "make:amd64", "before": "1.0-1", "after": "2.0-1"}]
    assert document["after"] == str(digest_of(SECOND))
    assert lock_of(house).read_text().splitlines()[1:] == list(SECOND)
    assert ask(house, "builder") == f"test  {digest_of(SECOND)}\n"
    assert made(house) == 4


def test_a_change_of_packages_is_another_recipe(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.build()
    fakes.tell(FAKE_VERSION="2.0-1")
    assert house.build().found
    ask(house, "builder", "update")
    second = house.build()
    assert not second.found
    assert second.recipe_key != first.recipe_key


def test_a_lock_that_a_colleague_has_changed_makes_the_builder_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(house, "builder", "update")
    first = house.build()
    lock = lock_of(house).read_text()
    fakes.tell(FAKE_VERSION="2.0-1")
    lock_of(house).write_text(lock.replace("1.0-1", "2.0-1"))
    assert house.build().recipe_key != first.recipe_key
    assert made(house) == 2
    lock_of(house).write_text(lock)  # and back: both are in the store
    assert house.build().found
    assert made(house) == 2


@pytest.fixture
def moved_on(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The house on another machine, whose archive has not what the lock lists any more."""
    ask(house, "builder", "update")
    root = house.root / "elsewhere"
    shutil.copytree(house.kernels, root / "kernels")
    shutil.copytree(house.cache / "sources", root / "cache" / "sources", symlinks=True)
    shutil.copy(house.cache / "CACHEDIR.TAG", root / "cache")
    fakes.tell(FAKE_VERSION="2.0-1")
    return House(root)


def test_an_archive_that_has_moved_on_is_told(moved_on: House) -> None:
    done = moved_on.ingot("build", "6.1")
    assert done.returncode == 0
    assert "differs from test-x86_64.lock: make:amd64 1.0-1 -> 2.0-1" in done.stderr
    assert lock_of(moved_on).read_text().splitlines()[1:] == list(FIRST)
    before = made(moved_on)
    assert moved_on.ingot("builder").returncode == 0
    assert made(moved_on) == before  # not made again for every build
    (shown,) = json.loads(ask(moved_on, "builder", "show", "--json"))["builders"]
    assert [one["package"] for one in shown["changes"]] == ["make:amd64"]
    assert "1 packages differ" in ask(moved_on, "builder", "show")


def test_an_archive_that_has_moved_on_is_refused_if_the_builder_is_locked(moved_on: House) -> None:
    change(moved_on, 'packages = ["make"]', 'packages = ["make"]\nlocked = true')
    for _ in range(2):
        done = moved_on.ingot("build", "6.1")
        assert done.returncode == 2
        assert "make:amd64 1.0-1 -> 2.0-1" in done.stderr
        assert "--cache-from" in done.stderr
    assert made(moved_on) == 2  # one of them elsewhere
    assert moved_on.compiles() == 0
    ask(moved_on, "builder", "update")
    assert moved_on.ingot("build", "6.1").returncode == 0


def test_a_locked_builder_without_a_lock_is_refused(house: House) -> None:
    change(house, 'packages = ["make"]', 'packages = ["make"]\nlocked = true')
    done = house.ingot("build", "6.1")
    assert done.returncode == 2
    assert "is missing" in done.stderr
    assert "ingot builder update test" in done.stderr


def test_a_locked_builder_is_taken_from_a_registry_that_has_moved_on_too(
    house: House, moved_on: House, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(moved_on, 'packages = ["make"]', 'packages = ["make"]\nlocked = true')
    registry = f"{served.address}/kernels"
    fakes.tell(FAKE_VERSION="1.0-1")
    house.build()
    ask(house, "push", "6.1", "--registry", registry, "--builder")
    fakes.tell(FAKE_VERSION="2.0-1")
    ask(house, "builder", "update")
    house.build()
    ask(house, "push", "6.1", "--registry", registry, "--builder")
    before = made(house)
    done = moved_on.ingot("build", "6.1", "--cache-from", registry, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["built"][0]["pulled"] is True
    assert made(house) == before
    assert ask(moved_on, "builder") == f"test  {digest_of(FIRST)}\n"


# The machine's own compiler


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def build_in(house: House, builder: str) -> pipeline.Built:
    setting = house.setting()
    kernel = setting.project.catalog.compiled_in(setting.project.catalog.kernels[0], builder)
    return pipeline.build(setting, kernel, Silent())


def test_a_kernel_is_compiled_by_the_machines_own_compiler(house: House, machine: Machine) -> None:
    built = build_in(house, "host")
    assert built.boot and built.boot.passed
    assert made(house) == 0
    assert "kernel-builder:host" not in house.layout.tags()
    facts = read_facts(read_image(house.layout, house.layout.tags()["kernel-bin:6.1.999"]))
    assert facts and not facts.hermetic
    done = house.ingot("push", "6.1", "--registry", "127.0.0.1:1", "--builder")
    assert done.returncode == 2
    assert "compiled by the host's compiler" in done.stderr
    (compile_,) = [words for words in house.recorded("bwrap") if "vmlinux" in words]
    assert "--ro-bind /usr /usr" in " ".join(compile_)
    assert build_in(house, "host").found
    machine.has("make", "GNU Make 4.4")
    assert not build_in(house, "host").found
    assert not build_in(house, "rootfs").found


def test_a_machine_whose_tools_are_too_old_is_refused(house: House, machine: Machine) -> None:
    (house.kernels / "toolchain.toml").write_text('[series."5.10"]\nmake = "4.4"\n')
    with pytest.raises(MachineError) as caught:
        build_in(house, "host")
    assert "too old to compile linux 6.1" in caught.value.what
    assert house.compiles() == 0
    build_in(house, "rootfs")  # made of packages that were chosen for the series


def test_a_machine_that_lacks_tools_is_refused_before_anything(
    house: House, machine: Machine
) -> None:
    machine.lacks("flex")
    with pytest.raises(MachineError, match="flex not found"):
        build_in(house, "host")


def test_the_machines_own_compiler_has_nothing_to_update(house: House) -> None:
    setting = house.setting()
    spec = setting.project.catalog.compiled_in(setting.project.catalog.kernels[0], "host").builder
    with pytest.raises(UserError, match="is not made of packages"):
        pipeline.update_builder(setting.project, spec, Silent(), dry_run=False)


def test_a_builder_that_is_none_is_told_with_what_there_is(house: House) -> None:
    done = house.ingot("build", "6.1", "--builder", "tset")
    assert done.returncode == 2
    assert "there is no builder 'tset'" in done.stderr
    assert "their kinds are: test, rootfs, container, host" in done.stderr


# clang


def test_clang_shares_the_packages_and_nothing_else(house: House) -> None:
    gcc = house.build()
    change(
        house,
        "[series.",
        '[builders.llvm]\nsuite = "bookworm"\npackages = ["make"]\nllvm = true\n\n[series.',
    )
    clang = build_in(house, "llvm")
    assert made(house) == 1
    assert clang.recipe_key != gcc.recipe_key
    compiles = [words for words in house.recorded("bwrap") if "vmlinux" in words]
    assert ["LLVM=1" in words for words in compiles] == [False, True]
    assert house.build().found
    assert build_in(house, "llvm").found


def test_a_tree_that_does_not_know_clang_is_not_compiled_with_gcc_in_silence(
    house: House, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(Path(__file__).parent.parent / "fakelinux", tree)
    makefile = tree / "Makefile"
    makefile.write_text(makefile.read_text().replace("$(LLVM)", ""))
    setting = house.setting(tree)
    kernel = setting.project.catalog.kernels[0]
    kernel = replace(kernel, builder=replace(kernel.builder, llvm=True))
    with pytest.raises(Exception, match="cannot be compiled with clang") as caught:
        pipeline.build(setting, kernel, Silent())
    assert "gcc" in getattr(caught.value, "hint", "")
    assert house.compiles() == 0
