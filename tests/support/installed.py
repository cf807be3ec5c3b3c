"""Ingot as a release has it, installed from its wheel where there is no checkout.

The packages that it needs come from the index that pip is configured with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import REPOSITORY

_LOCK = REPOSITORY / "requirements-runtime.lock"
_PIP = ("python", "-m", "pip", "--disable-pip-version-check")
_VARIABLES = ("PATH", "HOME", "LANG", "XDG_CACHE_HOME")
_BEGINNINGS = ("PIP_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment that has Ingot from its wheel, and a directory to work in."""

    venv: Path
    directory: Path

    def run(self, *argv: str, at: str = ".") -> str:
        """What a command prints. Neither its variables nor its directory lead to the checkout."""
        done = subprocess.run(
            [str(self.venv / "bin" / argv[0]), *argv[1:]],
            cwd=self.directory / at,
            env={
                name: value
                for name, value in os.environ.items()
                if name in _VARIABLES or name.startswith(_BEGINNINGS)
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def make_release(into: Path) -> Path:
    """sdist, wheel and their sums, built and checked by `scripts/release`."""
    argv = [sys.executable, str(REPOSITORY / "scripts" / "release"), "build", str(into)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return into


def install(dist: Path, root: Path) -> Installed:
    """Install the wheel in `dist` and what it needs, and make a catalog: `root`/work/mine."""
    subprocess.run([sys.executable, "-m", "venv", str(root / "venv")], check=True)
    made = Installed(root / "venv", root / "work")
    made.directory.mkdir()
    (wheel,) = dist.glob("*.whl")
    made.run(*_PIP, "install", "--quiet", "--require-hashes", "-r", str(_LOCK))
    made.run(*_PIP, "install", "--quiet", "--no-deps", str(wheel))
    made.run(*_PIP, "check")
    made.run("ingot", "init", "mine")
    return made
