"""The kernel's own Kconfig: what it is asked, what is read back, and how its failure is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot import configure, kconfig
from ingot.arch import arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import BuildError
from ingot.kconfig import Config
from ingot.process import CommandFailedError, Result
from ingot.version import Series
from tests.support.digests import digest

ARCH = arch("arm64")
TABLE = {"arch": "arm64", "options": {"A": {"type": "bool"}}, "elsewhere": {}}


class Kconfig:
    """Stands in for `make`: does to the build directory what it is told to, or fails."""

    def __init__(self, build: Path) -> None:
        self.build = build
        self.does: Callable[[Path], object] = lambda build: None
        self.failure: CommandFailedError | None = None
        self.argv: list[str] = []

    def __call__(
        self, argv: list[str], *, log: Path | None = None, inherited: Sequence[int] = ()
    ) -> Result:
        self.argv = argv
        if self.failure:
            raise self.failure
        self.does(self.build)
        return Result(0, "first\nImportError: no json\n")

    @property
    def make(self) -> list[str]:
        return self.argv[self.argv.index("--") + 1 :]

    def variable(self, name: str) -> str:
        return self.argv[self.argv.index(name) + 1]


def write_config(text: str) -> Callable[[Path], object]:
    return lambda build: (build / ".config").write_text(text)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    for name in ("root", "source", "build"):
        (tmp_path / name).mkdir()
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    return Sandbox(builder, tmp_path / "source", tmp_path / "build")


@pytest.fixture
def fake(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Kconfig:
    fake = Kconfig(sandbox.build)
    monkeypatch.setattr(configure, "run", fake)
    monkeypatch.setattr(configure, "run_in_terminal", fake)
    return fake


def resolve(sandbox: Sandbox, fragment: str) -> str:
    requests = kconfig.merge(
        kconfig.parse_fragment(fragment, "vmm/x.config"), Series(6, 1), ARCH.name
    )
    return configure.resolve(sandbox, ARCH, requests, sandbox.build / "log").text


MAKE = ["make", "-C", "/src", "O=/build", "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"]


# Resolving


def test_kconfig_starts_from_nothing_but_the_fragments(sandbox: Sandbox, fake: Kconfig) -> None:
    fake.does = write_config("CONFIG_A=y\n")
    assert resolve(sandbox, "CONFIG_A=y\nCONFIG_B=n\n") == "CONFIG_A=y\n"
    assert (sandbox.inputs / "fragments.config").read_text() == "CONFIG_A=y\nCONFIG_B=n\n"
    assert fake.make == [*MAKE, "allnoconfig"]
    assert fake.variable("KCONFIG_ALLCONFIG") == "/inputs/fragments.config"


def test_what_kconfig_drops_is_not_looked_at_here(sandbox: Sandbox, fake: Kconfig) -> None:
    fake.does = write_config("")
    assert resolve(sandbox, "CONFIG_A=y\n") == ""


def test_a_kconfig_that_fails_is_a_build_error_with_its_own_words(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    fake.failure = CommandFailedError(["make"], 2, ["scripts/kconfig: syntax error"])
    with pytest.raises(BuildError) as caught:
        resolve(sandbox, "CONFIG_A=y\n")
    assert "syntax error" in caught.value.why
    assert str(sandbox.build / "log") in caught.value.hint
    assert "to replay it: make" in caught.value.hint


# clang


def test_clang_is_asked_for_in_every_call(sandbox: Sandbox, fake: Kconfig) -> None:
    clang = replace(sandbox, builder=replace(sandbox.builder, llvm=True))
    fake.does = write_config("CONFIG_CC_IS_CLANG=y\n")
    assert resolve(clang, "CONFIG_A=y\n") == "CONFIG_CC_IS_CLANG=y\n"
    assert fake.make == [*MAKE, "LLVM=1", "LLVM_IAS=1", "allnoconfig"]


@pytest.mark.parametrize("text", ["", "# CONFIG_CC_IS_CLANG is not set\nCONFIG_CC_IS_GCC=y\n"])
def test_a_kernel_that_takes_gcc_instead_is_refused(
    sandbox: Sandbox, fake: Kconfig, text: str
) -> None:
    clang = replace(sandbox, builder=replace(sandbox.builder, llvm=True))
    fake.does = write_config(text)
    with pytest.raises(BuildError, match="cannot be compiled with clang") as caught:
        resolve(clang, "CONFIG_A=y\n")
    assert "5.7" in caught.value.why
    with pytest.raises(BuildError, match="cannot be compiled with clang"):
        configure.complete(clang, ARCH, Config("CONFIG_A=y\n"), sandbox.build / "log")


# Completing


def test_a_full_config_is_completed_in_place(sandbox: Sandbox, fake: Kconfig) -> None:
    def complete(build: Path) -> None:
        (build / ".config").write_text((build / ".config").read_text() + "CONFIG_B=m\n")

    fake.does = complete
    log = sandbox.build / "log"
    assert (
        configure.complete(sandbox, ARCH, Config("CONFIG_A=y\n"), log).text
        == "CONFIG_A=y\nCONFIG_B=m\n"
    )
    assert fake.make == [*MAKE, "olddefconfig"]


# Surveying


def test_the_survey_is_started_by_kconfig_itself(sandbox: Sandbox, fake: Kconfig) -> None:
    there: list[str] = []

    def survey(build: Path) -> None:
        there.extend(sorted(path.name for path in (sandbox.inputs / "survey").iterdir()))
        assert "python3 $SURVEY/survey.py" in (sandbox.inputs / "survey/Kconfig").read_text()
        (build / "ingot-options.json").write_text(json.dumps(TABLE))

    fake.does = survey
    table = configure.survey(sandbox, ARCH, sandbox.build / "log")
    assert list(table.options) == ["A"]
    assert there == ["Kconfig", "kconfiglib.py", "survey.py"]
    assert fake.make == [*MAKE, "listnewconfig"]
    assert fake.variable("KBUILD_KCONFIG") == "/inputs/survey/Kconfig"


def test_a_survey_leaves_the_build_directory_as_it_was(sandbox: Sandbox, fake: Kconfig) -> None:
    (sandbox.build / ".config").write_text("CONFIG_A=y\n")
    fake.does = lambda build: (build / "ingot-options.json").write_text(json.dumps(TABLE))
    configure.survey(sandbox, ARCH, sandbox.build / "log")
    assert [path.name for path in sandbox.build.iterdir()] == [".config"]


def test_a_survey_that_came_to_nothing_says_what_it_printed(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    with pytest.raises(BuildError) as caught:
        configure.survey(sandbox, ARCH, sandbox.build / "log")
    assert "ImportError" in caught.value.why
    assert "python3" in caught.value.hint


# Editing


def test_the_menu_has_the_terminal_and_starts_from_the_config(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    def change(build: Path) -> None:
        text = (build / ".config").read_text()
        (build / ".config").write_text(text.replace("CONFIG_A=y", "CONFIG_A=m"))

    fake.does = change
    log = sandbox.build / "log"
    edited = configure.edit(sandbox, ARCH, Config("CONFIG_A=y\n"), log, terminal="screen")
    assert edited.text == "CONFIG_A=m\n"
    assert fake.make == [*MAKE, "menuconfig"]
    assert fake.variable("TERM") == "screen"
    assert "--new-session" not in fake.argv


def test_a_menu_that_does_not_start_is_told(
    sandbox: Sandbox, fake: Kconfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: list[str]) -> None:
        raise CommandFailedError(argv, 2, [])

    monkeypatch.setattr(configure, "run_in_terminal", fail)
    with pytest.raises(BuildError, match="menuconfig") as caught:
        configure.edit(sandbox, ARCH, Config("CONFIG_A=y\n"), sandbox.build / "log")
    assert "libncurses-dev" in caught.value.hint
