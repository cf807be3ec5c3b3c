"""Judging gpgv's status lines."""

from __future__ import annotations

import pytest

from ingot.errors import VerificationError
from ingot.source.transfer.signature import good_signer

KEY = "647F28654894E3BD457199BE38DBBDC86092693E"
SUB = "0123456789ABCDEF0123456789ABCDEF01234567"


def valid(hash_number: int = 8, primary: str = KEY) -> str:
    return f"VALIDSIG {SUB} 2026-07-11 1783765031 0 4 0 1 {hash_number} 00 {primary}"


GOOD = ["NEWSIG", "GOODSIG 38DBBDC86092693E Greg", valid()]
UNKNOWN = ["NEWSIG", "ERRSIG 1111 1 8 00 1 9", "NO_PUBKEY 1111"]
BAD = ["NEWSIG", "BADSIG 38DBBDC86092693E Greg"]


@pytest.mark.parametrize(
    "status",
    [
        GOOD,
        [*UNKNOWN, *GOOD],
        [*GOOD, *UNKNOWN],
        [*GOOD, "NEWSIG", "EXPKEYSIG 2222 Old", valid(primary="F" * 40)],
        ["NEWSIG", "EXPKEYSIG 2222 Old", valid(primary="F" * 40), *GOOD],
    ],
)
def test_good(status: list[str]) -> None:
    assert good_signer(status, "x") == KEY


@pytest.mark.parametrize(
    "status, word",
    [
        ([], "no signature"),
        (UNKNOWN, "1111 is not in the keyring"),
        (BAD, "does not match the data"),
        ([*GOOD, *BAD], "does not match the data"),
        # gpgv says VALIDSIG as well for a key that has expired or was revoked
        (["NEWSIG", "EXPKEYSIG 2222 Old", valid()], "expired"),
        (["NEWSIG", "REVKEYSIG 2222 Old", valid()], "revoked"),
        (["NEWSIG", "EXPSIG 2222 Old", valid()], "expired"),
        (["NEWSIG", "GOODSIG 38DB x", valid(hash_number=2)], "no longer safe"),
        (["NEWSIG", "GOODSIG 38DB x", "NEWSIG", valid()], "no signature"),
        (["NODATA 4"], "no signature"),
    ],
)
def test_refused(status: list[str], word: str) -> None:
    with pytest.raises(VerificationError, match=word):
        good_signer(status, "x")
