"""Addresses as text: no password and no token stays in them."""

from __future__ import annotations

import pytest

from ingot.web import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host/path", "https://host/path"),
        ("https://secret@host/path#v6.1", "https://host/path#v6.1"),
        ("git+ssh://git:secret@host:22/linux.git#v6", "git+ssh://host:22/linux.git#v6"),
        ("https://me:se@cret@host/path", "https://host/path"),
        ("http://me:secret@[::1]:8080/", "http://[::1]:8080/"),
        ("https://host/a?token=secret", "https://host/a?..."),
        ("https://host/a?x=1&X-Amz-Signature=secret#part", "https://host/a?...#part"),
        ("https://host?secret", "https://host?..."),
        ("HTTPS://Me:Secret@Host/", "HTTPS://Host/"),
        (
            "deb http://u:secret@a/debian x main, and 'https://u:secret@b/?k=secret' too",
            "deb http://a/debian x main, and 'https://b/?...' too",
        ),
        ("fatal: unable to access 'https://u:secret@h/r/': 403", "fatal: unable to access"),
    ],
)
def test_secrets_are_left_out(text: str, shown: str) -> None:
    assert without_secrets(text).startswith(shown)
    assert "secret" not in without_secrets(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "https://host/a@b/c",
        "mail to someone@example.org?",
        "https://host/path#v6.1@{x}",
        "git@host:path",
        "no address: at all?",
        "https://host/?",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_quotation_marks_may_be_part_of_a_password() -> None:
    """RFC 3986, 2.2, allows ' in it."""
    assert without_secrets('https://me:it\'s<a>"secret"@host/x') == "https://host/x"


@pytest.mark.parametrize("text", ["http://a" * 30_000, "https://" + "x" * 200_000, "a" * 200_000])
def test_no_character_is_looked_at_again_and_again(text: str) -> None:
    """The first took minutes where each address was looked through to the end of the text."""
    assert without_secrets(text) == text
