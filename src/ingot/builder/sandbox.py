"""Running a command in a builder, away from everything else (bubblewrap, bwrap(1)).

Inside there is no network, no capability, a user other than root, and nothing but:

    /usr, /etc, /lib, ...   the builder's root, read-only
    /src                    the kernel tree, read-only
    /build                  the build folder
    /ccache                 the compile cache
    /tmp                    empty

Source and output stand at the same paths in every build, whoever builds where, so that the
compiled bytes do not tell machines apart and the compile cache can be shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError
from ingot.process import CommandFailedError, run

_TOP_LEVEL = ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt")
_USER_ID = "1000"
_ENVIRONMENT = {
    # ccache's compiler links come first; a builder without ccache just lacks the folder
    "PATH": "/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder ready to be entered: its name, the digest of its image, its unpacked root."""

    name: str
    digest: Digest
    root: Path


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A builder with the folders one build may see. `ccache` may be left out."""

    builder: Builder
    source: Path
    build: Path
    ccache: Path | None = None

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
        environment = {**_ENVIRONMENT, **self._ccache_environment(), **(env or {})}
        return [
            "bwrap",
            *("--unshare-all", "--die-with-parent"),
            *(() if interactive else ("--new-session",)),
            *("--uid", _USER_ID, "--gid", _USER_ID, "--cap-drop", "ALL"),
            *("--hostname", "ingot", "--clearenv"),
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            *self._root_mounts(),
            *("--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
            *("--ro-bind", str(self.source), "/src"),
            *("--bind", str(self.build), "/build"),
            *(("--bind", str(self.ccache), "/ccache") if self.ccache else ()),
            *("--chdir", "/build", "--"),
            *argv,
        ]

    def _root_mounts(self) -> list[str]:
        """The builder's top-level folders; its links (merged /usr) are made anew as links."""
        words = []
        for name in _TOP_LEVEL:
            path = self.builder.root / name
            if path.is_symlink():
                words += ["--symlink", str(path.readlink()), f"/{name}"]
            elif path.is_dir():
                words += ["--ro-bind", str(path), f"/{name}"]
        return words

    def _ccache_environment(self) -> dict[str, str]:
        """How ccache is used (ccache(1)): a cold compile must cost no more than without it.

        Depend mode takes the includes from the compiler instead of preprocessing once more.
        The compiler is told apart by the builder's digest, not by its mtime.
        """
        if not self.ccache:
            return {"CCACHE_DISABLE": "1"}
        return {
            "CCACHE_DIR": "/ccache",
            "CCACHE_DEPEND": "1",
            "CCACHE_NOCOMPRESS": "1",
            "CCACHE_COMPILERCHECK": f"string:{self.builder.digest}",
            "CCACHE_MAXSIZE": "5G",
            "CCACHE_UMASK": "022",
        }


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
