"""Telling Debian's own archives among the sources of apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import apt
from ingot.apt import debian_sites, mirror_of
from ingot.errors import MachineError


def test_release_files_tell() -> None:
    lines = [
        "http://third/debian|bookworm|main|Docker|Docker CE",
        "http://sec/debian-security|bookworm-security|main|Debian|Debian-Security",
        "http://main/debian/|bookworm|main|Debian|Debian",
        "http://main/debian|bookworm-updates|main|Debian|Debian",
        "http://back/ports|bookworm-backports|main|Debian Backports|Debian Backports",
        "http://other/debian|bookworm|contrib|Debian|Debian",
        "garbage",
        "",
    ]
    assert debian_sites(lines) == ("http://main/debian", "http://sec/debian-security")


def test_without_release_files_the_suites_tell() -> None:
    unknown = "|main|$(ORIGIN)|$(LABEL)"
    lines = [
        f"http://sec/debian-security|bookworm-security{unknown}",
        f"http://main/debian|bookworm{unknown}",
        f"https://third/apt|tool-bookworm{unknown}",
        f"https://third/node|nodistro{unknown}",
    ]
    assert debian_sites(lines) == ("http://main/debian", "http://sec/debian-security")


def test_a_list_of_mirrors(tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text("# ours\nhttp://one/debian\thighest\nftp://two/debian\nhttps://three/d/\n")
    lines = [
        f"mirror+file:{listed}|bookworm|main|Debian|Debian",
        "cdrom://disc|bookworm|main|Debian|Debian",
    ]
    assert debian_sites(lines) == ("http://one/debian", "https://three/d")


def test_ubuntu_is_not_debian() -> None:
    assert debian_sites(["http://u/ubuntu|jammy|main|Ubuntu|Ubuntu"]) == ()


@pytest.mark.parametrize(
    ("suite", "mirror"),
    [
        ("noble", "http://u/ubuntu"),
        ("noble-updates", "http://u/ubuntu"),
        ("bookworm", "http://main/debian"),
        ("bullseye", "http://main/debian"),
        ("focal", "http://main/debian"),  # Debian's, until the catalog names another
    ],
)
def test_a_suite_comes_from_the_archive_that_apt_has_it_of(
    monkeypatch: pytest.MonkeyPatch, suite: str, mirror: str
) -> None:
    lines = [
        "http://third/debian|bookworm|main|Somebody|Somebody",
        "http://u/ubuntu/|noble|universe|Ubuntu|Ubuntu",
        "http://u/ubuntu/|noble|main|Ubuntu|Ubuntu",
        "http://u/ubuntu/|noble-updates|main|Ubuntu|Ubuntu",
        "http://main/debian|bookworm|main|Debian|Debian",
    ]
    monkeypatch.setattr(apt, "_targets", lambda _: lines)
    assert mirror_of(suite) == mirror


def test_where_no_archive_has_a_suite_one_is_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "_targets", lambda _: ["http://u/ubuntu|noble|main|Ubuntu|Ubuntu"])
    with pytest.raises(MachineError, match="suite 'bookworm'") as caught:
        mirror_of("bookworm")
    assert "mirror = " in caught.value.hint
