"""Running a command in a builder, away from everything else.

How a builder is entered is its own affair: through bubblewrap (bwrap(1)), or as the container of
an engine (see `container`). Inside there is no network, no capability, a user other than root, and
nothing but:

    /usr, /etc, /lib, ...   what the builder shows of its root, read-only
    /src                    the kernel tree, read-only
    /inputs                 what Ingot gives to what runs inside, read-only
    /build                  the build directory
    /ccache                 the compile cache
    /tmp                    empty

Source and output stand at the same paths in every build, whoever builds where, so that the
compiled bytes do not tell machines apart and the compile cache can be shared.

What runs inside is anybody's program, and what it leaves in /build is not trusted with a path: it
is read through `Sandbox.made`, as regular files of bounded size, and what is kept is copied to
where the sandbox never sees it. In the directory of one build:

    build/      /build
    inputs/     /inputs
    results/    what was taken out of build/; not seen inside
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
"""Where programs are looked for inside, after what stands before them to serve the compile."""

_FILTER_DESCRIPTOR = "9"
_WITH_FILTER = f'exec "$@" {_FILTER_DESCRIPTOR}<"$0"'
"""A shell's words that open the filter's file, before anybody becomes another user."""
INPUTS = "/inputs"
"""Where what Ingot gives to a command is seen inside."""

_TOP_LEVEL = ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt")
_USER_ID = "1000"
HOST_NAME = "ingot"
_NAMES = "/toolchain"
ENVIRONMENT: Mapping[str, str] = {
    # ccache's compiler links come first; a builder without ccache just lacks the folder
    "PATH": f"/usr/lib/ccache:{_NAMES}:{SEARCH_PATH}",
    "HOME": "/tmp",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
"""All that a command sees of an environment, and what the compile cache adds."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, and where it is seen inside."""

    outside: Path
    inside: str
    writable: bool = False


class Entrance(Protocol):
    """A way into a builder other than bubblewrap."""

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folders: Sequence[Folder],
        /,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """The full command that runs `argv` inside, with this environment and no other.

        It starts in /build if that is one of the folders.
        """


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder ready to be entered.

    `digest` is that of all it is made of: `packages`, a line each (see `packages`); `told` is
    what its programs tell of themselves, a line each, if they were asked (see `programs`). It is
    `hermetic` if it is the same wherever it is entered: this machine's own compiler is not. An
    `llvm` one compiles with clang and lld.

    It is entered by its `entrance`. Without one, by bubblewrap: `root` is the folder of which the
    parts that are `shown` can be seen inside, `aliases` are more names for its programs (name ->
    path inside), `confinement` is what `confinement` found this machine's bwrap to know, and `user`
    whom root becomes to enter it, see `other_user`; `call_filter` is the file of the filter of that
    name, if there is one for this machine.
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
    told: tuple[str, ...] = ()
    entrance: Entrance | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A builder with the directories one build may see. `ccache` may be left out.

    `inputs` and `results` lie beside `build`; see the top of this module.
    """

    builder: Builder
    source: Path
    build: Path
    ccache: Path | None = None

    @classmethod
    def below(
        cls, folder: Path, builder: Builder, source: Path | None = None, ccache: Path | None = None
    ) -> Self:
        """A sandbox that works in new directories below `folder`, which is ours.

        Without a `source`, nothing is at /src.
        """
        with disk_errors(folder):
            folder.mkdir(exist_ok=True)
            for name in ("build", "inputs", "results"):
                (folder / name).mkdir()
                (folder / name).chmod(0o755)  # whatever the umask
        sandbox = cls(builder, source or folder / "inputs", folder / "build", ccache)
        sandbox.hand_over()
        return sandbox

    def hand_over(self) -> None:
        """Give what is in the build directory to the user that commands run as."""
        with disk_errors(self.build):
            hand_over(self.build, self.builder.user)

    @property
    def inputs(self) -> Path:
        """Where Ingot puts what is read at /inputs."""
        return self.build.with_name("inputs")

    @property
    def results(self) -> Path:
        """Where Ingot keeps what it took out of the build directory."""
        return self.build.with_name("results")

    @property
    def made(self) -> ConfinedDirectory:
        """What the sandbox left in its build directory."""
        return ConfinedDirectory(self.build)

    def give(self, name: str, data: bytes) -> str:
        """Put a file at `name` below the inputs; returns its path inside."""
        given = ConfinedDirectory(self.inputs)
        with disk_errors(self.inputs):
            self.inputs.mkdir(exist_ok=True)
            if "/" in name:
                given.make_directory(name.rpartition("/")[0])
            given.write(name, data)
        return f"{INPUTS}/{name}"

    def take(self, name: str, limit: int, to: str = "") -> Path:
        """Copy a file of the build directory to `to` below the results (default: to its own name).

        Returns where the copy is; it takes the place of an earlier one. UnsafeFileError for
        anything but a regular file of at most `limit` bytes, BuildError if there is none.
        """
        target = self.results / (to or name)
        with disk_errors(self.results), _left_behind(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            self.made.copy(name, target, limit)
        return target

    def take_tree(
        self, name: str, to: Path, *, most: int, limit: int, leave: Container[str] = ()
    ) -> None:
        """Copy a directory of the build directory to the new directory `to`.

        As `Beneath.copy_tree` does it; a BuildError if there is none.
        """
        with disk_errors(to.parent), _left_behind(name):
            self.made.copy_tree(name, to, most=most, limit=limit, leave=leave)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a file of the build directory; errors as of `take`."""
        with _left_behind(name):
            return self.made.read(name, limit)

    def command(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """The full command that runs `argv` inside, in the folder /build.

        Only an `interactive` one keeps the terminal: whoever has it can type into it (bwrap(1),
        --new-session).
        """
        environment = {**ENVIRONMENT, **self._ccache_environment(), **(env or {})}
        if entrance := self.builder.entrance:
            return entrance.command(argv, environment, self._folders(), interactive=interactive)
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
            # whoever is root outside may write to /proc/sys, whatever it is inside
            *("--remount-ro", "/proc"),
            *(word for folder in self._folders() for word in _bound(folder, place)),
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

    def _folders(self) -> list[Folder]:
        """What of this machine is seen inside."""
        cache = [Folder(self.ccache, "/ccache", writable=True)] if self.ccache else []
        given = [Folder(self.inputs, INPUTS)] if self.inputs.is_dir() else []
        build = Folder(self.build, "/build", writable=True)
        return [Folder(self.source, "/src"), *given, build, *cache]

    def _root_mounts(self, place: Callable[[Path], str]) -> list[str]:
        """What the builder shows; its links (merged /usr) are made anew as links."""
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

    def _ccache_environment(self) -> dict[str, str]:
        """How ccache is used (ccache(1)): a cold compile must cost no more than without it.

        Depend mode takes the includes from the compiler instead of preprocessing once more.
        The compiler is told apart by the builder's digest, not by its mtime; one that is not
        hermetic can change under the same digest, and is looked at.
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
def _left_behind(name: str) -> Iterator[None]:
    """A BuildError for a file that a command should have left."""
    try:
        yield
    except FileNotFoundError:
        raise BuildError(
            f"nothing was left at {name} in the build directory",
            why="what should have made it in the sandbox ended without an error",
        ) from None


def _bound(folder: Folder, place: Callable[[Path], str]) -> tuple[str, ...]:
    return "--bind" if folder.writable else "--ro-bind", place(folder.outside), folder.inside


def run_tool(sandbox: Sandbox, argv: Sequence[str], failure: str, needs: str) -> None:
    """Run a tool that a builder may lack, or what it needs for this.

    A MachineError says what is the `failure`, how the tool ended, and what a builder `needs`.
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
    """The words that keep a command from making user namespaces, if this machine's bwrap has them.

    In one of its own, a command started by root could mount the machine's control groups and
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
