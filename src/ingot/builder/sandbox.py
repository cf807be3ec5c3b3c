"""Runs commands in a builder, isolated from the machine.

A builder is entered through bubblewrap (bwrap(1)), or as a container of an engine (see
`container_run`). Inside there is no network and no capability, the user is not root, and only
these directories are visible:

    /usr, /etc, /lib, ...   the visible parts of the builder's root, read-only
    /src                    the kernel tree, read-only
    /inputs                 files that Ingot passes to the commands, read-only
    /build                  the build directory
    /ccache                 the compile cache
    /tmp                    empty

Source and output have the same paths in every build on every machine, so that the compiled bytes
do not depend on the machine and the compile cache can be shared.

The programs inside are not trusted, and neither are the files in /build: they are read through
`Sandbox.outputs`, as regular files up to a size limit, and files that are kept are copied to a
directory that is not visible inside. In the directory of one build:

    build/      /build
    inputs/     /inputs
    results/    files that were copied out of build/; not visible inside
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from ingot.builder.sandbox_user import Stage, hand_over
from ingot.confined_files import ConfinedDirectory
from ingot.digest import Digest
from ingot.errors import BuildError, MachineError
from ingot.files import disk_errors
from ingot.process import CommandFailedError, run

SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""The search path inside, without the directories of compiler links that come before it."""

_FILTER_DESCRIPTOR = "9"
_WITH_FILTER = f'exec "$@" {_FILTER_DESCRIPTOR}<"$0"'
"""A shell command that opens the filter's file, which another user may not be able to read."""
INPUTS = "/inputs"
"""The path inside of the files that Ingot passes to a command."""

_TOP_LEVEL = ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt")
_USER_ID = "1000"
HOST_NAME = "ingot"
_NAMES = "/toolchain"
ENVIRONMENT: Mapping[str, str] = {
    # ccache's compiler links come first; the directory is missing in a builder without ccache
    "PATH": f"/usr/lib/ccache:{_NAMES}:{SEARCH_PATH}",
    "HOME": "/tmp",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
"""The environment of a command inside; the compile cache adds to it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of this machine, and its path inside."""

    outside: Path
    inside: str
    writable: bool = False


class Entrance(Protocol):
    """Runs commands in a builder by other means than bubblewrap."""

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        directories: Sequence[Directory],
        /,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """The full command that runs `argv` inside, with only this environment.

        Its working directory is /build if that is one of the directories.
        """


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder that commands can be run in.

    `digest` is the digest of its `packages`, a line each (see `builder_packages`); `tools` are the
    versions that its programs report, a line each, if it was examined (see `tool_versions`). It is
    `hermetic` if it is the same on every machine: this machine's own compiler is not. With `llvm`
    it compiles with clang and lld.

    Commands are run by its `entrance`, or, without one, by bubblewrap: `root` is the directory of
    which the entries in `shown` are visible inside, `aliases` are additional names of its programs
    (name -> path inside), `confinement` are the options that `confinement` returned for this
    machine's bwrap, `user` is the user ID that root switches to (see `sandbox_user`), and
    `call_filter` is the file of the filter of system calls, if there is one for this machine.
    """

    name: str
    digest: Digest
    root: Path = Path("/")
    packages: tuple[str, ...] = ()
    hermetic: bool = True
    llvm: bool = False
    shown: tuple[str, ...] = _TOP_LEVEL
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    confinement: tuple[str, ...] = ()
    user: int | None = None
    call_filter: Path | None = None
    tools: tuple[str, ...] = ()
    entrance: Entrance | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A builder with the directories that one build can see; `ccache` is optional.

    `inputs` and `results` are next to `build`; see the module's docstring. `jobserver` are the
    descriptors to read and write of a jobserver of make (GNU make 4.3, "POSIX Jobserver
    Interaction"): all commands that have it run at most as many compilers together as it has
    tokens. They must stay open in each command (`inherited`).
    """

    builder: Builder
    source: Path
    build: Path
    ccache: Path | None = None
    jobserver: tuple[int, int] | None = None

    @classmethod
    def below(
        cls,
        directory: Path,
        builder: Builder,
        source: Path | None = None,
        ccache: Path | None = None,
        jobserver: tuple[int, int] | None = None,
    ) -> Self:
        """A sandbox with new directories below `directory`, which is trusted.

        Without a `source`, /src is not a kernel tree.
        """
        with disk_errors(directory):
            directory.mkdir(exist_ok=True)
            for name in ("build", "inputs", "results"):
                (directory / name).mkdir()
                (directory / name).chmod(0o755)  # whatever the umask
        source = source or directory / "inputs"
        sandbox = cls(builder, source, directory / "build", ccache, jobserver)
        sandbox.hand_over()
        return sandbox

    def hand_over(self) -> None:
        """Make the user that commands run as the owner of the build directory's files."""
        with disk_errors(self.build):
            hand_over(self.build, self.builder.user)

    @property
    def inputs(self) -> Path:
        """The directory that is visible as /inputs."""
        return self.build.with_name("inputs")

    @property
    def results(self) -> Path:
        """The directory for files that were copied out of the build directory."""
        return self.build.with_name("results")

    @property
    def outputs(self) -> ConfinedDirectory:
        """The build directory, with the untrusted files that commands wrote."""
        return ConfinedDirectory(self.build)

    def add_input(self, name: str, data: bytes) -> str:
        """Write the file `name` below the inputs; returns its path inside."""
        inputs = ConfinedDirectory(self.inputs)
        with disk_errors(self.inputs):
            self.inputs.mkdir(exist_ok=True)
            if "/" in name:
                inputs.make_directory(name.rpartition("/")[0])
            inputs.write(name, data)
        return f"{INPUTS}/{name}"

    def copy_out(self, name: str, limit: int, to: str = "") -> Path:
        """Copy a file of the build directory to `to` below the results (default: the same name).

        Returns the path of the copy, which replaces an earlier one. UnsafeFileError if it is not
        a regular file of at most `limit` bytes, BuildError if it is missing.
        """
        target = self.results / (to or name)
        with disk_errors(self.results), _must_exist(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            self.outputs.copy(name, target, limit)
        return target

    def copy_tree_out(
        self, name: str, to: Path, *, most: int, limit: int, leave: Container[str] = ()
    ) -> None:
        """Copy a directory of the build directory to the new directory `to`.

        See `ConfinedDirectory.copy_tree`; a BuildError if the directory is missing.
        """
        with disk_errors(to.parent), _must_exist(name):
            self.outputs.copy_tree(name, to, most=most, limit=limit, leave=leave)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a file of the build directory; errors as in `copy_out`."""
        with _must_exist(name):
            return self.outputs.read(name, limit)

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """The full command that runs `argv` inside, in the directory /build.

        Only an `interactive` command keeps the terminal: a program that has it can insert input
        into it (bwrap(1), --new-session).
        """
        environment = {
            **ENVIRONMENT,
            **self._ccache_environment(),
            **self._make_environment(),
            **(env or {}),
        }
        if entrance := self.builder.entrance:
            return entrance.command(argv, environment, self._directories(), interactive=interactive)
        stage = Stage()
        place = str if self.builder.user is None else stage.place
        words = [
            "bwrap",
            *("--unshare-all", *self.builder.confinement, "--die-with-parent"),
            *(() if interactive else ("--new-session",)),
            *("--uid", _USER_ID, "--gid", _USER_ID, "--cap-drop", "ALL"),
            *("--hostname", HOST_NAME, "--clearenv"),
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            *self._root_mounts(place),
            *self._aliases(),
            *("--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
            # a process of root outside can write to /proc/sys, whatever its user is inside
            *("--remount-ro", "/proc"),
            *(word for directory in self._directories() for word in _bound(directory, place)),
            *("--chdir", "/build", "--"),
            *argv,
        ]
        if self.builder.call_filter is None:
            return words if self.builder.user is None else stage.command(words)
        words[1:1] = ["--seccomp", _FILTER_DESCRIPTOR]
        if self.builder.user is None:
            words = ["env", "-i", shutil.which("bwrap") or "bwrap", *words[1:]]
        else:
            words = stage.command(words)
        return ["sh", "-c", _WITH_FILTER, str(self.builder.call_filter), *words]

    def _directories(self) -> list[Directory]:
        """The directories of this machine that are visible inside."""
        cache = [Directory(self.ccache, "/ccache", writable=True)] if self.ccache else []
        inputs = [Directory(self.inputs, INPUTS)] if self.inputs.is_dir() else []
        build = Directory(self.build, "/build", writable=True)
        return [Directory(self.source, "/src"), *inputs, build, *cache]

    def _root_mounts(self, place: Callable[[Path], str]) -> list[str]:
        """The mounts of the root's visible parts; links (merged /usr) are created as links."""
        words = []
        for name in self.builder.shown:
            path = self.builder.root / name
            if path.is_symlink():
                words += ["--symlink", str(path.readlink()), f"/{name}"]
            elif path.exists():
                words += ["--ro-bind", place(path), f"/{name}"]
        return words

    def _aliases(self) -> list[str]:
        aliases = self.builder.aliases.items()
        return [word for name, path in aliases for word in ("--symlink", path, f"{_NAMES}/{name}")]

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that must stay open in a command."""
        return self.jobserver or ()

    def _make_environment(self) -> dict[str, str]:
        if self.jobserver is None:
            return {}
        read, write = self.jobserver
        return {"MAKEFLAGS": f" -j --jobserver-auth={read},{write}"}

    def _ccache_environment(self) -> dict[str, str]:
        """The configuration of ccache (ccache(1)): a cold compile must not take longer with it.

        Depend mode gets the includes from the compiler instead of preprocessing once more.
        A compiler is identified by the builder's digest, not by its mtime; one that is not
        hermetic can change under the same digest, so its content is hashed.
        """
        if not self.ccache:
            return {"CCACHE_DISABLE": "1"}
        digest = f"string:{self.builder.digest}"
        return {
            "CCACHE_DIR": "/ccache",
            "CCACHE_DEPEND": "1",
            "CCACHE_NOCOMPRESS": "1",
            "CCACHE_COMPILERCHECK": digest if self.builder.hermetic else "content",
            "CCACHE_MAXSIZE": "5G",
            "CCACHE_UMASK": "022",
        }


@contextlib.contextmanager
def _must_exist(name: str) -> Iterator[None]:
    """Raise a missing output of a command as a BuildError."""
    try:
        yield
    except FileNotFoundError:
        raise BuildError(
            f"{name} is missing in the build directory",
            why="the command in the sandbox that writes it ended without an error",
        ) from None


def _bound(directory: Directory, place: Callable[[Path], str]) -> tuple[str, ...]:
    return (
        "--bind" if directory.writable else "--ro-bind",
        place(directory.outside),
        directory.inside,
    )


def run_tool(sandbox: Sandbox, argv: Sequence[str], failure: str, needs: str) -> None:
    """Run a tool that may be missing in a builder.

    If it fails, a MachineError with `failure` as the text, and what a builder `needs` as the hint.
    """
    try:
        run(sandbox.command(argv))
    except CommandFailedError as error:
        raise MachineError(
            failure,
            why="\n".join(error.tail),
            hint=f"a builder needs {needs}; {error.hint}",
        ) from error


def confinement() -> tuple[str, ...]:
    """The options that forbid a command to make user namespaces, if this machine's bwrap has them.

    In a new user namespace, a command started by root could mount the machine's control groups and
    write to them. Bubblewrap before 0.8 cannot forbid that.
    """
    words = ("--unshare-user", "--disable-userns")
    result = run(["bwrap", *words, "--ro-bind", "/", "/", "--", "true"], check=False)
    return words if result.returncode == 0 else ()


def check_sandbox() -> None:
    """Raise a MachineError if this machine does not let bubblewrap make a sandbox."""
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        run(words)
    except CommandFailedError as error:
        raise MachineError(
            "this machine does not let bubblewrap make a sandbox",
            why="\n".join(error.tail),
            hint="allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu"
            " `sysctl kernel.apparmor_restrict_unprivileged_userns=0`), or run as root; a container"
            " must not mask /proc (docker: --security-opt systempaths=unconfined --security-opt"
            " seccomp=unconfined)",
        ) from error
