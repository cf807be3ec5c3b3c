"""Which tools are missing, and the command that installs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import tools
from ingot.errors import MachineError
from ingot.process import CommandFailedError, Result
from ingot.tools import Tool

SH = Tool("sh", "dash", "runs scripts")
GHOST = Tool("ingot-ghost", "ghost", "haunts")
OTHER = Tool("ingot-other", "a-first", "comes first by name")
TWIN = Tool("ingot-twin", "ghost", "is in the same package")
HELPER = Tool("ingot-helper", "helper", "helps ordinary users", only_unprivileged=True)


class User:
    """Who runs Ingot, what programs there are, and which commands were run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.commands: list[list[str]] = []
        self.failing = ""
        self.present = {"sh"}
        monkeypatch.setattr(tools, "TOOLS", (SH, GHOST, OTHER, TWIN, HELPER))
        monkeypatch.setattr(tools, "run", self.run)
        monkeypatch.setattr(Tool, "present", lambda tool: tool.program in self.present)
        self.set(uid=0, has={"apt-get", "sudo"})

    def set(self, *, uid: int, has: set[str]) -> None:
        self._monkeypatch.setattr("ingot.tools.os.geteuid", lambda: uid)
        self._monkeypatch.setattr(
            "ingot.tools.shutil.which", lambda name: f"/bin/{name}" if name in has else None
        )

    def run(self, argv: list[str]) -> Result:
        self.commands.append(argv)
        if self.failing and self.failing in argv:
            raise CommandFailedError(argv, 100, ["E: Unable to locate package ghost"])
        if "install" in argv:
            self.present |= {"ingot-ghost", "ingot-other", "ingot-twin", "ingot-helper"}
        return Result(0, "")


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> User:
    return User(monkeypatch)


def test_a_tool_is_a_program_in_the_path_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "keyring").touch()
    assert Tool("sh", "dash", "").present()
    assert not Tool("ingot-ghost", "ghost", "").present()
    assert Tool(str(tmp_path / "keyring"), "keys", "").present()
    assert not Tool(str(tmp_path / "absent"), "keys", "").present()


def test_every_tool_has_a_package_and_a_purpose_and_comes_once() -> None:
    assert all(tool.package and tool.purpose for tool in tools.TOOLS)
    programs = [tool.program for tool in tools.TOOLS]
    assert len(programs) == len(set(programs))
    assert {"gpgv", "bwrap", "mmdebstrap", "qemu-system-x86_64", "skopeo"} <= set(programs)


def test_what_is_missing_depends_on_who_asks(user: User) -> None:
    assert tools.missing() == [GHOST, OTHER, TWIN]
    user.set(uid=1000, has=set())
    assert tools.missing() == [GHOST, OTHER, TWIN, HELPER]


def test_what_makes_builders_of_packages_is_needed_for_these_only() -> None:
    programs = {
        kind: {tool.program for tool in tools.needed(kind=kind)}
        for kind in ("rootfs", "container", "host")
    }
    assert "mmdebstrap" in programs["rootfs"] - programs["host"]
    assert {"bwrap", "gpgv", "skopeo"} <= programs["host"]
    assert programs["host"] < programs["rootfs"]
    assert programs["host"] - programs["container"] == {"bwrap"}


@pytest.mark.parametrize(("uid", "sudo"), [(0, ""), (1000, "sudo ")])
def test_the_command_names_each_package_once_and_asks_for_rights_if_needed(
    user: User, uid: int, sudo: str
) -> None:
    user.set(uid=uid, has={"apt-get"})
    assert tools.install_command([GHOST, OTHER, TWIN]) == (
        f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends a-first ghost"
    )


def test_the_error_names_every_package_its_purpose_and_the_command(user: User) -> None:
    with pytest.raises(MachineError) as caught:
        tools.require_all()
    assert caught.value.what == (
        "missing: ghost (haunts), a-first (comes first by name), ghost (is in the same package)"
    )
    assert caught.value.hint == tools.install_command([GHOST, OTHER])


def test_where_there_is_no_apt_no_apt_command_is_given(user: User) -> None:
    user.set(uid=0, has=set())
    with pytest.raises(MachineError) as caught:
        tools.require_all()
    assert "apt-get" not in caught.value.hint
    assert "package manager" in caught.value.hint


def test_nothing_missing_is_no_error_and_nothing_to_install(user: User) -> None:
    user.present |= {"ingot-ghost", "ingot-other", "ingot-twin"}
    tools.require_all()
    assert tools.install(print) == []
    assert user.commands == []


def test_root_installs_what_is_missing(user: User) -> None:
    said: list[str] = []
    assert tools.install(said.append) == [GHOST, OTHER, TWIN]
    assert said == ["installing a-first, ghost"]
    update, install = user.commands
    assert update[-1] == "update"
    assert install[-2:] == ["a-first", "ghost"]
    assert "DEBIAN_FRONTEND=noninteractive" in install
    assert "sudo" not in install


def test_a_user_installs_by_a_sudo_that_asks_nothing(user: User) -> None:
    user.set(uid=1000, has={"apt-get", "sudo"})
    assert HELPER in tools.install(print)
    assert all(command[:2] == ["sudo", "-n"] for command in user.commands)


@pytest.mark.parametrize("has", [{"apt-get"}, {"sudo"}])
def test_a_user_who_may_not_install_is_told_what_is_missing(user: User, has: set[str]) -> None:
    user.set(uid=1000, has=has)
    said: list[str] = []
    with pytest.raises(MachineError, match="missing: "):
        tools.install(said.append)
    assert said == []
    assert not any("install" in command for command in user.commands)


def test_a_sudo_that_wants_a_password_is_not_used(user: User) -> None:
    user.set(uid=1000, has={"apt-get", "sudo"})
    user.failing = "true"
    with pytest.raises(MachineError, match="missing: "):
        tools.install(print)


def test_an_apt_that_fails_is_quoted(user: User) -> None:
    user.failing = "install"
    with pytest.raises(MachineError) as caught:
        tools.install(print)
    assert "Unable to locate package" in caught.value.why
    assert "apt-get install" in caught.value.hint
