"""The sandbox with the rights of a pod: what `sandbox = "user-namespaces"` promises."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.builder import host_builder
from ingot.builder.sandbox import Builder, Sandbox, confinement
from ingot.digest import Digest
from tests.support import pods
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make such namespaces")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose directories belong to the pod's user."""
    builder = Builder("host", Digest.of(b""), shown=host_builder.SHOWN, confinement=confinement())
    with tempfile.TemporaryDirectory(prefix="ingot-pod-") as directory:
        made = Sandbox.below(Path(directory) / "job", builder)
        for path in (Path(directory), *Path(directory).rglob("*")):
            os.chown(path, pods.FIRST_USER + pods.USER, -1)
        yield made


def run(sandbox: Sandbox, *options: str) -> subprocess.CompletedProcess[str]:
    command = sandbox.command(["sh", "-c", "id -u; echo made > /build/file; cat /build/file"])
    return subprocess.run(
        [sys.executable, "-m", "tests.support.pods", *options, *command],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sandbox_needs_no_capability(sandbox: Sandbox) -> None:
    done = run(sandbox)
    if done.returncode == 99:
        pytest.skip("this machine does not allow new user namespaces")
    assert (done.returncode, done.stdout) == (0, "1000\nmade\n"), done.stderr
    assert (sandbox.build / "file").stat().st_uid == pods.FIRST_USER + pods.USER


def test_the_sandbox_needs_a_proc_that_is_not_masked(sandbox: Sandbox) -> None:
    """So the manifest says `procMount: Unmasked`."""
    done = run(sandbox, "--masked")
    if done.returncode == 99:
        pytest.skip("this machine does not allow new user namespaces")
    assert done.returncode != 0
    assert "proc" in done.stderr
