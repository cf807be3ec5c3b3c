"""The sandbox's command: what a compile can see, and what it can write to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.builder import sandbox as sandboxes
from ingot.builder.sandbox import Builder, Sandbox, check_sandbox, confinement
from ingot.compile.run_make import jobs
from ingot.errors import MachineError
from ingot.process import CommandFailedError, Result
from tests.support.digests import digest


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    root = tmp_path / "root"
    for name in ("usr/bin", "usr/lib64", "etc", "opt", "home/user", "root"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    builder = Builder("bookworm", digest("builder"), root)
    return Sandbox(builder, tmp_path / "source", tmp_path / "build", tmp_path / "ccache")


def options(command: list[str]) -> list[str]:
    return command[: command.index("--")]


def pairs(command: list[str], option: str) -> dict[str, str]:
    """What follows each use of an option that takes two words: the second -> the first."""
    found = [n for n, word in enumerate(options(command)) if word == option]
    return {command[n + 2]: command[n + 1] for n in found}


def variables(command: list[str]) -> dict[str, str]:
    found = [n for n, word in enumerate(options(command)) if word == "--setenv"]
    return {command[n + 1]: command[n + 2] for n in found}


def test_the_program_and_its_words_come_last_and_run_in_the_build_directory(
    sandbox: Sandbox,
) -> None:
    command = sandbox.command(["make", "--", "-j2"])
    assert command[0] == "bwrap"
    at = command.index("--")
    assert command[at + 1 :] == ["make", "--", "-j2"]
    assert command[at - 2 : at] == ["--chdir", "/build"]


def test_only_build_directory_and_cache_can_be_written_to(sandbox: Sandbox) -> None:
    command = sandbox.command(["true"])
    writable = pairs(command, "--bind")
    assert writable == {"/build": str(sandbox.build), "/ccache": str(sandbox.ccache)}
    root = sandbox.builder.root
    assert pairs(command, "--ro-bind") == {
        "/usr": str(root / "usr"),
        "/etc": str(root / "etc"),
        "/opt": str(root / "opt"),
        "/src": str(sandbox.source),
    }
    assert not {"--dev-bind", "--bind-try", "--overlay"} & set(command)


def test_only_who_talks_to_the_user_keeps_the_terminal(sandbox: Sandbox) -> None:
    assert "--new-session" in sandbox.command(["true"])
    assert "--new-session" not in sandbox.command(["true"], interactive=True)


def test_the_links_of_a_merged_usr_are_links_inside(sandbox: Sandbox) -> None:
    assert pairs(sandbox.command(["true"]), "--symlink") == {
        "/bin": "usr/bin",
        "/lib64": "usr/lib64",
    }


def test_a_root_without_merged_usr_has_its_directories_bound(sandbox: Sandbox) -> None:
    (sandbox.builder.root / "bin").unlink()
    (sandbox.builder.root / "bin").mkdir()
    command = sandbox.command(["true"])
    assert pairs(command, "--ro-bind")["/bin"] == str(sandbox.builder.root / "bin")
    assert "/bin" not in pairs(command, "--symlink")


def test_there_is_no_network_no_capability_and_no_root(sandbox: Sandbox) -> None:
    words = options(sandbox.command(["true"]))
    assert "--unshare-all" in words
    assert "--share-net" not in words
    for option, value in (("--uid", "1000"), ("--gid", "1000"), ("--cap-drop", "ALL")):
        assert words[words.index(option) + 1] == value
    assert "--die-with-parent" in words
    assert "--new-session" in words


def test_nothing_of_this_machines_environment_comes_in(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv("HOME", "/home/somebody")
    command = sandbox.command(["true"])
    assert "--clearenv" in options(command)
    assert command.index("--clearenv") < command.index("--setenv")
    assert "CFLAGS" not in variables(command)
    assert variables(command)["HOME"] == "/tmp"
    assert variables(command)["LC_ALL"] == "C.UTF-8"
    assert variables(command)["TZ"] == "UTC"


def test_what_is_told_of_processes_cannot_be_written_to(sandbox: Sandbox) -> None:
    words = options(sandbox.command(["true"]))
    at = words.index("--proc")
    assert words[words.index("--remount-ro", at) + 1] == "/proc"


def test_what_this_machines_bwrap_can_forbid_is_forbidden(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    codes = iter([0, 1])

    def try_out(argv: list[str], *, check: bool) -> Result:
        asked.append(argv)
        return Result(next(codes), "")

    monkeypatch.setattr(sandboxes, "run", try_out)
    found = confinement()
    assert found == ("--unshare-user", "--disable-userns")
    assert asked[0][1:3] == list(found)
    assert confinement() == ()
    confined = replace(sandbox, builder=replace(sandbox.builder, confinement=found))
    assert set(found) <= set(options(confined.command(["true"])))
    assert not set(found) & set(options(sandbox.command(["true"])))


def test_only_what_the_builder_shows_is_seen(sandbox: Sandbox) -> None:
    builder = replace(sandbox.builder, shown=("usr", "bin", "etc/passwd", "none"))
    (builder.root / "etc" / "passwd").touch()
    command = replace(sandbox, builder=builder).command(["true"])
    assert set(pairs(command, "--ro-bind")) == {"/usr", "/etc/passwd", "/src"}
    assert set(pairs(command, "--symlink")) == {"/bin"}


def test_a_compiler_that_may_change_is_looked_at_by_the_cache(sandbox: Sandbox) -> None:
    builder = replace(sandbox.builder, hermetic=False)
    found = variables(replace(sandbox, builder=builder).command(["true"]))
    assert found["CCACHE_COMPILERCHECK"] == "content"


def test_a_call_may_add_to_the_environment(sandbox: Sandbox) -> None:
    found = variables(sandbox.command(["true"], {"KCONFIG_ALLCONFIG": "/build/x"}))
    assert found["KCONFIG_ALLCONFIG"] == "/build/x"
    assert "PATH" in found


def test_the_compile_cache_tells_compilers_apart_by_their_builder(sandbox: Sandbox) -> None:
    found = variables(sandbox.command(["true"]))
    assert found["CCACHE_DIR"] == "/ccache"
    assert found["CCACHE_COMPILERCHECK"] == f"string:{digest('builder')}"
    assert found["PATH"].split(":")[0] == "/usr/lib/ccache"
    assert "CCACHE_DISABLE" not in found


def test_without_a_cache_nothing_is_cached(sandbox: Sandbox) -> None:
    plain = Sandbox(sandbox.builder, sandbox.source, sandbox.build)
    command = plain.command(["true"])
    assert variables(command)["CCACHE_DISABLE"] == "1"
    assert set(pairs(command, "--bind")) == {"/build"}
    assert not any("ccache" in value for value in pairs(command, "--bind").values())


def test_the_same_build_elsewhere_differs_in_the_host_side_of_mounts_only(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    other = Sandbox(sandbox.builder, tmp_path / "s", tmp_path / "b", tmp_path / "c")
    ours, theirs = sandbox.command(["make"]), other.command(["make"])
    differing = [n for n, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    assert [ours[n + 1] for n in differing] == ["/src", "/build", "/ccache"]


def test_a_machine_that_forbids_sandboxes_is_told_what_to_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(argv: list[str]) -> None:
        raise CommandFailedError(argv, 1, ["bwrap: No permissions to create new namespace"])

    monkeypatch.setattr(sandboxes, "run", refuse)
    with pytest.raises(MachineError) as caught:
        check_sandbox()
    assert "No permissions" in caught.value.why
    assert "unprivileged_userns" in caught.value.hint


def test_a_jobserver_is_named_to_make_and_stays_open(sandbox: Sandbox) -> None:
    shared = replace(sandbox, jobserver=(20, 21))
    flags = variables(shared.command(["make"]))["MAKEFLAGS"]
    assert "--jobserver-auth=20,21" in flags
    assert shared.inherited == (20, 21)
    assert jobs(shared) == (), "a number of jobs would be make's own, beside the others'"


def test_without_a_jobserver_make_gets_its_own_number_of_jobs(sandbox: Sandbox) -> None:
    assert "MAKEFLAGS" not in variables(sandbox.command(["make"]))
    assert sandbox.inherited == ()
    assert jobs(sandbox)[0].startswith("-j")
