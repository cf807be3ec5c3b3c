"""Architectures: a row of data under every name they go by."""

from __future__ import annotations

import pytest

from ingot.arch import arch, arch_called
from ingot.errors import UserError


def test_x86_64_goes_by_the_names_that_make_and_registries_know() -> None:
    found = arch("x86_64")
    assert (found.name, found.make, found.oci) == ("x86_64", "x86", "amd64")
    assert (found.target, found.image) == ("vmlinux", "vmlinux")


def test_the_recommended_command_line_lets_modules_load_and_shows_the_console() -> None:
    words = arch("x86_64").command_line.split()
    assert "nomodule" not in words
    assert "console=ttyS0" in words
    assert "reboot=k" in words  # the only shutdown Firecracker knows


@pytest.mark.parametrize("name", ["amd64", "X86_64", "", "sparc"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UserError) as caught:
        arch(name)
    assert f"'{name}'" in caught.value.what
    assert "x86_64" in caught.value.why


@pytest.mark.parametrize(
    ("name", "near"), [("amd64", "x86_64"), ("aarch64", "arm64"), ("x86-64", "x86_64"), ("z", "")]
)
def test_another_name_of_an_arch_suggests_the_kernels(name: str, near: str) -> None:
    with pytest.raises(UserError) as caught:
        arch(name)
    assert caught.value.hint == (f"did you mean {near}?" if near else "")


@pytest.mark.parametrize("name", ["x86_64", "x86", "amd64"])
def test_a_command_line_may_use_every_name_of_an_arch(name: str) -> None:
    assert arch_called(name).name == "x86_64"
    assert name in arch("x86_64").names
