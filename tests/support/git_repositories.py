"""A small kernel in a git repository, for tests of what comes from git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ingot.source.git.git_repository import GitUrl
from tests.support.signers import Signer


@dataclass
class Repository:
    """A small kernel in git: each `commit` is one version of it."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def git(self, *words: str, data: bytes = b"") -> str:
        settings = ("user.name=N", "user.email=n@example.org", "commit.gpgsign=false")
        argv = ["git", "-C", str(self.path), *(w for s in settings for w in ("-c", s)), *words]
        environment = {**os.environ, **self.environment}
        result = subprocess.run(argv, input=data, check=True, capture_output=True, env=environment)
        return result.stdout.decode().strip()

    def commit(self, version: str = "6.1.176", **files: str) -> str:
        """A commit of the version, and of more files; its ID."""
        numbers, _, extra = version.partition("-")
        major, minor, patch = (*numbers.split("."), "0")[:3]
        makefile = f"VERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = {patch}\n"
        makefile += f"EXTRAVERSION = -{extra}\n" if extra else "EXTRAVERSION =\n"
        for name, text in {"Makefile": makefile, "Kconfig": "mainmenu\n", **files}.items():
            (self.path / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", version)
        return self.git("rev-parse", "HEAD")

    def sign(self, tag: str, signer: Signer, message: str = "Linux") -> None:
        self.environment["GNUPGHOME"] = str(signer.home)
        key = f"user.signingkey={signer.fingerprint}"
        self.git("-c", "gpg.format=openpgp", "-c", key, "tag", "-f", "-s", "-m", message, tag)

    def write_tag(self, tag: str, data: bytes) -> None:
        """A tag object with just these bytes, well-formed or not."""
        found = self.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", data=data)
        self.git("update-ref", f"refs/tags/{tag}", found)

    def tag_object(self, tag: str) -> bytes:
        return f"{self.git('cat-file', 'tag', tag)}\n".encode()

    def url(self, ref: str = "") -> GitUrl:
        return GitUrl.parse(f"git+file://{self.path}{f'#{ref}' if ref else ''}")

    def state(self) -> dict[str, tuple[int, bytes]]:
        """Every file of the repository, `.git` and all, with its time."""
        return {
            str(path.relative_to(self.path)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in self.path.rglob("*")
            if path.is_file()
        }


def make_repository(path: Path) -> Repository:
    """An empty repository with the branch `main`."""
    path.mkdir()
    made = Repository(path)
    made.git("init", "-q", "-b", "main")
    return made
