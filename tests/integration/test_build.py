"""The whole chain on a fake kernel tree: what is built, when it is built again, what fails."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ingot import configure
from ingot.compile.compile_kernel import compile_kernel
from ingot.environment import APT, COMMON
from ingot.errors import BootError, BuildError, UserError, VerificationError
from ingot.images import KERNEL_IMAGES
from ingot.oci import list_files, read_image, validate_layout
from ingot.pipeline import new_build
from tests.support.houses import House
from tests.support.places import FAKE_TREE

TAGS = {f"{name}:6.1.999" for name in KERNEL_IMAGES}


def moving_tags(house: House) -> set[str]:
    return {tag for tag in house.layout.tags() if tag in TAGS}


def test_builds_boots_and_tags(house: House) -> None:
    built = house.build()

    assert not built.found
    assert built.boot is not None
    assert [check.name for check in built.boot.checks if check.ok] == [
        "release",
        "module dummy.ko",
        "shutdown",
    ]
    assert moving_tags(house) == TAGS
    assert not validate_layout(house.layout)
    assert not list((house.root / "build").glob("build-*"))


def test_a_kernel_boots_once_in_each_machine_that_represents_one_of_its_vmms(house: House) -> None:
    names = ("firecracker", "qemu", "cloud-hypervisor", "another")
    text = house.kernels / "kernels.toml"
    text.write_text(
        text.read_text()
        .replace("[vmms.firecracker]", "\n".join(f"[vmms.{name}]" for name in names))
        .replace('["firecracker"]', json.dumps(names))
    )
    for name in names:
        house.fragment(f"vmm/{name}", "# nothing")

    house.fragment("vmm/cloud-hypervisor", 'CONFIG_FAIL_BOOT="panic_in_q35"')
    with pytest.raises(BootError, match="did not pass its boot test in qemu q35: panic"):
        house.build()
    assert not moving_tags(house)

    house.fragment("vmm/cloud-hypervisor", "# nothing")
    before = len(machines_booted(house))
    done = house.ingot("build", "6.1", "--json")
    assert machines_booted(house)[before:] == ["microvm", "q35"]
    assert json.loads(done.stdout)["built"][0]["proofs"] == [
        {"vmm": "firecracker", "proof": "represented", "machine": "qemu microvm"},
        {"vmm": "qemu", "proof": "itself", "machine": "qemu microvm"},
        {"vmm": "cloud-hypervisor", "proof": "represented", "machine": "qemu q35"},
        {"vmm": "another", "proof": "none", "machine": None},
    ]
    assert "another: not proven, because Ingot has no machine that represents it" in done.stderr
    assert moving_tags(house) == TAGS


def machines_booted(house: House) -> list[str]:
    calls = (dict(itertools.pairwise(words)) for words in house.recorded("qemu"))
    return [call["-M"].partition(",")[0] for call in calls]


def test_the_images_hold_what_they_promise(house: House) -> None:
    house.build()
    held = {
        name: {
            file.name: file.target
            for file in list_files(
                house.layout, read_image(house.layout, house.layout.tags()[f"{name}:6.1.999"])
            )
            if file.kind.value != "directory"
        }
        for name in KERNEL_IMAGES
    }
    modules = {
        f"lib/modules/6.1.999/{name}"
        for name in (
            "modules.dep",
            "kernel/drivers/net/dummy.ko",
            "kernel/drivers/net/needed.ko",
        )
    }
    assert set(held["kernel-bin"]) == {"boot/vmlinux"}
    assert set(held["flintlock-kernel"]) == {"boot/vmlinux", "boot/config-6.1.999", *modules}
    links = {name: target for name, target in held["kernel-modules"].items() if target}
    assert set(held["kernel-modules"]) - set(links) == modules
    assert links == {
        "kernel": "lib/modules/6.1.999/kernel",
        "modules.dep": "lib/modules/6.1.999/modules.dep",
    }


def test_a_second_build_compiles_nothing(house: House) -> None:
    first = house.build()
    second = house.build()
    assert second.found
    assert second.images == first.images
    assert house.compiles() == 1


def test_a_layer_that_was_lost_is_built_again(house: House) -> None:
    first = house.build()
    image = read_image(house.layout, house.layout.tags()["kernel-bin:6.1.999"])
    blob = house.layout.root / "blobs" / "sha256" / image.layers[0].descriptor.digest.hex
    blob.unlink()
    second = house.build()
    assert not second.found
    assert second.images == first.images
    assert blob.is_file()


def test_a_renamed_checkout_finds_its_builds(house: House, tmp_path: Path) -> None:
    first = house.build()
    moved = House(tmp_path / "elsewhere")
    moved.root.mkdir()
    shutil.move(house.kernels, moved.kernels)
    shutil.move(house.layout.root, moved.layout.root)
    shutil.move(house.cache, moved.cache)
    assert moved.build().recipe_key == first.recipe_key
    assert house.compiles() == 1


def test_another_machine_makes_the_same_digests(house: House, tmp_path: Path) -> None:
    first = house.build()
    shutil.rmtree(house.layout.root)
    os.utime(house.kernels / "kernels.toml", (1, 1))
    old = os.umask(0o077)
    try:
        second = house.build()
    finally:
        os.umask(old)
    assert not second.found
    assert second.images == first.images


def test_one_option_changes_the_recipe_and_its_removal_finds_the_old_one(house: House) -> None:
    first = house.build()
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    second = house.build()
    assert second.recipe_key != first.recipe_key
    assert not second.found
    house.fragment("vmm/firecracker", "# nothing again")
    third = house.build()
    assert third.found
    assert third.images == first.images
    tags = house.layout.tags()
    assert (
        tags["kernel-bin:6.1.999"].digest
        == {i.tag: i.digest for i in first.images}["kernel-bin:6.1.999"]
    )


def test_one_patch_changes_the_recipe_and_the_kernel(house: House) -> None:
    first = house.build()
    patches = house.kernels / "patches" / "6.1"
    patches.mkdir(parents=True)
    (patches / "0001-answer.patch").write_text(
        "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n"
        "-int main(void) { return 0; }\n+int main(void) { return 42; }\n"
    )
    second = house.build()
    assert second.recipe_key != first.recipe_key
    images = {image.tag: image.digest for image in second.images}
    assert images != {image.tag: image.digest for image in first.images}
    shutil.rmtree(patches)
    assert house.build().images == first.images, "the shared tree was patched too"


def test_a_patch_that_does_not_apply_is_named(house: House) -> None:
    patches = house.kernels / "patches" / "6.1"
    patches.mkdir(parents=True)
    (patches / "0001-other.patch").write_text(
        "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-something else\n+nothing\n"
    )
    with pytest.raises(UserError, match=r"0001-other\.patch") as raised:
        house.build()
    assert "main.c" in raised.value.why


def test_another_builder_changes_the_recipe(house: House) -> None:
    first = house.build()
    path = house.kernels / "kernels.toml"
    path.write_text(path.read_text().replace('["make"]', '["make", "gcc"]'))
    second = house.build()
    assert second.recipe_key != first.recipe_key
    assert len(house.recorded("mmdebstrap")) == 2


def test_an_option_that_does_not_survive_is_refused_before_compiling(house: House) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y")
    with pytest.raises(UserError) as raised:
        house.build()
    assert "base/x86_64.config:1: CONFIG_CHILD wanted m, got n" in raised.value.why
    assert "needs PARENT, which is n: nothing requests it" in raised.value.why
    assert house.compiles() == 0
    assert moving_tags(house) == set()


def test_an_unknown_option_is_refused(house: House) -> None:
    house.fragment("vmm/firecracker", "CONFIG_NO_SUCH_THING=y")
    with pytest.raises(UserError) as raised:
        house.build()
    assert "CONFIG_NO_SUCH_THING" in raised.value.why
    assert "no such option" in raised.value.why


def test_a_compile_error_shows_the_compiler_and_the_log(house: House) -> None:
    house.fragment("vmm/firecracker", "CONFIG_FAIL_COMPILE=y")
    with pytest.raises(BuildError) as raised:
        house.build()
    assert "init/main.c:1:1: error: this does not compile" in raised.value.why
    log = house.cache / "logs" / "6.1.999.log"
    assert str(log) in raised.value.hint
    assert "this does not compile" in log.read_text()
    assert moving_tags(house) == set()
    assert not list((house.root / "build").glob("build-*"))


def test_a_kernel_that_panics_gets_no_tag(house: House) -> None:
    house.fragment("vmm/firecracker", 'CONFIG_FAIL_BOOT="panic"')
    with pytest.raises(BootError, match="panic") as raised:
        house.build()
    assert "no reason at all" in raised.value.why
    assert moving_tags(house) == set()


def test_a_local_tree_is_built_where_it_is(house: House, tmp_path: Path) -> None:
    tree = tmp_path / "my-linux"
    shutil.copytree(FAKE_TREE, tree)
    before = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    first = house.build(local=tree)
    assert sorted(path.relative_to(tree) for path in tree.rglob("*")) == before
    os.utime(tree / "main.c", (5, 5))
    assert house.build(local=tree).found
    (tree / "main.c").write_text("int main(void) { return 1; }\n")
    assert house.build(local=tree).recipe_key != first.recipe_key


def test_a_local_tree_that_is_changed_while_it_is_compiled(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "my-linux"
    shutil.copytree(FAKE_TREE, tree)

    def compile_and_edit(*words: object) -> object:
        made = compile_kernel(*words)  # type: ignore[arg-type]
        (tree / "main.c").write_text("int main(void) { return 2; }\n")
        return made

    monkeypatch.setattr(new_build, "compile_kernel", compile_and_edit)
    with pytest.raises(VerificationError, match="was changed while it was used"):
        house.build(local=tree)
    assert moving_tags(house) == set()


def test_a_local_tree_that_is_changed_while_its_config_is_resolved(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "my-linux"
    shutil.copytree(FAKE_TREE, tree)
    for step in ("survey", "resolve"):
        real = getattr(configure, step)

        def edit(*words: object, real: Any = real) -> object:
            made = real(*words)
            (tree / "main.c").write_text(f"int main(void) {{ return {len(words)}; }}\n")
            return made

        with monkeypatch.context() as patch:
            patch.setattr(configure, step, edit)
            with pytest.raises(VerificationError, match="was changed while it was used"):
                house.build(local=tree)
    assert not list(house.setting().project.workspace.configs.glob("*.config"))


def test_several_kernels_one_failing(house: House) -> None:
    path = house.kernels / "kernels.toml"
    path.write_text(path.read_text() + '\n[series."5.10".versions."5.10.1"]\n')
    result = house.ingot("build", "5.10", "6.1", "--json")
    document = json.loads(result.stdout)
    assert [one["version"] for one in document["built"]] == ["6.1.999"]
    assert [one["version"] for one in document["failed"]] == ["5.10.1"]
    assert result.returncode != 0
    assert "Traceback" not in result.stderr


def test_an_unknown_version_lists_the_known(house: House) -> None:
    result = house.ingot("build", "7.7")
    assert result.returncode == 2
    assert "7.7" in result.stderr
    assert "6.1.999" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("delay", [0.4, 0.8, 1.2, 1.6])
def test_killed_at_any_moment_the_next_run_finishes(
    house: House, number: signal.Signals, delay: float
) -> None:
    process = subprocess.Popen(
        house.command("build", "6.1"),
        env=house.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    if number != signal.SIGKILL:
        assert "Traceback" not in errors
    assert moving_tags(house) in (set(), TAGS)
    assert not list(validate_layout(house.layout))

    assert house.ingot("build", "6.1").returncode == 0
    assert moving_tags(house) == TAGS
    assert not list((house.root / "build").glob("build-*"))


def test_two_builds_at_once_compile_once(house: House) -> None:
    processes = [
        subprocess.Popen(
            house.command("build", "6.1", "--json"),
            env=house.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    found = [json.loads(output)["built"][0]["found_in_store"] for output, _ in outputs]
    assert sorted(found) == [False, True, True]
    assert house.compiles() == 1
    assert len(house.recorded("mmdebstrap")) == 1


def test_programs_see_nothing_of_the_environment_but_what_is_listed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"PATH", "LANG", *COMMON, *APT}
    for variable in ("GITHUB_TOKEN", "LD_PRELOAD", "CFLAGS", "SSH_AUTH_SOCK", "https_proxy"):
        monkeypatch.setenv(variable, "")
    house.build()
    (made,) = house.recorded("environment of mmdebstrap")
    # what is given besides says where to work and what time it is
    assert set(made) <= listed | {"SOURCE_DATE_EPOCH", "LC_ALL"}
    assert "https_proxy" in made
    entered = house.recorded("environment of bwrap")
    assert len(entered) > 3
    # Python, which the stand-in is written in, sets this one itself (PEP 538)
    assert {name for names in entered for name in names} <= {"LC_CTYPE"}
    booted = house.recorded("environment of qemu")
    assert booted
    assert all(set(names) <= {"PATH", "LANG", "TMPDIR"} for names in booted)
