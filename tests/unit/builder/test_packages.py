"""What a builder is made of: read from dpkg, told by digest, compared."""

from __future__ import annotations

import hashlib

from ingot.builder.builder_packages import changes, digest_of, read_status
from tests.support.builders import NEW, OLD, status_of


def test_the_packages_of_a_status_file_are_sorted_lines() -> None:
    text = status_of(("zstd:amd64=1.5", "bc:amd64=1.07.1-3+b1", "libc6:i386=2.36"))
    assert read_status(text) == ("bc:amd64=1.07.1-3+b1", "libc6:i386=2.36", "zstd:amd64=1.5")


def test_what_was_removed_or_only_half_installed_does_not_count() -> None:
    text = status_of(("bc:amd64=1", "gone:amd64=1", "half:amd64=1"))
    text = text.replace(
        "Package: gone\nStatus: install ok installed",
        "Package: gone\nStatus: deinstall ok config-files",
    )
    text = text.replace(
        "Package: half\nStatus: install ok installed",
        "Package: half\nStatus: install ok half-installed",
    )
    assert read_status(text) == ("bc:amd64=1",)


def test_a_description_cannot_pass_for_a_field() -> None:
    text = status_of(("bc:amd64=1",)).replace(" to do with", " Version: 9\n to do with")
    assert read_status(text) == ("bc:amd64=1",)
    assert read_status("") == ()


def test_the_digest_is_that_of_the_lines_as_a_person_would_take_it() -> None:
    assert digest_of(OLD).hex == hashlib.sha256(b"bc:amd64=1.0\ngcc:amd64=12.1\n").hexdigest()
    assert digest_of(OLD) != digest_of(NEW)


def test_a_change_tells_what_it_was_and_is() -> None:
    assert [one.text for one in changes(OLD, NEW)] == ["gcc:amd64 12.1 -> 12.2"]
    assert [one.text for one in changes(OLD, OLD[:1])] == ["gcc:amd64 12.1 is gone"]
    assert [one.text for one in changes(OLD[1:], OLD)] == ["bc:amd64 1.0 is new"]
    assert changes(OLD, OLD) == ()
