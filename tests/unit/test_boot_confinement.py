"""Whether QEMU can filter its system calls is tried once, and told in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.boot.vmm import confinement


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A QEMU that counts how often it is started, and can filter."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    confinement._fault.cache_clear()
    confinement._noted.clear()
    yield write(tmp_path, "exit 0")
    confinement._fault.cache_clear()
    confinement._noted.clear()


def write(directory: Path, end: str) -> Path:
    path = directory / "qemu"
    path.write_text(f'#!/bin/sh\necho "$@" >> {directory}/started\nread word\n{end}\n')
    path.chmod(0o755)
    return path


def test_a_qemu_that_can_is_given_the_filter(qemu: Path) -> None:
    for _ in range(2):
        first, rules = confinement.words("qemu")
        assert first == "-sandbox"
        assert rules.split(",")[0] == "on"
        assert {"spawn=deny", "elevateprivileges=deny"} <= set(rules.split(","))
    (started,) = (qemu.parent / "started").read_text().splitlines()
    assert "-no-user-config" in started
    assert "-nodefaults" in started
    assert confinement.new_fault("qemu") == ""


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("echo one; echo 'qemu: -sandbox support is not enabled'; exit 1", "not enabled"),
        ("exit 1", "exit code 1"),
        ("kill -SYS $$", "exit code -31"),
    ],
)
def test_a_qemu_that_cannot_is_told_once(qemu: Path, end: str, told: str) -> None:
    write(qemu.parent, end)
    assert confinement.words("qemu") == ()
    assert told in confinement.fault("qemu")
    assert told in confinement.new_fault("qemu")
    assert confinement.new_fault("qemu") == ""


def test_a_qemu_that_is_not_there_is_told_elsewhere(qemu: Path) -> None:
    qemu.unlink()
    assert confinement.fault("qemu") == ""
