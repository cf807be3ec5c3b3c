"""A real registry for tests: Debian's docker-registry, on a free port, as a test wants it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

PROGRAM = "docker-registry"
LOOPBACK = "127.0.0.1"
PASSWORD = "correct horse"
"""The only password that users of a test's registry can have: Python has no bcrypt for others."""

_HASH = "$2y$05$ys2NjG226F1uNGukzcN47.lEpQ3fIfQwS6OIHuBhUmYQZlev3Rm.e"
_PATIENCE_SECONDS = 30.0


class Served:
    """A registry that runs, or did until `stop`.

    `address` is its host:port; `directory` has its data and its log. If it speaks TLS, `authority`
    is the certificate of its signer, in a directory of its own as skopeo's --cert-dir wants.
    `wrapper` is what it is started by, the next time as well.
    """

    def __init__(self, directory: Path, host: str, port: int, wrapper: Sequence[str]) -> None:
        self.directory = directory
        self.host = host
        self.port = port
        self.wrapper = wrapper
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def authority(self) -> Path:
        return self.directory / "authority" / "ca.crt"

    def start(self) -> None:
        """Start it on its port, with the data it had; returns when it answers."""
        words = [*self.wrapper, PROGRAM, "serve", str(self.directory / "config.yml")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _answers(self.host, self.port):
            told = (self.directory / "log").read_text()
            assert self._process.poll() is None, f"the registry ended at once: {told}"
            assert time.monotonic() < deadline, f"the registry does not answer: {told}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a power cut would; what it stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def serve(
    directory: Path,
    *,
    tls: bool = False,
    users: Mapping[str, str] | None = None,
    read_only: bool = False,
    host: str = LOOPBACK,
    wrapper: Sequence[str] = (),
) -> Iterator[Served]:
    """Run a registry that keeps everything below `directory`; the test is skipped if there is none.

    `users` may read and write, and then nobody else may do either: names and passwords, each
    `PASSWORD`. `host` is an address of this machine. `wrapper` is a command that the registry is
    run by, such as one that limits it.
    """
    if not shutil.which(PROGRAM):
        pytest.skip(f"{PROGRAM} is not installed; scripts/run-tests installs it")
    directory.mkdir(parents=True, exist_ok=True)
    served = Served(directory, host, free_port(host), wrapper)
    served.data.mkdir(exist_ok=True)
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(served.data)},
            "delete": {"enabled": True},
            "maintenance": {"readonly": {"enabled": read_only}},
        },
        "http": {"addr": served.address, **(_tls(directory, host) if tls else {})},
    }
    if users is not None:
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(_passwords(directory, users))}}
    (directory / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    served.start()
    try:
        yield served
    finally:
        served.stop()


def other_address() -> str:
    """An address of this machine that is not loopback; the test is skipped if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # nothing is sent: this asks only which address would be the sender's (RFC 5737)
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def _tls(directory: Path, host: str) -> dict[str, object]:
    """A certificate for `host`, and who vouches for it, made by openssl(1)."""
    name, authority_name = directory / "server", directory / "authority" / "ca.crt"
    authority_name.parent.mkdir(exist_ok=True)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-nodes", "-days", "2", "-sha256"]
    authority = [
        "-subj",
        "/CN=tests",
        "-keyout",
        f"{directory}/ca.key",
        "-out",
        f"{authority_name}",
    ]
    own = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=IP:{host},DNS:localhost"]
    own += ["-addext", "basicConstraints=critical,CA:FALSE"]
    own += ["-CA", f"{authority_name}", "-CAkey", f"{directory}/ca.key"]
    own += ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
    for words in ([*new, *authority], [*new, *own]):
        subprocess.run(words, check=True, capture_output=True)
    return {"tls": {"certificate": f"{name}.crt", "key": f"{name}.key"}}


def _passwords(directory: Path, users: Mapping[str, str]) -> Path:
    assert set(users.values()) <= {PASSWORD}, "only PASSWORD has a known hash"
    path = directory / "htpasswd"
    path.write_text("".join(f"{name}:{_HASH}\n" for name in users))
    return path


def free_port(host: str) -> int:
    """A TCP port of the address `host` that nothing uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _answers(host: str, port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0
