"""Resolving a config: what is asked of Kconfig, and how a wish that was dropped is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import configure, kconfig
from ingot.arch import arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.errors import BuildError, UserError
from ingot.process import CommandFailedError, Result
from ingot.version import Series
from tests.unit.conftest import digest

TREE = """\
config VETH
\ttristate
\tdepends on NET_CORE && (INET || !IPV6) && SMP=y

config ALONE
\tbool
"""


class Kconfig:
    """Stands in for `make allnoconfig`: writes the config it is told to, or fails."""

    def __init__(self, build: Path, config: str) -> None:
        self.build = build
        self.config = config
        self.failure: CommandFailedError | None = None
        self.argv: list[str] = []
        self.fragments = ""

    def __call__(self, argv: list[str], *, log: Path) -> Result:
        if self.failure:
            raise self.failure
        self.argv = argv
        self.fragments = (self.build / "fragments.config").read_text()
        (self.build / ".config").write_text(self.config)
        return Result(0, "")


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    for name in ("root", "source", "build"):
        (tmp_path / name).mkdir()
    (tmp_path / "source" / "Kconfig").write_text(TREE)
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    return Sandbox(builder, tmp_path / "source", tmp_path / "build")


@pytest.fixture
def fake(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Kconfig:
    fake = Kconfig(sandbox.build, "CONFIG_A=y\n")
    monkeypatch.setattr(configure, "run", fake)
    return fake


def resolve(sandbox: Sandbox, fragment: str) -> str:
    requests = kconfig.merge(kconfig.parse_fragment(fragment, "vmm/x.config"), Series(6, 1))
    return configure.resolve(sandbox, arch("x86_64"), requests, "6.1", sandbox.build / "log")


def why(sandbox: Sandbox, fragment: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        resolve(sandbox, fragment)
    return caught.value.why.splitlines()


def test_kconfig_starts_from_nothing_but_the_fragments(sandbox: Sandbox, fake: Kconfig) -> None:
    assert resolve(sandbox, "CONFIG_A=y\nCONFIG_B=n\n") == "CONFIG_A=y\n"
    assert fake.fragments == "CONFIG_A=y\nCONFIG_B=n\n"
    assert fake.argv[-6:] == ["make", "-C", "/src", "O=/build", "ARCH=x86", "allnoconfig"]
    at = fake.argv.index("KCONFIG_ALLCONFIG")
    assert fake.argv[at + 1] == "/build/fragments.config"


def test_a_dropped_wish_names_option_fragment_line_and_what_it_depends_on(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    fake.config = "CONFIG_INET=y\nCONFIG_IPV6=m\n"
    assert why(sandbox, "# first\nCONFIG_VETH=m\n") == [
        "vmm/x.config:2: CONFIG_VETH wanted m, got n: it depends on"
        " NET_CORE (=n) && (INET (=y) || !IPV6 (=m)) && SMP=y"
    ]


def test_an_option_the_series_does_not_have_is_told_so(sandbox: Sandbox, fake: Kconfig) -> None:
    (line,) = why(sandbox, "CONFIG_TYPO=y\n")
    assert line.endswith("CONFIG_TYPO wanted y, got n: no such option in this series")


def test_an_option_without_dependencies_of_its_own_points_at_the_menu(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    (line,) = why(sandbox, "CONFIG_ALONE=y\n")
    assert "the menu around it is off" in line


def test_an_option_that_is_on_though_asked_to_be_off_is_told(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    (line,) = why(sandbox, "CONFIG_A=n\n")
    assert "CONFIG_A wanted n, got y" in line


@pytest.mark.parametrize(
    ("number", "begins"), [(1, "1 option asked for"), (25, "25 options asked for")]
)
def test_all_dropped_wishes_are_counted(
    sandbox: Sandbox, fake: Kconfig, number: int, begins: str
) -> None:
    fragment = "".join(f"CONFIG_X{n}=y\n" for n in range(number))
    with pytest.raises(UserError) as caught:
        resolve(sandbox, fragment)
    assert caught.value.what.startswith(begins)
    assert "6.1" in caught.value.what
    assert len(caught.value.why.splitlines()) <= 21
    assert "since" in caught.value.hint


def test_constants_in_a_dependency_have_no_value(sandbox: Sandbox, fake: Kconfig) -> None:
    (sandbox.source / "Kconfig").write_text("config A_TEST\n\tdepends on m && A\n")
    (line,) = why(sandbox, "CONFIG_A_TEST=m\n")
    assert line.endswith("it depends on m && A (=y)")


def test_a_kconfig_that_fails_is_a_build_error_with_its_own_words(
    sandbox: Sandbox, fake: Kconfig
) -> None:
    fake.failure = CommandFailedError(["make"], 2, ["scripts/kconfig: syntax error"])
    with pytest.raises(BuildError) as caught:
        resolve(sandbox, "CONFIG_A=y\n")
    assert "syntax error" in caught.value.why
    assert str(sandbox.build / "log") in caught.value.hint
    assert "to replay it: make" in caught.value.hint
