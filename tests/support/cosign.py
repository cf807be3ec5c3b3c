"""Real releases of cosign: Debian's packages of newer suites, unpacked, never installed.

They are downloaded once per machine by apt, from the archive that it is configured with, and kept
in the cache of the user. A test is skipped if one cannot be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingot.apt import configured_mirrors
from ingot.errors import MachineError

PASSWORD = "secret"
SUITES = {"2": "trixie", "3": "sid"}
"""The suite of Debian that has each major version."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Cosign:
    """One release of cosign."""

    program: Path
    major: str

    def run(self, *words: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run it; no password is asked for, and nothing is sent to a transparency log."""
        return subprocess.run(
            [str(self.program), *words],
            env={**os.environ, "COSIGN_PASSWORD": PASSWORD, "COSIGN_YES": "true"},
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def sign(self, key: Path, image: str) -> None:
        self._done("sign", *self._offline, "--key", str(key), image)

    def attest(self, key: Path, image: str, kind: str, predicate: Path) -> None:
        self._done(
            *("attest", *self._offline, "--key", str(key)),
            *("--type", kind, "--predicate", str(predicate), image),
        )

    def verifies(self, key: Path, image: str) -> bool:
        words = ["verify", "--insecure-ignore-tlog=true", "--key", str(key), image]
        return self.run(*words).returncode == 0

    def verifies_attestation(self, key: Path, image: str, kind: str) -> bool:
        words = ["verify-attestation", "--insecure-ignore-tlog=true", "--key", str(key)]
        return self.run(*words, "--type", kind, image).returncode == 0

    @property
    def _offline(self) -> list[str]:
        config = ["--use-signing-config=false"] if self.major == "3" else []
        return [*config, "--tlog-upload=false"]

    def _done(self, *words: str) -> None:
        result = self.run(*words)
        assert result.returncode == 0, result.stderr


def cosign(major: str) -> Cosign:
    """The newest release of this major version; skips the test if it cannot be had."""
    suite = SUITES[major]
    kept = _cache() / f"cosign-{suite}"
    if not kept.is_file():
        _fetch(suite, kept)
    return Cosign(kept, major)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ingot-tests"


def _fetch(suite: str, kept: Path) -> None:
    try:
        mirror = configured_mirrors()[0]
    except MachineError as error:
        pytest.skip(f"cosign cannot be downloaded: {error}")
    with tempfile.TemporaryDirectory(prefix="cosign-") as name:
        directory = Path(name)
        for part in ("lists/partial", "cache/archives/partial", "state", "root"):
            (directory / part).mkdir(parents=True)
        (directory / "a.sources").write_text(
            f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n"
            f"Signed-By: {_KEYRING}\n"
        )
        apt = ["apt-get", "-q", *_options(directory)]
        commands = [
            [*apt, "update"],
            [*apt, "download", "cosign"],
        ]
        for words in commands:
            result = subprocess.run(
                words, cwd=directory, capture_output=True, text=True, check=False, timeout=600
            )
            if result.returncode:
                pytest.skip(f"cosign of {suite} cannot be downloaded: {result.stderr[-300:]}")
        (package,) = directory.glob("cosign_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(directory / "root")], check=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        staged = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(directory / "root/usr/bin/cosign", staged)
        staged.rename(kept)


def _options(directory: Path) -> list[str]:
    """apt's options for a source of its own; the machine's configuration and state stay as they
    are."""
    values = {
        "Dir::Etc::sourcelist": directory / "a.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": directory / "state",
        "Dir::State::lists": directory / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": directory / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "_apt",
    }
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]
