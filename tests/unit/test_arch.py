"""Architectures: a row of data under every name they go by."""

from __future__ import annotations

import pytest

from ingot.arch import arch
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
    assert "x86_64" in caught.value.hint
