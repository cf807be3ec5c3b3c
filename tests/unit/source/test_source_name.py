"""The word for a user's own source in tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.source.source_name import source_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/linux", "linux"),
        ("/home/me/linux-acme", "linux_acme"),
        ("/srv/linux-6.1.176.1-acme.tar.xz", "linux_6.1.176.1_acme"),
        ("/srv/Linux Acme.tgz", "linux_acme"),
        ("/srv/linux.git", "linux"),
        ("/srv/..a..b..", "a.b"),
        ("/srv/a-.b", "a.b"),
        ("/srv/\N{GREEK SMALL LETTER ALPHA}", "local"),
        ("/srv/" + "x" * 100, "x" * 40),
        ("/", "local"),
    ],
)
def test_the_last_part_of_a_path_as_one_word(path: str, name: str) -> None:
    assert source_name(Path(path)) == name
