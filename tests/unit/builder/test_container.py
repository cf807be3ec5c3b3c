"""How engines are chosen and called; what an image's programs tell."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from ingot import elf
from ingot.arch import arch
from ingot.builder import container_builder, container_engines
from ingot.builder.builder_site import Site
from ingot.builder.container_engines import Engine
from ingot.builder.container_run import Container
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import BuilderSpec
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.process import CommandFailedError, Result
from tests.support.progress import Recorder

SPEC = BuilderSpec("box", kind="container", image="ubuntu:20.04", packages=("gcc", "bc"))


def sandbox(engine: str, user: str = "0:0") -> Sandbox:
    entrance = Container(Engine(engine, user), "sha256:1234")
    builder = Builder("box", Digest.of(b"builder"), entrance=entrance)
    return Sandbox(builder, Path("/a/tree"), Path("/b"), Path("/c c"))


class Commands:
    """The commands that were run, and how those end that begin with some words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran: list[list[str]] = []
        self.ends: dict[tuple[str, ...], Result] = {}
        monkeypatch.setattr(container_engines, "run", self.run)
        monkeypatch.setattr(container_builder, "run", self.run)

    def run(self, argv: list[str], *, check: bool = True, **_: object) -> Result:
        self.ran.append(argv)
        for words, result in self.ends.items():
            if argv[: len(words)] == list(words):
                if check and result.returncode:
                    raise CommandFailedError(argv, result.returncode, result.output.splitlines())
                return result
        return Result(0, "")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(monkeypatch)


# Entered


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_container_has_the_directories_of_a_build_and_nothing_else(engine: str) -> None:
    words = sandbox(engine, "501:20").command(["make", "x y"], {"KCONFIG_CONFIG": "/build/c"})
    at = words.index("sha256:1234")
    options = " ".join(words[:at])
    assert words[:2] == [engine, "run"]
    for wanted in (
        *("--rm", "--pull never", "--network none", "--read-only", "--cap-drop ALL"),
        *("--security-opt no-new-privileges", "--user 501:20", "--workdir /build"),
        *("--volume /a/tree:/src:ro", "--volume /b:/build", "--volume /c c:/ccache"),
        *("--hostname ingot", "--entrypoint env"),
    ):
        assert wanted in options
    assert "--tty" not in options
    assert words[at + 1] == "-i"
    assert words[-2:] == ["make", "x y"]
    assert {"TZ=UTC", "HOME=/tmp", "CCACHE_DIR=/ccache", "KCONFIG_CONFIG=/build/c"} <= set(words)


def test_buildah_gets_a_container_for_each_command_and_removes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    *shell, script = sandbox("buildah").command(["make", "it's"])
    assert shell == ["sh", "-c"]
    assert "buildah from --pull-never" in script
    assert 'buildah rm "$container"' in script
    assert "unshare --net --pid" in script
    assert "--volume /a/tree:/src:ro" in script
    assert "'/c c:/ccache'" in script
    assert "make 'it'\"'\"'s'" in script
    assert "--terminal" not in script
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert sandbox("buildah").command(["make"])[:3] == ["buildah", "unshare", "--"]


@pytest.mark.parametrize(
    ("engine", "words"),
    [("docker", "--interactive --tty"), ("podman", "--tty"), ("buildah", "--terminal")],
)
def test_a_person_gets_a_terminal(engine: str, words: str) -> None:
    assert words in " ".join(sandbox(engine).command(["make", "menuconfig"], interactive=True))


# Chosen


@pytest.mark.parametrize(
    ("says", "user"), [('["name=seccomp"]', "501:20"), ('["name=rootless"]', "0:0")]
)
def test_what_docker_writes_is_the_users_own(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, says: str, user: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 501)
    monkeypatch.setattr("os.getegid", lambda: 20)
    monkeypatch.setattr(container_engines, "installed", lambda: ["docker", "buildah"])
    commands.ends["docker", "info"] = Result(0, says)
    assert container_engines.choose() == Engine("docker", user)


def test_engines_that_are_here_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name != "podman" else None)
    assert container_engines.installed() == ["docker", "buildah"]


# Images


@pytest.mark.parametrize(
    ("engine", "storage"), [("docker", "docker-daemon"), ("buildah", "containers-storage")]
)
def test_an_image_on_this_machine_is_brought_by_skopeo(
    commands: Commands, engine: str, storage: str
) -> None:
    name = Engine(engine, "0:0").pull("oci:/images:kernel-builder:x", print)
    ((program, *_, source, target),) = commands.ran
    assert program == "skopeo"
    assert source == "oci:/images:kernel-builder:x"
    assert target == f"{storage}:{name}"
    assert name == container_engines.local_name(source)
    assert container_engines.local_name("registry:5000/a:1") == "registry:5000/a:1"


@pytest.mark.parametrize("name", ["oci://x", "dir", "ocix:1"])
def test_names_of_registries_are_left_to_the_engine(commands: Commands, name: str) -> None:
    assert Engine("podman", "0:0").pull(name, print) == name
    assert commands.ran == [["podman", "pull", name]]


def test_an_image_that_is_not_there_has_no_id(commands: Commands) -> None:
    commands.ends["docker", "image", "inspect"] = Result(1, "Error: No such image: x")
    assert Engine("docker", "0:0").image_id("x") is None
    commands.ends["docker", "image", "inspect"] = Result(0, "WARNING: old\nsha256:1\n")
    assert Engine("docker", "0:0").image_id("x") == "sha256:1"


def test_the_stage_asks_for_packages_only_if_there_are_any() -> None:
    text = container_builder.stage(SPEC, arch("x86_64"), "base")
    assert text.startswith("FROM base AS builder\nRUN mkdir -p /var/cache/apt")
    assert text.index(" bc ") < text.index(" gcc ")
    assert "rm -rf /var/lib/apt/lists" in text
    bare = BuilderSpec("box", kind="container", image="i")
    assert container_builder.stage(bare, arch("x86_64"), "base") == "FROM base AS builder\n"


def test_a_layout_on_this_machine_needs_no_network(
    commands: Commands, site: Site, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_engines, "installed", lambda: ["podman"])
    commands.ends["podman", "image", "inspect"] = Result(1, "no such image")
    offline = replace(site, offline=True)
    for image, words in (("oci:/images:x", "skopeo"), ("ubuntu:20.04", "")):
        spec = BuilderSpec("box", kind="container", image=image)
        with pytest.raises(MachineError) as caught:
            container_builder.ensure(spec, arch("x86_64"), offline, recorder)
        assert ("without the network" in caught.value.what) is not bool(words)
        assert [ran[0] for ran in commands.ran if ran[0] == "skopeo"] == ([words] if words else [])
        commands.ran.clear()


# Examined

ANSWERS = """warning of the engine
@@ gcc
x86_64-linux-gnu-gcc (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0
Copyright (C) 2019
@@ make
GNU Make 4.2.1
@@ libelf
@@ libc
/usr/lib/x86_64-linux-gnu/libc.a
"""


def test_what_programs_tell_is_listed_and_what_lacks_is_named(commands: Commands) -> None:
    commands.ends["docker", "run"] = Result(0, ANSWERS)
    way = Container(Engine("docker", "0:0"), "sha256:1")
    lines, missing = container_builder._examine(way, SPEC, arch("x86_64"))
    assert lines == (
        "gcc=x86_64-linux-gnu-gcc (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0",
        "make=GNU Make 4.2.1",
    )
    assert missing[:2] == ["x86_64-linux-gnu-ld", "gcc"]
    assert "libelf's headers" not in missing
    assert "openssl" not in missing


def test_a_record_that_is_damaged_is_made_anew(
    commands: Commands, site: Site, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_engines, "installed", lambda: ["podman"])
    commands.ends["podman", "image", "inspect"] = Result(0, "1234\n")
    status = "Package: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9\n"
    commands.ends["podman", "run"] = Result(0, status)
    path = container_builder._record_path(SPEC, site)
    for damaged in ("", "[]", '{"image": "1234"}', '{"image": 1, "packages": 2}', "\0"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(damaged)
        assert container_builder.packages(SPEC, arch("x86_64"), site) is None
        with pytest.raises(MachineError, match="not found"):  # the fake image has no programs
            container_builder.ensure(SPEC, arch("x86_64"), site, recorder)
        assert container_builder.packages(SPEC, arch("x86_64"), site) == ("gcc:amd64=9",)


# What a plain container build takes along


def test_what_cuts_the_kernel_down_keeps_to_an_older_python() -> None:
    package = Path(elf.__file__).parents[1]
    known = {"__future__", "collections.abc", "errno", "os", "pathlib", "shutil", "struct", "sys"}
    known |= {"typing", "ingot.errors", "ingot.elf.header"}
    for name in ("errors.py", "elf/header.py", "elf/loadable.py"):
        tree = ast.parse((package / name).read_text(), feature_version=(3, 7))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= known, name
            elif isinstance(node, ast.ImportFrom):
                assert node.module in known, name
                assert not {"Self", "TypeAlias", "UTC"} & {alias.name for alias in node.names}
