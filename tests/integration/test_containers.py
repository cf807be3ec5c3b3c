"""Kernels compiled in images of docker, podman and buildah: stand-ins, and a fake kernel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot import pipeline
from ingot.builder import container_engines
from ingot.builder.builder_packages import digest_of
from ingot.builder.sandbox import Builder
from ingot.errors import MachineError, UserError
from ingot.images import read_facts
from ingot.oci import read_image
from ingot.progress import Silent
from ingot.setting import RunOptions, Setting
from tests.support import fakes
from tests.support.builders import SAYS, status_of
from tests.support.houses import House

FAKES = Path(__file__).parent / "engines"
IMAGE = "registry.example/toolchain@sha256:" + "0" * 64
FIRST = ("gcc:amd64=12.1", "make:amd64=1.0-1")
ENGINES = ("docker", "podman", "buildah")
_TABLE = """
[builders.box]
kind = "container"
image = "{image}"
packages = {packages}

[series."""


@dataclass(frozen=True)
class Engines:
    """The machine's engines, and the one image that they all have, or pull."""

    root: Path
    monkeypatch: pytest.MonkeyPatch

    def only(self, *names: str) -> None:
        self.monkeypatch.setattr(container_engines, "installed", lambda: list(names))

    def made_of(self, packages: tuple[str, ...]) -> None:
        (self.root / "status").write_text(status_of(packages))

    def says(self, program: str, text: str) -> None:
        path = self.root / "bin" / program
        libc = 'case "$*" in *libc.a) echo /usr/lib/libc.a; exit;; esac'
        path.write_text(f"#!/bin/sh\n{libc}\necho '{text}'\n")
        path.chmod(0o755)

    def lacks(self, *programs: str) -> None:
        for program in programs:
            (self.root / "bin" / program).unlink()

    def forget(self) -> None:
        """Lose every image."""
        (self.root / "images.json").unlink()


@pytest.fixture
def box(house: House, monkeypatch: pytest.MonkeyPatch) -> Engines:
    root = house.root / "engine"
    (root / "bin").mkdir(parents=True)
    (root / "gelf.h").touch()
    fakes.install(monkeypatch, house.root / "fakes", FAKES, FAKE_ENGINE=str(root))
    found = Engines(root, monkeypatch)
    found.made_of(FIRST)
    for program, text in SAYS.items():
        found.says(program, text)
    ask_for(house)
    found.only("docker")
    return found


def ask_for(house: House, image: str = IMAGE, *packages: str, more: str = "") -> None:
    """Make the catalog ask for this builder."""
    path = house.kernels / "kernels.toml"
    before, _, after = path.read_text().partition("\n[series.")
    before = before.partition("\n[builders.box]")[0]
    table = _TABLE.format(image=image, packages=json.dumps(packages))
    path.write_text(before + table.replace("\n\n[series.", f"\n{more}\n\n[series.") + after)


def build(house: House, builder: str = "container", *, offline: bool = False) -> pipeline.Built:
    setting = house.setting()
    if offline:
        setting = Setting(setting.project, RunOptions(offline=True))
    kernel = setting.project.catalog.compiled_in(setting.project.catalog.kernels[0], builder)
    return pipeline.build(setting, kernel, Silent())


def ensure(house: House) -> Builder:
    setting = house.setting()
    return pipeline.ensure_builder(setting, setting.project.catalog.builders["box"], Silent())


def ask(house: House, *words: str) -> str:
    """What a command prints that succeeds; docker is the engine."""
    done = house.ingot(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def called(house: House, engine: str, *verbs: str) -> list[list[str]]:
    return [words for words in house.recorded(engine) if words[0] in verbs]


# Built


@pytest.mark.parametrize("engine", ENGINES)
def test_a_kernel_is_compiled_in_a_container(house: House, box: Engines, engine: str) -> None:
    box.only(engine)
    built = build(house)
    assert built.boot and built.boot.passed
    facts = read_facts(read_image(house.layout, house.layout.tags()["kernel-bin:6.1.999"]))
    assert facts and facts.hermetic
    assert facts.builder_digest == digest_of(FIRST)
    assert called(house, engine, "pull") == [["pull", IMAGE]]
    (compile_,) = [words for words in called(house, engine, "run") if "vmlinux" in words]
    assert "CCACHE_DIR=/ccache" in compile_
    assert f"CCACHE_COMPILERCHECK=string:{digest_of(FIRST)}" in compile_
    assert not house.recorded("bwrap")
    assert build(house).found
    assert len(called(house, engine, "pull")) == 1
    if engine == "buildah":
        containers = called(house, engine, "from", "rm")
        assert [words[0] for words in containers] == ["from", "rm"] * (len(containers) // 2)


def test_engines_and_roots_of_the_same_packages_give_the_same_images(
    house: House, box: Engines
) -> None:
    box.made_of(("make:amd64=1.0-1",))
    digests = []
    for engine, builder in (("docker", "box"), ("buildah", "container"), ("", "rootfs")):
        box.only(engine)
        shutil.rmtree(house.layout.root, ignore_errors=True)
        built = build(house, builder)
        assert not built.found
        digests.append([(image.tag, image.digest) for image in built.images])
    assert digests[0] == digests[1] == digests[2]


def test_packages_are_added_by_the_images_own_apt(house: House, box: Engines) -> None:
    ask_for(house, IMAGE, "make", "bc")
    build(house)
    text = (box.root / "Containerfile").read_text()
    assert text.startswith(f"FROM {IMAGE} AS builder\nRUN mkdir -p /var/cache/apt")
    assert text.index("        bc \\\n        make \\\n") > text.index("--no-install-recommends")
    ask_for(house, IMAGE, "make", "bc", "flex")
    build(house)
    assert len(called(house, "docker", "build")) == 2
    assert len(called(house, "docker", "pull")) == 1


def test_what_an_image_is_made_of_is_asked_once(house: House, box: Engines) -> None:
    first = build(house)
    box.made_of((*FIRST, "zstd:amd64=1"))
    assert build(house).recipe_key == first.recipe_key
    shown = house.ingot("builder", "show", "box", "--json")
    (document,) = json.loads(shown.stdout)["builders"]
    assert document["packages"] == list(FIRST)
    assert (document["kind"], document["base_image"]) == ("container", IMAGE)
    assert "registry.example" in house.ingot("builder", "show", "box").stdout


def test_an_image_without_dpkg_is_known_by_its_id(house: House, box: Engines) -> None:
    (box.root / "status").unlink()
    build(house)
    (line,) = ensure(house).packages
    assert line.startswith("image=sha256:")


def test_a_locked_image_must_be_as_its_lock_lists(house: House, box: Engines) -> None:
    ask_for(house, more="locked = true")
    with pytest.raises(UserError, match=r"locked, but .*lock is missing"):
        build(house)
    lock = house.kernels / "builders" / "box-x86_64.lock"
    lock.parent.mkdir()
    lock.write_text("".join(f"{line}\n" for line in FIRST))
    build(house)
    lock.write_text(lock.read_text().replace("12.1", "12.2"))
    with pytest.raises(UserError, match=r"gcc:amd64 12\.2 -> 12\.1"):
        build(house)


def test_an_update_pulls_anew_and_writes_the_lock(house: House, box: Engines) -> None:
    ask_for(house, IMAGE, "make")
    first = build(house)
    box.made_of((*FIRST, "zstd:amd64=1"))
    assert "zstd:amd64 1 is new" in ask(house, "builder", "update", "box", "--dry-run")
    assert build(house).recipe_key == first.recipe_key
    ask(house, "builder", "update", "box")
    assert build(house).recipe_key != first.recipe_key
    assert "zstd:amd64=1" in (house.kernels / "builders" / "box-x86_64.lock").read_text()
    assert len(called(house, "docker", "pull")) == 3
    made = called(house, "docker", "build")
    assert ["--no-cache" in words for words in made] == [False, True, True]
    trials = {words[-1] for words in house.recorded("docker") if words[:2] == ["image", "rm"]}
    assert all(name.endswith("-trial") for name in trials)


def test_containers_of_killed_runs_are_removed(house: House, box: Engines) -> None:
    box.only("buildah")
    left = subprocess.Popen(["true"])
    left.wait()
    names = (f"ingot-{left.pid}-1700000000", f"ingot-{os.getpid()}-1700000000", "somebodys-own")
    fakes.tell(FAKE_CONTAINERS="\n".join(names))
    ensure(house)
    removed = {words[1] for words in called(house, "buildah", "rm")}
    assert removed == {names[0], "a-container"}


def test_a_builder_may_ask_for_an_engine(house: House, box: Engines) -> None:
    box.only("docker", "podman")
    ask_for(house, more='engine = "podman"')
    ensure(house)
    assert called(house, "podman", "run")
    assert not house.recorded("docker")
    ask_for(house, more='engine = "buildah"')
    with pytest.raises(MachineError, match="no container engine") as caught:
        ensure(house)
    assert caught.value.why == "buildah is not installed"


@pytest.mark.parametrize("name", ENGINES)
def test_what_runs_in_an_engine_finds_no_secret_of_the_caller(
    house: House, box: Engines, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process of a buildah container is buildah, whose environment can be read there."""
    secrets = ("GITHUB_TOKEN", "REGISTRY_PASSWORD", "LD_PRELOAD", "GIT_DIR", "CC")
    for variable in (*secrets, "https_proxy", "REGISTRY_AUTH_FILE"):
        monkeypatch.setenv(variable, "")
    box.only(name)
    build(house)
    calls = house.recorded(name)
    seen = house.recorded(f"environment of {name}")
    assert len(calls) == len(seen) > 3
    for words, variables in zip(calls, seen, strict=True):
        assert not {*secrets} & set(variables)
        if words[0] in ("run", "unshare", "from") and name != "docker":
            assert not {"https_proxy", "REGISTRY_AUTH_FILE"} & set(variables), words


# Refused


def test_without_an_engine_it_is_told_what_to_install(house: House, box: Engines) -> None:
    box.only()
    with pytest.raises(MachineError, match="no container engine is installed") as caught:
        build(house)
    assert "apt-get install buildah" in caught.value.hint
    assert "--builder rootfs" in caught.value.hint


def test_an_engine_whose_daemon_is_silent_is_passed_over(house: House, box: Engines) -> None:
    fakes.tell(FAKE_DAEMON_IS_DOWN="1")
    box.only("docker", "podman")
    build(house)
    assert called(house, "podman", "run")
    assert not called(house, "docker", "run")
    box.only("docker")
    with pytest.raises(MachineError, match="no container engine works") as caught:
        ensure(house)
    assert "daemon does not answer" in caught.value.why


def test_an_image_that_is_nowhere_is_told_in_the_engines_words(house: House, box: Engines) -> None:
    ask_for(house, "nowhere/toolchain:1")
    with pytest.raises(MachineError, match="docker cannot pull the image nowhere") as caught:
        build(house)
    assert "not found" in caught.value.why
    assert "docker login" in caught.value.hint


def test_a_full_disk_of_the_engine_is_told(house: House, box: Engines) -> None:
    ask_for(house, IMAGE, "full-disk")
    with pytest.raises(MachineError) as caught:
        build(house)
    assert "free space where docker keeps its images" in caught.value.hint


def test_an_image_without_a_compiler_is_refused(house: House, box: Engines) -> None:
    box.lacks("x86_64-linux-gnu-gcc", "flex")
    with pytest.raises(MachineError, match=r"x86_64-linux-gnu-gcc, flex.* not found") as caught:
        build(house)
    assert IMAGE in caught.value.what
    assert "[builders.box]" in caught.value.hint


def test_an_image_whose_compiler_is_too_old_is_refused(house: House, box: Engines) -> None:
    (house.kernels / "toolchain.toml").write_text('[series."5.10"]\ngcc = "5.1"\n')
    box.says("x86_64-linux-gnu-gcc", "gcc (Ubuntu 4.9.4-2ubuntu1) 4.9.4")
    with pytest.raises(MachineError, match="tools of the builder 'box' are too old") as caught:
        build(house)
    assert "must be 5.1 or newer" in caught.value.why


def test_offline_takes_what_is_there_and_pulls_nothing(house: House, box: Engines) -> None:
    with pytest.raises(MachineError, match="cannot be made without the network") as caught:
        build(house, offline=True)
    assert IMAGE in caught.value.why
    assert not called(house, "docker", "pull")
    fetched = house.ingot("fetch", "6.1", "--builder", "container")
    assert fetched.returncode == 0, fetched.stderr
    assert build(house, offline=True).boot
    ask_for(house, IMAGE, "make")
    with pytest.raises(MachineError, match="without the network") as caught:
        build(house, offline=True)
    assert "packages" in caught.value.why


# As a Containerfile


def test_a_containerfile_runs_what_a_build_runs(house: House, box: Engines) -> None:
    done = house.ingot("containerfile", "6.1")
    assert done.returncode == 0, done.stderr
    build(house)
    runs = called(house, "docker", "run")
    for wanted in ("allnoconfig", "vmlinux", "modules_install"):
        (run,) = [words for words in runs if wanted in words]
        for word in run[run.index("make") :]:
            assert word in done.stdout or word.startswith("-j"), word
    assert done.stdout.startswith("# linux 6.1.999 for x86_64")
    assert f"FROM {IMAGE} AS builder" in done.stdout
    stages = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("FROM ")]
    assert stages == ["builder", "compile", "bin", "modules", "base"]
    other = house.ingot("containerfile", "6.1", "--from", "debian:12").stdout
    assert "FROM debian:12 AS builder" in other
    wrong = house.ingot("containerfile", "6.1", "--from", "debian\nRUN id")
    assert wrong.returncode == 2
    assert "is not the name of an image" in wrong.stderr


def test_a_context_has_all_that_its_containerfile_copies(house: House, box: Engines) -> None:
    (house.kernels / "patches" / "6.1").mkdir(parents=True)
    patch = "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-int main(void) { return 0; }\n"
    patch += "+int main(void) { return 42; }\n"
    (house.kernels / "patches" / "6.1" / "0001-answer.patch").write_text(patch)
    directory = house.root / "context"
    done = house.ingot("containerfile", "6.1", "--output", str(directory))
    assert done.returncode == 0, done.stderr
    text = (directory / "Containerfile").read_text()
    for line in text.splitlines():
        match line.split():
            case ["COPY" | "ADD", name, _]:
                assert (directory / name).exists(), line
    assert "CONFIG_PARENT=y" in (directory / "fragments.config").read_text()
    with tarfile.open(directory / "source.tar.gz") as archive:
        packed = archive.extractfile("src/main.c")
        assert packed and b"return 42" in packed.read()
    again = house.root / "again"
    assert house.ingot("containerfile", "6.1", "--output", str(again)).returncode == 0
    tarballs = [(place / "source.tar.gz").read_bytes() for place in (directory, again)]
    assert tarballs[0] == tarballs[1]
    taken = house.ingot("containerfile", "6.1", "--output", str(directory))
    assert taken.returncode == 2
    assert "exists already" in taken.stderr


def test_a_full_config_is_taken_along_as_it_is(house: House, box: Engines) -> None:
    config = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    config.parent.mkdir()
    config.write_text("CONFIG_PARENT=y\n")
    directory = house.root / "context"
    done = house.ingot("containerfile", "6.1", "--output", str(directory))
    assert done.returncode == 0, done.stderr
    assert (directory / "full.config").read_text() == config.read_text()
    assert not (directory / "fragments.config").exists()
    text = (directory / "Containerfile").read_text()
    assert "COPY full.config /ingot/" in text
    assert text.index("cp /ingot/full.config .config") < text.index("olddefconfig")
    assert "allnoconfig" not in text


def test_a_builder_that_is_no_image_has_no_containerfile(house: House, box: Engines) -> None:
    done = house.ingot("containerfile", "6.1", "--builder", "test")
    assert done.returncode == 2
    assert "its kind is 'rootfs'" in done.stderr
