"""The programs that Ingot runs, each with its Debian package and its purpose.

`missing` is the check behind `ingot doctor`; `install` installs what is missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import MachineError
from ingot.process import CommandFailedError, ToolMissingError, require_tool, run

SYSTEM_KEYRINGS = Path("/usr/share/keyrings")
"""Where packages of a distribution install the keys that sign archives."""

DEBIAN_KEYRING = SYSTEM_KEYRINGS / "debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program (or, with a leading slash, a file) and the Debian package that contains it.

    `arch`, if given, is the only architecture whose kernels need it; `kinds`, if given, are the
    only kinds of builders that need it.
    """

    program: str
    package: str
    purpose: str
    only_unprivileged: bool = False
    arch: str = ""
    kinds: tuple[str, ...] = ()

    def present(self) -> bool:
        if self.program.startswith("/"):
            return Path(self.program).exists()
        try:
            require_tool(self.program)
        except ToolMissingError:
            return False
        return True


TOOLS = (
    Tool("gpgv", "gpgv", "checks the signatures of sources"),
    Tool(str(DEBIAN_KEYRING), "debian-archive-keyring", "the keys that sign Debian's archive"),
    Tool("tar", "tar", "unpacks sources"),
    Tool("xz", "xz-utils", "unpacks sources"),
    Tool("git", "git", "applies patches, and fetches sources that are in git"),
    Tool("mmdebstrap", "mmdebstrap", "makes the builder of packages", kinds=("rootfs",)),
    Tool(
        "newuidmap",
        "uidmap",
        "lets an ordinary user make the builder",
        only_unprivileged=True,
        kinds=("rootfs",),
    ),
    Tool(
        "bwrap",
        "bubblewrap",
        "the sandbox that kernels are compiled in",
        kinds=("rootfs", "host"),
    ),
    Tool("setpriv", "util-linux", "ends programs together with Ingot"),
    Tool("qemu-system-x86_64", "qemu-system-x86", "boots x86_64 kernels", arch="x86_64"),
    Tool("qemu-system-aarch64", "qemu-system-arm", "boots arm64 kernels", arch="arm64"),
    Tool("skopeo", "skopeo", "moves images to registries and elsewhere"),
)


def needed(*arches: str, kind: str = "rootfs") -> list[Tool]:
    """The tools this user needs to build for these arches, in a builder of this kind.

    Root makes user namespaces without helpers.
    """
    return [
        tool
        for tool in TOOLS
        if (os.geteuid() != 0 or not tool.only_unprivileged)
        and (not tool.arch or tool.arch in arches)
        and (not tool.kinds or kind in tool.kinds)
    ]


def missing(*arches: str, kind: str = "rootfs") -> list[Tool]:
    return [tool for tool in needed(*arches, kind=kind) if not tool.present()]


def install_command(tools: Sequence[Tool]) -> str:
    """The shell command that installs the packages of `tools`."""
    packages = " ".join(sorted({tool.package for tool in tools}))
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}"


def require_all(*arches: str, kind: str = "rootfs") -> None:
    """Raise a MachineError that names every missing package, its purpose and the command."""
    if not (absent := missing(*arches, kind=kind)):
        return
    if not shutil.which("apt-get"):
        hint = "install these with the system's package manager (the names are Debian's)"
    else:
        hint = install_command(absent)
    raise MachineError(
        "missing: " + ", ".join(f"{tool.package} ({tool.purpose})" for tool in absent), hint=hint
    )


def install(announce: Callable[[str], None], *arches: str) -> list[Tool]:
    """Install the packages of missing tools, as root or with a sudo that needs no password.

    `announce` is called with a list of them before the first change. Returns the tools that were
    missing. Raises like `require_all` without the right to install, and a MachineError with apt's
    output if apt fails.
    """
    absent = missing(*arches)
    if not absent:
        return []
    if not shutil.which("apt-get") or not (prefix := _privilege()):
        require_all(*arches)
        return []
    packages = sorted({tool.package for tool in absent})
    announce(f"installing {', '.join(packages)}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    try:
        run([*apt, "update"])
        run([*apt, "install", "-y", "--no-install-recommends", *packages])
    except CommandFailedError as error:
        raise MachineError(
            f"apt could not install {', '.join(packages)}",
            why="\n".join(error.tail),
            hint=install_command(absent),
        ) from error
    require_all(*arches)
    return absent


def _privilege() -> list[str]:
    """The prefix that runs a command as root: `env` for root, else `sudo -n`, or [] without it."""
    if os.geteuid() == 0:
        return ["env"]
    if shutil.which("sudo"):
        try:
            run(["sudo", "-n", "true"])
        except CommandFailedError:
            return []
        return ["sudo", "-n"]
    return []
