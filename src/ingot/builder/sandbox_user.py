"""Enters a sandbox with an unused user ID, if Ingot itself is run by root.

In bubblewrap's user namespace a command has another user ID, but outside of it, it is the user
that started it. If that is root, files that it leaves belong to root, also setuid files, and a
hole in the sandbox gives it root's rights. So root switches to an unused user ID first. Since
the directories of the sandbox may be accessible only to root (/root), root binds them in a new
mount namespace to a place that every user can access, and then switches for good:

    /sys/0, /sys/1, ...     the sandbox's directories, on a tmpfs that covers /sys in the namespace
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingot.confined_files import ConfinedDirectory
from ingot.process import run

USER_ID = 1_900_000_000
"""Above all ranges that distributions and systemd assign, and below 2^31 (systemd:
docs/UIDS-GIDS.md, "1879048192...2147483647: unused")."""

_STAGE = Path("/sys")
_PROGRAMS = ("unshare", "sh", "mount", "mkdir", "setpriv", "env", "bwrap")
# in one line, so that a command can be copied from an error into a shell
_SCRIPT = "; ".join(
    [
        "set -e",
        f"mount -t tmpfs -o mode=0755,size=1m ingot {_STAGE}",
        "count=0",
        'while [ "$1" != -- ]',
        'do if [ -d "$1" ]',
        f"then mkdir {_STAGE}/$count",
        f"else : >{_STAGE}/$count",
        "fi",
        f'mount --rbind "$1" {_STAGE}/$count',
        "count=$((count + 1))",
        "shift",
        "done",
        'program=$(command -v "$2")',
        "shift 2",
        f"exec setpriv --reuid {USER_ID} --regid {USER_ID} --clear-groups --inh-caps=-all"
        ' --pdeathsig KILL -- env -i "$program" "$@"',
    ]
)
_MOST_FILES = 10_000_000


@dataclass(slots=True)
class Stage:
    """Paths of this machine, in the order in which they are bound for the other user."""

    paths: list[Path] = field(default_factory=list)

    def place(self, path: Path) -> str:
        self.paths.append(path.absolute())
        return str(_STAGE / str(len(self.paths) - 1))

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` as the other user; started by root."""
        return [
            *("unshare", "--mount", "--propagation", "private", "--"),
            *("sh", "-c", _SCRIPT, "sh", *map(str, self.paths), "--", *argv),
        ]


def find_user(confinement: Sequence[str]) -> int | None:
    """The other user's ID if Ingot is run by root and that user can make a sandbox; else None.

    This is tried: in a container root may not be allowed to mount, and a machine may allow only
    root to make user namespaces.
    """
    if os.geteuid() != 0 or not all(map(shutil.which, _PROGRAMS)):
        return None
    with tempfile.TemporaryDirectory(prefix="ingot-user-") as name:
        directory = Path(name, "own")
        directory.mkdir()
        try:
            os.chown(directory, USER_ID, USER_ID)
        except OSError:
            return None
        stage = Stage()
        words = (
            *("bwrap", "--unshare-all", *confinement, "--ro-bind", "/", "/", "--proc", "/proc"),
            *("--bind", stage.place(directory), "/mnt", "--", "touch", "/mnt/made"),
        )
        run(stage.command(words), check=False)
        made = directory / "made"
        return USER_ID if made.exists() and made.stat().st_uid == USER_ID else None


def hand_over(directory: Path, user: int | None) -> None:
    """Change the owner of a directory and all below it to `user`, or root if that is None.

    Does nothing unless run by root: other users already own all of it. Links are not followed.
    """
    if os.geteuid() != 0:
        return
    owner = 0 if user is None else user
    tree = ConfinedDirectory(directory)
    for found in tree.walk(most=_MOST_FILES):
        tree.give_to(found.name, owner)
    os.chown(directory, owner, owner, follow_symlinks=False)  # last: it marks the tree as complete


def readable_by_others(directory: Path) -> bool:
    """Whether every user can read all below a directory."""
    files, directories = 0o004, 0o005
    tree = ConfinedDirectory(directory)
    if directory.stat().st_mode & directories != directories:
        return False
    for found in tree.walk(most=_MOST_FILES):
        needed = directories if found.is_directory else files
        if not found.is_link and found.status.st_mode & needed != needed:
            return False
    return True
