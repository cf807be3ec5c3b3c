"""What a hostile Makefile can do in the sandbox: a real one, for a tree that tries everything.

The builder is this machine's own /usr, so that nothing has to be made. Every attempt is written
down by the tree itself; what counts is what the machine looks like afterwards.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder import compile_cache, host_builder
from ingot.builder.call_filter import write_filter
from ingot.builder.sandbox import Builder, Sandbox, check_sandbox, confinement
from ingot.builder.sandbox_user import find_user, hand_over, readable_by_others
from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.fleet.local.shared_jobserver import Jobserver
from ingot.process import run

SECRET = "nobody-in-the-sandbox-may-read-this"

# Each attempt is a rule of its own, whose output is its verdict. `perl` is what speaks to sockets.
MAKEFILE = r"""
.PHONY: all
all: $(filter-out all, $(TRIES))
	@:

tcp:
	@perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("$(LISTENER)")' && echo reached || echo no
udp:
	@perl -MSocket -e 'socket(S, AF_INET, SOCK_DGRAM, 0); send(S, "hello", 0, pack_sockaddr_in($(UDP), inet_aton("127.0.0.1"))) or exit 1' && echo reached || echo no
abstract:
	@perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un("\0$(ABSTRACT)")) or exit 1' && echo reached || echo no
unix:
	@perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un("$(UNIX)")) or exit 1' && echo reached || echo no
interfaces:
	@grep -c : /proc/net/dev

read:
	@for file in $(FILES); do cat $$file 2>/dev/null; done; echo done
secrets:
	@cat /etc/shadow /etc/ssh/ssh_host_* /root/.bash_history /home/*/.ssh/* 2>/dev/null; echo done
list:
	@ls -a / /root /home /run /var /dev/shm /tmp /mnt /media /srv /opt $(HOME_OUTSIDE) 2>/dev/null; echo done
proc:
	@cat /proc/[0-9]*/cmdline | tr '\0' ' '; echo done
roots:
	@for p in /proc/[0-9]*; do cat $$p/root$(word 1, $(FILES)) $$p/cwd/secret 2>/dev/null; done; echo done
climb:
	@cat /src/../../../../../../..$(word 1, $(FILES)) 2>/dev/null; echo done
links:
	@ln -sf $(word 1, $(FILES)) /build/link; cat /build/link 2>/dev/null; echo done
environment:
	@env
environments:
	@cat /proc/[0-9]*/environ | tr '\0' '\n'; echo done
first:
	@tr '\0' '\n' </proc/1/environ; echo done
descriptors:
	@for p in /proc/[0-9]*; do ls -l $$p/fd 2>/dev/null; done; echo done

write:
	@for file in $(FILES); do echo hostile > $$file; rm -f $$file; done 2>/dev/null; echo done
source:
	@echo hostile > /src/Makefile; echo hostile > /src/new; rm -f /src/Makefile; chmod 777 /src; mv /src/Makefile /src/other; echo done
system:
	@echo hostile > /usr/bin/gcc.hostile; echo hostile > /usr/hostile; echo hostile > /etc/alternatives/hostile; echo done
remount:
	@mount -o remount,rw /usr; mount -o remount,rw /src; umount /src; mount -t tmpfs none /usr; unshare -Urm mount -o remount,bind,rw /usr; echo hostile > /usr/hostile; echo done
sysctl:
	@echo hostile > /proc/sys/kernel/core_pattern; echo 1 > /proc/sys/vm/drop_caches; echo h > /proc/sysrq-trigger; echo done
namespaces:
	@perl -e 'exit(syscall(272, 0x12020000) != 0)' && echo reached || echo no
devices:
	@mknod /build/disk b 254 0; mknod /build/mem c 1 1; ls /dev; echo done

signal:
	@kill -9 $(VICTIM) && echo reached || echo no
trace:
	@perl -e 'exit(syscall(101, 16, $(VICTIM), 0, 0) != 0)' && echo reached || echo no
identity:
	@id -u; id -g; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status
terminal:
	@perl -e 'open(T, "+<", "/dev/tty") or exit 1; exit(ioctl(T, 0x5412, "x") ? 0 : 1)' && echo reached || echo no
stay:
	@setsid sh -c 'exec -a $(MARK) sleep 600' >/dev/null 2>&1 </dev/null & echo done
keys:
	@perl -e '$$t = "user"; $$d = "$(KEY)"; for $$ring (-3, -4, -5, map { hex } `cat /proc/keys` =~ /^(\w+) .*_uid/mg) { syscall(250, 8, $$ring, -3); $$k = syscall(250, 10, $$ring, $$t, $$d, 0); next if $$k < 0; $$b = " " x 99; syscall(250, 11, $$k, $$b, 99); print $$b }' ; echo no
memory:
	@perl -e 'exit(defined(shmget($(SHM), 16, 0666)) ? 0 : 1)' && echo reached || echo no
"""  # noqa: E501 (a Makefile)


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds the hostile tree: things it must neither see nor change."""

    sandbox: Sandbox
    variables: dict[str, str]
    victim: subprocess.Popen[bytes]
    sockets: tuple[socket.socket, ...]

    def attempt(self, name: str, **more: str) -> str:
        """What the rule of this name says when it is made in the sandbox."""
        given = {**self.variables, **more}
        words = ["make", "-C", "/src", *(f"{key}={value}" for key, value in given.items()), name]
        command = self.sandbox.command([*words[:1], "--no-print-directory", *words[1:]])
        return run(command, check=False, timeout=60).output

    def reached(self) -> int:
        """How many of its sockets somebody has knocked at."""
        return len(select.select(self.sockets, [], [], 0)[0])

    @property
    def files(self) -> list[Path]:
        return [Path(name) for name in self.variables["FILES"].split()]


@pytest.fixture(params=[False, True], ids=["as the caller", "as another user"])
def sandbox(tmp_path: Path, request: pytest.FixtureRequest) -> Sandbox:
    try:
        check_sandbox()
    except MachineError as error:
        pytest.skip(str(error))
    for name in ("source", "build", "ccache"):
        (tmp_path / name).mkdir()
    (tmp_path / "source" / "Makefile").write_text(MAKEFILE)
    confined = confinement()
    user = find_user(confined) if request.param else None
    if request.param and user is None:
        pytest.skip("sandboxes are entered as the caller here: not root, or it may not mount")
    builder = Builder(
        "host",
        Digest.of(b"host"),
        Path("/"),
        hermetic=False,
        shown=host_builder.SHOWN,
        confinement=confined,
        user=user,
        call_filter=write_filter(tmp_path),
    )
    made = Sandbox(builder, tmp_path / "source", tmp_path / "build", tmp_path / "ccache")
    made.hand_over()
    hand_over(tmp_path / "ccache", user)
    return made


@pytest.fixture
def world(sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    files = [
        tmp_path / name
        for name in (
            "home/.netrc",
            "images/blobs/sha256/secret",
            "images/index.json",
            "cache/sources/other/tree/secret",
            "cache/builders/other/usr/bin/secret",
            "shm/build-other/vmlinux",
        )
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
        file.chmod(0o666)
    abstract = f"ingot-test-{Digest.of(str(tmp_path).encode()).short}"
    sockets = (
        socket.create_server(("127.0.0.1", 0)),
        _unix(str(tmp_path / "socket")),
        _unix(f"\0{abstract}"),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    )
    tcp, *_, udp = sockets
    udp.bind(("127.0.0.1", 0))
    victim = subprocess.Popen(["sleep", "600"])
    variables = {
        "FILES": " ".join(map(str, files)),
        "LISTENER": f"127.0.0.1:{tcp.getsockname()[1]}",
        "UDP": str(udp.getsockname()[1]),
        "UNIX": str(tmp_path / "socket"),
        "ABSTRACT": abstract,
        "HOME_OUTSIDE": str(Path.home()),
        "VICTIM": str(victim.pid),
    }
    yield World(sandbox, variables, victim, sockets)
    victim.kill()
    victim.wait()
    for each in sockets:
        each.close()


def _unix(name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(name)
    made.listen()
    return made


def test_the_attempts_work_where_there_is_no_sandbox(world: World) -> None:
    """The control: outside, the same rules do reach what they try to reach."""
    variables = [f"{key}={value}" for key, value in world.variables.items()]
    words = ["make", "--no-print-directory", "-C", str(world.sandbox.source), *variables]
    outside = {name: run([*words, name]).output for name in ("tcp", "udp", "abstract", "unix")}
    assert set(outside.values()) == {"reached\n"}
    assert world.reached() == 4
    assert SECRET in run([*words, "read"]).output
    assert run([*words, "signal"]).output == "reached\n"
    assert world.victim.wait(10) == -9


@pytest.mark.parametrize("name", ["tcp", "udp", "abstract", "unix"])
def test_the_network_cannot_be_reached(world: World, name: str) -> None:
    world.attempt(name)
    assert world.reached() == 0


def test_there_is_no_interface_but_loopback(world: World) -> None:
    assert world.attempt("interfaces") == "1\n"


@pytest.mark.parametrize("name", ["read", "roots", "climb", "links"])
def test_home_store_sources_and_other_builds_cannot_be_read(world: World, name: str) -> None:
    said = world.attempt(name)
    assert said.endswith("done\n")
    assert SECRET not in said


def test_secrets_of_the_system_cannot_be_read(world: World) -> None:
    assert world.attempt("secrets") == "done\n"


def test_nothing_of_the_machine_but_its_programs_can_be_seen(world: World) -> None:
    shown = {name for line in world.attempt("list").splitlines() for name in line.split()}
    outside = {path.name for path in (*Path.home().iterdir(), *Path("/var").iterdir())}
    assert not outside & shown - {"lib", "tmp", "opt"}
    assert "shm" not in shown or not any(name.startswith("ingot") for name in shown)


def test_other_processes_cannot_be_seen(world: World) -> None:
    said = world.attempt("proc")
    assert "sleep 600" not in said
    assert "-m pytest" not in said


def test_the_environment_is_the_sandboxs_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", SECRET)
    said = world.attempt("environment")
    assert SECRET not in said
    assert "HOME=/tmp" in said.splitlines()


@pytest.mark.parametrize("name", ["environments", "first"])
def test_no_process_in_the_sandbox_holds_the_callers_environment(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The first process inside is bwrap itself, whose environment is no other process's."""
    for variable in ("REGISTRY_PASSWORD", "GITHUB_TOKEN", "HTTPS_PROXY", "TMPDIR", "LC_NAME"):
        monkeypatch.setenv(variable, SECRET)
    said = world.attempt(name)
    assert said.endswith("done\n")
    assert SECRET not in said
    if name == "first":
        assert said == "done\n"


def test_no_file_that_is_open_outside_is_open_inside(world: World) -> None:
    with world.files[0].open() as file:
        os.set_inheritable(file.fileno(), True)
        said = world.attempt("descriptors")
    assert said.endswith("done\n")
    assert world.files[0].name not in said


def test_files_outside_stay_as_they_are(world: World) -> None:
    world.attempt("write")
    assert [file.read_text() for file in world.files] == [SECRET] * len(world.files)


def test_the_source_stays_as_it_is(world: World) -> None:
    world.attempt("source")
    source = world.sandbox.source
    assert [path.name for path in source.iterdir()] == ["Makefile"]
    assert (source / "Makefile").read_text() == MAKEFILE
    assert source.stat().st_mode & 0o777 != 0o777


def test_the_builder_stays_as_it_is(world: World) -> None:
    for name in ("system", "remount"):
        world.attempt(name)
    places = ("/usr/hostile", "/usr/bin/gcc.hostile", "/etc/alternatives/hostile")
    changed = [path for path in map(Path, places) if path.exists()]
    for path in changed:
        path.unlink()
    assert changed == []


def test_the_kernel_of_the_machine_takes_no_orders(world: World) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern")
    before = pattern.read_text()
    said = world.attempt("sysctl")
    try:
        assert pattern.read_text() == before
    finally:
        if pattern.read_text() != before:
            pattern.write_text(before)
    assert said.endswith("done\n")


def test_no_namespace_can_be_made_to_mount_things_in(world: World) -> None:
    """Control groups, mounted there, are the machine's own, and root's to change (x86_64)."""
    if not world.sandbox.builder.confinement:
        pytest.skip("this bwrap cannot forbid it (0.8 and newer can)")
    assert world.attempt("namespaces").endswith("no\n")


def test_no_device_can_be_made_or_seen(world: World) -> None:
    said = world.attempt("devices")
    assert not {path.name for path in world.sandbox.build.iterdir()} & {"disk", "mem"}
    assert not {"kvm", "mem", "kmsg", "fuse", "vda", "sda"} & set(said.split())


@pytest.mark.parametrize("name", ["signal", "trace"])
def test_processes_of_the_machine_cannot_be_touched(world: World, name: str) -> None:
    said = world.attempt(name)
    assert "reached" not in said
    assert world.victim.poll() is None


def test_there_is_no_privilege_to_be_had(world: World) -> None:
    lines = world.attempt("identity").split()
    assert lines[:2] == ["1000", "1000"]
    values = dict(zip(lines[2::2], lines[3::2], strict=True))
    assert set(values) == {"CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:"}
    assert {int(values[name], 16) for name in ("CapPrm:", "CapEff:", "CapBnd:")} == {0}
    assert values["NoNewPrivs:"] == "1"


def test_no_terminal_can_be_typed_into(world: World) -> None:
    assert world.attempt("terminal").endswith("no\n")


def test_nothing_stays_behind(world: World) -> None:
    mark = f"ingot-test-stays-{os.getpid()}"
    assert world.attempt("stay", MARK=mark) == "done\n"
    command_lines = [_command_line(path) for path in Path("/proc").glob("[0-9]*")]
    assert not any(mark in line for line in command_lines)


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""  # it has ended meanwhile


def test_shared_memory_of_the_machine_is_another(world: World) -> None:
    key = 0x1D670000 + os.getpid() % 0xFFFF
    code = f"$id = shmget({key}, 16, 01666); defined $id or exit 1; print qq($id\\n)"
    made = run(["perl", "-e", code]).output.strip()
    try:
        assert world.attempt("memory", SHM=str(key)) == "no\n"
    finally:
        run(["perl", "-e", f"shmctl({made}, 0, 0)"])


_SESSION, _USER = -3, -4
"""Keyrings (keyctl(2), KEY_SPEC_*)."""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of calls are x86_64's")
@pytest.mark.parametrize("ring", [_SESSION, _USER], ids=["session", "user"])
def test_keys_cannot_be_read(world: World, ring: int) -> None:
    """They are the session's or the user's, whatever namespaces a process is in (keyrings(7))."""
    name = f"ingot-test-{os.getpid()}"
    libc = ctypes.CDLL(None, use_errno=True)
    if ring == _SESSION:
        libc.syscall(250, 1, None)  # one of the tests' own
    key = libc.syscall(248, b"user", name.encode(), SECRET.encode(), len(SECRET), ring)
    if key < 0:
        pytest.skip(f"no key can be made here: {os.strerror(ctypes.get_errno())}")
    try:
        words = ["make", "-s", "-C", str(world.sandbox.source), f"KEY={name}", "keys"]
        outside = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        assert SECRET in outside, "the control: outside it can be read"
        assert SECRET not in world.attempt("keys", KEY=name)
    finally:
        libc.syscall(250, 9, key, ring)


def test_what_a_tree_may_write_to_is_its_build_directory_and_its_cache(world: World) -> None:
    command = world.sandbox.command(["sh", "-c", "echo x > /build/a && echo x > /ccache/b"])
    run(command)
    assert (world.sandbox.build / "a").is_file()
    assert (world.sandbox.ccache and world.sandbox.ccache / "b").is_file()  # type: ignore[union-attr]


def test_an_arch_with_its_own_toolchain_finds_it_under_the_kernels_names(world: World) -> None:
    """Names that the machine lacks are made in the sandbox (see `host`)."""
    own = arch("x86_64").cross + "true"
    builder = Builder(
        "host",
        Digest.of(b"host"),
        Path("/"),
        shown=host_builder.SHOWN,
        aliases={own: "/usr/bin/true"},
    )
    run(Sandbox(builder, world.sandbox.source, world.sandbox.build).command([own]))


# Whom it is entered as


def test_what_root_starts_belongs_to_nobody(world: World) -> None:
    """A setuid file left in the compile cache must not be root's."""
    if os.geteuid() != 0:
        pytest.skip("only root has something to lose")
    places = (world.sandbox.build / "shell", world.sandbox.ccache / "shell")  # type: ignore[operator]
    with compile_cache.opened(places[1].parent, world.sandbox.builder):
        copy = "for at in /build /ccache; do cp /usr/bin/true $at/shell; chmod 7777 $at/shell; done"
        unfiltered = replace(world.sandbox.builder, call_filter=None)
        run(replace(world.sandbox, builder=unfiltered).command(["sh", "-c", copy]))
    user = world.sandbox.builder.user
    if user is None:
        assert places[1].stat().st_mode & 0o7000 == 0
    else:
        assert {path.stat().st_uid for path in places} == {user}
    assert places[1].parent.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_was_another_users_is_handed_over(world: World, tmp_path: Path) -> None:
    if world.sandbox.builder.user is None:
        pytest.skip("nobody else enters sandboxes here")
    outside = tmp_path / "outside"
    outside.write_text(SECRET)
    cache = tmp_path / "old"
    (cache / "a/b").mkdir(parents=True)
    (cache / "a/b/object").write_text("")
    (cache / "a/link").symlink_to(outside)
    with compile_cache.opened(cache, world.sandbox.builder):
        assert (cache / "a/b/object").stat().st_uid == world.sandbox.builder.user
        assert (cache / "a/link").lstat().st_uid == world.sandbox.builder.user
    assert outside.stat().st_uid == os.geteuid()
    # and back, for who is entered as the caller
    with compile_cache.opened(cache, replace(world.sandbox.builder, user=None)):
        assert (cache / "a/b/object").stat().st_uid == os.geteuid()


def test_what_lies_where_only_root_may_go_can_be_shown(world: World, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "source").mkdir(parents=True)
    (closed / "source" / "Makefile").write_text("all:\n\t@echo made\n")
    closed.chmod(0o700)
    sandbox = replace(world.sandbox, source=closed / "source")
    assert run(sandbox.command(["make", "-s", "-C", "/src"])).output == "made\n"


def test_a_tree_that_others_may_not_read_is_known(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    (tmp_path / "a/link").symlink_to("nothing")
    tmp_path.chmod(0o755)
    assert readable_by_others(tmp_path)
    (tmp_path / "a/file").chmod(0o600)
    assert not readable_by_others(tmp_path)
    (tmp_path / "a/file").chmod(0o644)
    (tmp_path / "a").chmod(0o711)
    assert not readable_by_others(tmp_path)


def test_a_command_dies_with_who_started_it(world: World) -> None:
    mark = f"ingot-test-orphan-{os.getpid()}"
    command = world.sandbox.command(["sh", "-c", f"exec -a {mark} sleep 600 || sleep 600"])
    program = "import sys\nfrom ingot.process import run\nrun(sys.argv[1:])\n"
    starter = subprocess.Popen([sys.executable, "-c", program, *command])

    def running() -> list[str]:
        lines = [_command_line(path) for path in Path("/proc").glob("[0-9]*")]
        return [line for line in lines if mark in line]

    _wait_for(lambda: any("sleep" in line for line in running()))
    starter.kill()
    starter.wait()
    _wait_for(lambda: not running())
    assert running() == []


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    "attempt",
    [
        "chmod 4755 x",
        "chmod 2755 x",
        "install -m 6755 x y",
        "cp -p x y; chmod u+s y",
        "perl -e 'sysopen(F, \"y\", 0101, 04755)'",
        "perl -e '$f = \"y\"; syscall(133, $f, 0104755, 0)'",
        "perl -e '$f = \"x\"; syscall(452, -100, $f, 04755, 0)'",
        "perl -e '$f = \"x\"; syscall(0x40000000 + 90, $f, 04755)'",
    ],
)
def test_no_file_can_be_made_to_run_as_its_owner(world: World, attempt: str) -> None:
    if world.sandbox.builder.call_filter is None:
        pytest.skip("there is no filter for this machine")
    script = f"cd /build && cp /usr/bin/true x && {{ {attempt}; }}; true"
    run(world.sandbox.command(["sh", "-c", script]))
    found = list(world.sandbox.build.iterdir())
    assert found
    assert not any(path.stat().st_mode & 0o6000 for path in found)


def test_ordinary_modes_and_files_are_as_ever(world: World) -> None:
    script = (
        "cd /build && cp /usr/bin/true x && chmod 0555 x && install -m 0755 x y && mkdir -m 1777 d"
        ' && perl -e \'open(F, ">", "z") or die; open(G, "<", "x") or die\''
        " && ./y && stat -c %a x y d"
    )
    assert run(world.sandbox.command(["sh", "-c", script])).output.split() == ["555", "755", "1777"]


@pytest.mark.parametrize(
    "trap",
    [
        "mkdir -p $(printf 'd/%.0s' $(seq 900))",
        "mkdir a && chmod 0 a",
        "mkdir a && cp /usr/bin/true a/x && chmod 4111 a/x && chmod 0555 a",
        "mkdir -p $(printf 'd/%.0s' $(seq 900)) && chmod 0 d",
        "chmod 0500 /ccache",
    ],
)
def test_a_cache_that_no_compiler_makes_is_emptied(world: World, trap: str) -> None:
    """Else what cannot be looked at would hide what is beside it, and later builds would fail."""
    cache = world.sandbox.ccache
    assert cache is not None
    script = f"cd /ccache && mkdir z && cp /usr/bin/true z/shell && chmod 4755 z/shell && {trap}"
    open_sandbox = replace(world.sandbox, builder=replace(world.sandbox.builder, call_filter=None))
    with compile_cache.opened(cache, world.sandbox.builder):
        run(open_sandbox.command(["sh", "-c", script]))
    # and by who enters as somebody else, as whom all of it is to be handed over
    with compile_cache.opened(cache, replace(world.sandbox.builder, user=None)):
        assert not any(path.stat().st_mode & 0o7000 for path in cache.glob("z/*"))
    assert not any(path.stat().st_mode & 0o7000 for path in cache.glob("z/*"))


def test_make_in_the_sandbox_uses_a_shared_jobserver(sandbox: Sandbox) -> None:
    """Its descriptors reach make through all programs that the sandbox is made with."""
    (sandbox.source / "Makefile").write_text(
        "all: a b c d\na b c d:\n\t@mkdir /build/$@.on; ls -d /build/*.on | wc -l;"
        " sleep 0.2; rmdir /build/$@.on\n"
    )
    jobserver = Jobserver(cpus=2, jobs=1)
    shared = replace(sandbox, jobserver=jobserver.descriptors)
    printed = run(
        shared.command(["make", "--no-print-directory", "-C", "/src"]), inherited=shared.inherited
    ).output
    assert "jobserver" not in printed  # make warns if the descriptors are closed
    counts = [int(line) for line in printed.split()]
    assert len(counts) == 4
    assert max(counts) == 2
    os.set_blocking(jobserver.read, False)
    assert os.read(jobserver.read, 100) == b"+", "every token was put back"
