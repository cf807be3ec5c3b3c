"""The tags of init's lines: SipHash-2-4 as its authors publish it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingot.boot.seal import KEY_BYTES, is_sealed, new_key, seal

KEY = bytes(range(16))


def test_the_tags_are_those_of_the_authors_vectors() -> None:
    """https://github.com/veorq/SipHash, vectors.h: little-endian there, a number here."""
    vectors = {
        0: "726fdb47dd0e0e31",
        1: "74f839c593dc67fd",
        7: "ab0200f58b01d137",
        8: "93f5f5799a932462",
        15: "a129ca6149be45e5",
    }
    for length, tag in vectors.items():
        assert seal(KEY, bytes(range(length)).decode()) == tag


def test_keys_are_fresh_and_long_enough() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {KEY_BYTES}


@given(st.text(), st.binary(min_size=16, max_size=16))
def test_a_tag_is_that_of_its_text_and_key_alone(text: str, key: bytes) -> None:
    tag = seal(key, text)
    assert is_sealed(key, tag, text)
    assert not is_sealed(key, tag, text + "x")
    assert not is_sealed(bytes(byte ^ 1 for byte in key), tag, text)
    assert not is_sealed(b"", tag, text)
    assert not is_sealed(key, "", text)


def test_a_tag_of_letters_that_no_tag_has_is_none() -> None:
    for tag in ("\ud800" * 16, "\u0660" * 16, "z" * 16, "x" * 1000):
        assert not is_sealed(KEY, tag, "text")
