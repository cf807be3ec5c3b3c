"""`ingot module build` on a fake kernel: what comes of a module, and what does not."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from ingot.builder.sandbox import Sandbox
from ingot.compile.compile_modules import index_modules
from ingot.errors import IngotError, UserError
from ingot.images import KERNEL_IMAGES
from ingot.oci import (
    EntryKind,
    link_entry,
    list_files,
    read_file,
    read_image,
    validate_layout,
    write_image,
    write_layer,
)
from ingot.pipeline.module_build import build_modules
from ingot.progress import Silent
from ingot.setting import Setting
from tests.support import fakes
from tests.support.houses import House

ALONE = "kernel-module-hello:6.1.999"
WITH = "kernel-modules:6.1.999-plus-hello"
MODULES = "lib/modules/6.1.999"


@pytest.fixture
def built(house: House) -> House:
    """A house with its kernel in the store."""
    house.build()
    return house


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """The source of a module."""
    directory = tmp_path / "Hello"
    directory.mkdir()
    (directory / "Kbuild").write_text("obj-m += hello.o\n")
    (directory / "hello.c").write_text("extern dummy_open\n")
    return directory


def make(house: House, directory: Path, *words: str) -> dict[str, str]:
    """Build modules; returns the digests of their images, by tag."""
    done = house.ingot("module", "build", str(directory), "--kernel", "6.1", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {image["image"]: image["digest"] for image in json.loads(done.stdout)["images"]}


def refused(house: House, directory: Path, *words: str, code: int = 2) -> str:
    before = house.layout.tags()
    done = house.ingot("module", "build", str(directory), "--kernel", "6.1", *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert house.layout.tags() == before
    assert not list((house.root / "build").glob("build-*"))
    return done.stderr


def refused_but_made(house: House, directory: Path, *words: str) -> str:
    """As `refused`, where a builder was made before that could be told."""
    before = house.layout.tags()
    done = house.ingot("module", "build", str(directory), "--kernel", "6.1", *words)
    assert done.returncode == 2, done.stderr
    made = set(house.layout.tags()) - set(before)
    assert made
    assert all(tag.startswith("kernel-builder:") for tag in made)
    return done.stderr


def held(house: House, tag: str) -> dict[str, str]:
    """What is in an image but directories: names, and where links lead."""
    image = read_image(house.layout, house.layout.tags()[tag])
    files = list_files(house.layout, image)
    return {file.name: file.target for file in files if file.kind != EntryKind.DIRECTORY}


def test_the_devel_image_has_the_tree_and_the_link_to_it(built: House) -> None:
    found = held(built, "kernel-devel:6.1.999")
    tree = {name.removeprefix("usr/src/linux-6.1.999/") for name in found}
    assert {"Makefile", ".config", "Module.symvers", "include/config/kernel.release"} <= tree
    assert "main.c" not in tree
    assert found[f"{MODULES}/build"] == "/usr/src/linux-6.1.999"


def test_a_module_becomes_a_layer_over_those_of_the_kernel(built: House, hello: Path) -> None:
    before = sorted(hello.iterdir())
    images = make(built, hello)
    assert set(images) == {ALONE, WITH}
    assert not list(validate_layout(built.layout))
    tags = built.layout.tags()
    alone, both = (read_image(built.layout, tags[tag]) for tag in (ALONE, WITH))
    kernels = read_image(built.layout, tags["kernel-modules:6.1.999"])
    assert both.layers == (*kernels.layers, *alone.layers)
    assert len(alone.layers) == 1
    assert set(held(built, ALONE)) == {
        *(f"{MODULES}/{name}" for name in ("updates/hello.ko", "modules.dep", "modules.order")),
        *("updates", "modules.dep", "modules.order"),
    }
    index = read_file(built.layout, both, f"{MODULES}/modules.dep").decode()
    assert index.splitlines() == [
        "kernel/drivers/net/dummy.ko: kernel/drivers/net/needed.ko",
        "kernel/drivers/net/needed.ko:",
        "updates/hello.ko:",
    ]
    assert held(built, WITH)["updates"] == f"{MODULES}/updates"
    assert sorted(hello.iterdir()) == before


def test_a_kernel_boots_with_its_modules_and_is_written_with_them(
    built: House, hello: Path, tmp_path: Path
) -> None:
    make(built, hello)
    done = built.ingot("boot", "6.1-plus-hello", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    assert outcomes["module-hello"] == "passed"
    done = built.ingot("boot", ALONE, "--json")
    assert done.returncode == 0, done.stderr
    assert "module-hello" in done.stdout
    done = built.ingot("export", "6.1-plus-hello", "--to", str(tmp_path / "kernel"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kernel" / "boot" / "vmlinux").is_file()
    updates = tmp_path / "kernel" / MODULES / "updates" / "hello.ko"
    assert updates.is_file()


def test_the_images_say_what_they_were_made_of(built: House, hello: Path) -> None:
    make(built, hello)
    tags = built.layout.tags()
    kernel = read_image(built.layout, tags["kernel-devel:6.1.999"])
    for tag in (ALONE, WITH):
        image = read_image(built.layout, tags[tag])
        told = {
            name.removeprefix("dev.ingot.module."): text
            for name, text in image.annotations.items()
            if name.startswith("dev.ingot.module.")
        }
        assert told["name"] == "hello"
        assert told["files"] == "updates/hello.ko"
        assert told["devel-digest"] == str(kernel.descriptor.digest)
        assert told["source-digest"].startswith("sha256:")
        for name in ("recipe-key", "release", "builder-digest"):
            assert image.labels[f"dev.ingot.{name}"] == kernel.labels[f"dev.ingot.{name}"]


def test_the_same_source_gives_the_same_images(built: House, hello: Path, tmp_path: Path) -> None:
    first = make(built, hello)
    again = tmp_path / "elsewhere" / "hello"
    shutil.copytree(hello, again)
    os.utime(again / "hello.c", (5, 5))
    for leftover in ("hello.o", "hello.ko", ".hello.o.cmd", "Module.symvers"):
        (again / leftover).write_text("of an earlier make")
    built.layout.untag(first)
    assert make(built, again) == first
    (again / "hello.c").write_text("something else\n")
    other = make(built, again)
    assert not set(other.values()) & set(first.values())


def test_it_gets_the_name_it_is_given(built: House, hello: Path) -> None:
    assert set(make(built, hello, "--name", "a.b-c")) == {
        "kernel-module-a.b-c:6.1.999",
        "kernel-modules:6.1.999-plus-a.b-c",
    }
    assert "cannot be the name" in refused(built, hello, "--name", "Hello!")


def test_the_kernels_own_images_stay_as_they_are(built: House, hello: Path) -> None:
    before = built.layout.tags()
    make(built, hello)
    assert {tag: built.layout.tags()[tag] for tag in before} == before
    assert built.build().found


def test_prune_keeps_modules_that_have_a_tag(built: House, hello: Path) -> None:
    images = make(built, hello)
    assert built.ingot("prune").returncode == 0
    assert set(images) <= set(built.layout.tags())
    assert not list(validate_layout(built.layout))


def test_the_compile_sees_the_source_only_and_no_cache(built: House, hello: Path) -> None:
    make(built, hello)
    calls = [words for words in built.recorded("bwrap") if "M=/build" in words]
    assert len(calls) == 2
    for words in calls:
        assert not [word for word in words if word.startswith("/ccache")]
        bound = [words[at + 2] for at, word in enumerate(words) if word == "--bind"]
        assert bound == ["/build"]


def test_without_a_makefile(built: House, hello: Path) -> None:
    (hello / "Kbuild").unlink()
    told = refused(built, hello)
    assert "neither a Kbuild nor a Makefile" in told
    assert "obj-m += hello.o" in told
    assert "there is no directory" in refused(built, hello / "nothing")


def test_a_compile_error_is_told_in_the_compilers_words(built: House, hello: Path) -> None:
    (hello / "hello.c").write_text("#error\n")
    told = refused(built, hello, code=5)
    assert "the module did not compile" in told
    assert "hello.c:1:2: error: #error" in told


def test_a_symbol_that_the_kernel_does_not_export(built: House, hello: Path) -> None:
    (hello / "hello.c").write_text("extern no_such_thing\n")
    told = refused(built, hello, code=5)
    assert 'ERROR: modpost: "no_such_thing" [' in told
    assert "hello.ko] undefined!" in told


def test_what_is_no_module(built: House, hello: Path) -> None:
    (hello / "Kbuild").write_text("# nothing\n")
    assert "obj-m += NAME.o" in refused(built, hello, code=5)


def test_a_module_for_another_release(built: House, hello: Path) -> None:
    (hello / "Kbuild").write_text("obj-m += hello.o\nRELEASE = 5.4.3\n")
    told = refused(built, hello, code=5)
    assert "hello.ko is not a module for 6.1.999" in told
    assert "5.4.3" in told


@pytest.mark.parametrize(
    ("line", "says", "code"),
    [
        ("ln -sfn {} $(M)/.installed", "no module", 5),
        ("ln -sfn {} $(updates)", "it is a link, not a directory", 4),
    ],
)
def test_what_leads_out_of_the_sandbox_is_not_followed(
    built: House, hello: Path, tmp_path: Path, line: str, says: str, code: int
) -> None:
    """As a hostile Makefile would leave it, for Ingot to read what it could not."""
    secrets = tmp_path / "secrets"
    (secrets / MODULES / "updates").mkdir(parents=True)
    (secrets / "secret.ko").write_text("a secret")
    (secrets / MODULES / "updates" / "secret.ko").write_text("a secret")
    hostile = line.format(secrets)
    (hello / "Kbuild").write_text(
        f"obj-m :=\nmodules_install: away\naway:\n\t@mkdir -p $(dir $(updates))\n\t@{hostile}\n"
    )
    assert says in refused(built, hello, code=code)


def test_a_kernel_that_is_not_built(house: House, hello: Path) -> None:
    told = refused(house, hello)
    assert "no image 'kernel-devel:6.1'" in told
    assert "ingot build 6.1" in told


def test_a_kernel_that_an_earlier_ingot_built(built: House, hello: Path) -> None:
    """It has all images but the newest kind."""
    built.layout.untag([tag for tag in built.layout.tags() if tag.startswith("kernel-devel:")])
    assert "ingot build 6.1" in refused(built, hello)


def test_a_kernel_that_is_not_the_catalogs(built: House, hello: Path) -> None:
    """Such as one with patches, or with another feature: named by its tag in the store."""
    tags = built.layout.tags()
    moved = {f"{name}:6.1.999-patched": tags[f"{name}:6.1.999"] for name in KERNEL_IMAGES}
    built.layout.tag(moved)
    built.layout.untag([f"{name}:6.1.999" for name in KERNEL_IMAGES])
    done = built.ingot("module", "build", str(hello), "--kernel", "6.1.999-patched", "--json")
    assert done.returncode == 0, done.stderr
    assert [image["image"] for image in json.loads(done.stdout)["images"]] == [
        "kernel-module-hello:6.1.999-patched",
        "kernel-modules:6.1.999-patched-plus-hello",
    ]


def test_a_builder_that_the_series_has_no_more(built: House, hello: Path) -> None:
    """It is found by what it is made of."""
    path = built.kernels / "kernels.toml"
    text = path.read_text()
    other = '[builders.other]\nsuite = "trixie"\npackages = ["gcc"]\n\n[builders.test]'
    text = text.replace("[builders.test]", other).replace('builder = "test"', 'builder = "other"')
    path.write_text(text)
    assert set(make(built, hello)) == {ALONE, WITH}
    assert "was not compiled in the current builder 'other'" in refused_but_made(
        built, hello, "--builder", "other"
    )


def test_a_kernel_that_nobody_knows(built: House, hello: Path) -> None:
    done = built.ingot("module", "build", str(hello), "--kernel", "7.7")
    assert done.returncode == 2
    assert "it has" in done.stderr
    assert "kernel-devel:6.1.999" in done.stderr


def test_a_kernel_without_modules(house: House, hello: Path) -> None:
    house.fragment("base/linux", "CONFIG_PARENT=y")
    house.fragment("base/x86_64", "CONFIG_CHILD=y")
    house.build()
    assert {f"{name}:6.1.999" for name in KERNEL_IMAGES} <= set(house.layout.tags())
    assert "cannot load modules" in refused(house, hello)


def test_a_kernel_that_wants_signatures(house: House, hello: Path) -> None:
    house.fragment("vmm/firecracker", "CONFIG_MODULE_SIG_FORCE=y")
    house.build()
    assert "CONFIG_MODULE_SIG_FORCE" in refused(house, hello)
    assert not [words for words in house.recorded("bwrap") if "M=/build" in words]


def test_a_kernel_that_was_built_on_a_machine_of_another_arch(built: House, hello: Path) -> None:
    """Its devel tree has programs that do not run here."""
    setting = Setting(dataclasses.replace(built.setting().project, host="aarch64"))
    with pytest.raises(UserError, match="a machine of another architecture") as raised:
        build_modules(setting, "6.1.999", hello, Silent())
    assert "run on x86_64; this machine is arm64" in raised.value.why


def test_images_of_two_builds_are_not_mixed(built: House, hello: Path) -> None:
    old = built.layout.tags()["kernel-devel:6.1.999"]
    built.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    built.build()
    built.layout.tag({"kernel-devel:6.1.999": old})
    assert "not from the same build" in refused(built, hello)


def test_a_builder_that_is_not_the_kernels(
    built: House, hello: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.layout.untag([tag for tag in built.layout.tags() if tag.startswith("kernel-builder:")])
    for kept in (built.cache / "builders").glob("*.image"):
        shutil.rmtree(kept)
    fakes.tell(FAKE_VERSION="2.0-1")
    assert "1.0-1 -> 2.0-1" in refused_but_made(built, hello)


def test_the_text_for_a_person(built: House, hello: Path) -> None:
    done = built.ingot("module", "build", str(hello), "--kernel", "6.1")
    assert done.returncode == 0
    assert ALONE in done.stdout
    assert WITH in done.stdout
    assert "release 6.1.999" in done.stdout
    assert "updates/hello.ko" in done.stdout
    assert "compile ..." in done.stderr


def with_link(house: House, tag: str, name: str, target: Path) -> None:
    """Tag an image anew that has one more layer, with a link."""
    layout = house.layout
    image = read_image(layout, layout.tags()[tag])
    with layout.in_use():
        layer = write_layer(layout, [link_entry(name, str(target))], 1)
        made = write_image(
            *(layout, [*image.layers, layer], image.platform, image.labels, image.annotations, 1)
        )
        layout.tag({tag: made})


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("kernel-modules:6.1.999", f"{MODULES}/updates"),
        ("kernel-modules:6.1.999", MODULES),
        ("kernel-modules:6.1.999", "lib"),
        ("kernel-devel:6.1.999", "usr/src/linux-6.1.999"),
    ],
)
def test_links_of_the_kernels_images_are_not_followed(
    built: House, hello: Path, tmp_path: Path, tag: str, name: str
) -> None:
    outside = tmp_path / "outside"
    (outside / "modules/6.1.999").mkdir(parents=True)
    with_link(built, tag, name, outside)
    before = sorted(path.name for path in outside.rglob("*"))
    with pytest.raises(IngotError, match=r"link|no directory"):
        build_modules(built.setting(), "6.1.999", hello, Silent())
    assert sorted(path.name for path in outside.rglob("*")) == before


def test_what_depmod_leaves_is_not_followed(
    built: House, hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs on an image of somebody's, and modules of somebody's, and can write what it wants."""
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    real = index_modules

    def index(sandbox: Sandbox, release: str, log: Path) -> None:
        real(sandbox, release, log)
        directory = sandbox.build / MODULES
        (directory / "modules.alias").symlink_to(secret)
        (directory / "modules.dep").unlink()
        (directory / "modules.dep").symlink_to(secret)
        os.mkfifo(directory / "modules.symbols")
        (directory / "modules.fine").write_text("fine")

    monkeypatch.setattr("ingot.pipeline.module_build.index_modules", index)
    build_modules(built.setting(), "6.1.999", hello, Silent())
    assert f"{MODULES}/modules.fine" in held(built, ALONE)
    image = read_image(built.layout, built.layout.tags()[ALONE])
    for info in list_files(built.layout, image):
        if info.kind == EntryKind.FILE:
            assert b"a secret" not in read_file(built.layout, image, info.name)
