"""The origin kernel.org against a loopback server."""

from __future__ import annotations

import json
import lzma
import socket
import subprocess
import time
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.origin import Archive
from ingot.version import KernelVersion
from tests.support.kernel_org import NAME, fetch, files, list_of
from tests.support.progress import Notes
from tests.support.signers import Keys, Signer
from tests.support.tarballs import VERSION, Release
from tests.support.web_servers import Web


def test_a_good_release(web: Web, keys: Keys, published: Release, downloads: Path) -> None:
    expected = Digest.of(published.xz)
    archive = fetch(web, keys.good.keyring, downloads, expected)
    assert archive.path.read_bytes() == published.xz
    assert archive.digest == expected
    assert archive.evidence == f"signed by {keys.good.fingerprint}"
    assert archive.url == web.url + published.path
    assert files(downloads) == [NAME]


def test_one_more_unknown_signer_does_not_matter(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    both = b""
    for signer in (keys.other, keys.good):
        armored = signer.detached(published.tar)
        both += subprocess.run(
            ["gpg", "--dearmor"], input=armored, check=True, capture_output=True
        ).stdout
    web.files[published.sign] = both
    assert keys.good.fingerprint in fetch(web, keys.good.keyring, downloads).evidence


@pytest.mark.parametrize("which", ["other", "expired", "revoked"])
def test_a_key_that_must_not_sign(
    web: Web,
    keys: Keys,
    published: Release,
    downloads: Path,
    revoked_keyring: Path,
    which: str,
) -> None:
    signer: Signer = getattr(keys, which)
    faked = "20200102T000000!" if which == "expired" else ""
    web.files[published.sign] = signer.detached(published.tar, faked)
    keyring = {"other": keys.good.keyring, "revoked": revoked_keyring}.get(which, signer.keyring)
    with pytest.raises(VerificationError) as caught:
        fetch(web, keyring, downloads)
    word = {"other": "not in the keyring", "expired": "expired", "revoked": "revoked"}[which]
    assert word in caught.value.why
    assert files(downloads) == []


def test_an_altered_tarball_is_refused_and_removed(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    altered = bytearray(published.tar)
    altered[-20_000] ^= 1
    web.files[published.path] = lzma.compress(bytes(altered), preset=0)
    with pytest.raises(VerificationError, match="does not match the data"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


@pytest.mark.parametrize("damage", ["cut", "garbage", "bit"])
def test_an_altered_signature_is_refused(
    web: Web, keys: Keys, published: Release, downloads: Path, damage: str
) -> None:
    sign = web.files[published.sign]
    middle = len(sign) // 2
    web.files[published.sign] = {
        "cut": sign[:middle],
        "garbage": b"<html>not found</html>",
        "bit": sign[:middle] + bytes([sign[middle] ^ 2]) + sign[middle + 1 :],
    }[damage]
    with pytest.raises(VerificationError):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


@pytest.mark.parametrize("how", ["truncated", "corrupt"])
def test_a_damaged_tarball_is_refused(
    web: Web, keys: Keys, published: Release, downloads: Path, how: str
) -> None:
    xz = published.xz
    half = len(xz) // 2
    web.files[published.path] = xz[:half] if how == "truncated" else xz[:half] + xz[half + 9 :]
    with pytest.raises(VerificationError, match=r"truncated or corrupt"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == []


def test_a_pin_that_does_not_match(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    pin = Digest.of(b"something else")
    with pytest.raises(VerificationError, match="refused and removed") as caught:
        fetch(web, keys.good.keyring, downloads, pin)
    assert str(pin) in caught.value.why
    assert files(downloads) == []


def test_a_broken_connection_resumes_in_the_same_call(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.break_after = [400_000, 300_000]
    archive = fetch(web, keys.good.keyring, downloads)
    assert archive.path.read_bytes() == published.xz
    requests = web.of(".tar.xz")
    assert [request.status for request in requests] == [200, 206, 206]
    assert sum(request.sent for request in requests) <= len(published.xz) + 2 * (1 << 16)
    assert int(requests[1].range[6:-1]) >= 400_000 - (1 << 16)


def test_a_killed_download_resumes_in_the_next_run(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.break_after = [500_000, 0]
    with pytest.raises(MachineError, match="broke"):
        fetch(web, keys.good.keyring, downloads)
    assert files(downloads) == [f"{NAME}.part", f"{NAME}.part.json"]
    have = (downloads / f"{NAME}.part").stat().st_size
    web.log.clear()
    fetch(web, keys.good.keyring, downloads)
    (request,) = web.of(".tar.xz")
    assert (request.status, request.sent) == (206, len(published.xz) - have)
    assert files(downloads) == [NAME]


def test_killed_after_the_last_byte(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    web.break_after = [500_000, 0]
    with pytest.raises(MachineError):
        fetch(web, keys.good.keyring, downloads)
    (downloads / f"{NAME}.part").write_bytes(published.xz)
    fetch(web, keys.good.keyring, downloads)
    assert web.of(".tar.xz")[-1].status == 416
    assert files(downloads) == [NAME]


def test_killed_before_the_file_was_used(
    web: Web, keys: Keys, published: Release, downloads: Path
) -> None:
    (downloads / NAME).write_bytes(published.xz)
    fetch(web, keys.good.keyring, downloads)
    assert web.of(".tar.xz") == []
    # A name proves nothing: a wrong file that has it is replaced.
    (downloads / NAME).write_bytes(b"nonsense")
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz


@pytest.mark.parametrize("ranges, validators", [(False, True), (True, False)])
def test_a_server_without_ranges_or_validators_starts_over(
    web: Web, keys: Keys, published: Release, downloads: Path, ranges: bool, validators: bool
) -> None:
    web.ranges, web.validators = ranges, validators
    web.break_after = [400_000]
    archive = fetch(web, keys.good.keyring, downloads)
    assert archive.path.read_bytes() == published.xz
    assert [request.status for request in web.of(".tar.xz")] == [200, 200]


@pytest.mark.parametrize("state", ["changed", "half", "other url"])
def test_a_part_of_something_else_is_not_continued(
    web: Web, keys: Keys, published: Release, downloads: Path, state: str
) -> None:
    url = web.url + published.path if state != "other url" else "http://elsewhere/"
    text = json.dumps({"url": url, "validator": '"of another file"'})
    (downloads / f"{NAME}.part").write_bytes(b"x" * 1000)
    (downloads / f"{NAME}.part.json").write_text(text[:20] if state == "half" else text)
    assert fetch(web, keys.good.keyring, downloads).path.read_bytes() == published.xz


def test_not_there(web: Web, keys: Keys, downloads: Path) -> None:
    with pytest.raises(MachineError, match="HTTP 404"):
        fetch(web, keys.good.keyring, downloads)


@pytest.mark.parametrize("kind", ["refused", "no such host"])
def test_no_network_is_told_at_once(keys: Keys, downloads: Path, kind: str) -> None:
    with socket.socket() as bound:  # bound but not listening: nobody else can have the port
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        base = f"http://127.0.0.1:{port}" if kind == "refused" else "http://ingot.invalid"
        began = time.monotonic()
        with pytest.raises(MachineError) as caught:
            KernelOrg(keys.good.keyring, base).fetch(VERSION, downloads, None, Notes())
    assert time.monotonic() - began < 5
    word = "connection refused" if kind == "refused" else "cannot resolve host ingot.invalid"
    assert word in str(caught.value)
    assert "--source" in caught.value.hint


def test_a_missing_keyring(web: Web, published: Release, downloads: Path) -> None:
    with pytest.raises(MachineError, match="does not exist"):
        fetch(web, downloads / "none.gpg", downloads)


KEYRINGS = Path(__file__).parents[3] / "kernels/keyrings"
DEVELOPERS = [
    "647F28654894E3BD457199BE38DBBDC86092693E",
    "ABAF11C65A2970B130ABE3C479BE3E4300411886",
    "E27E5D8A3403A2EF66873BBCDEA66FF797772CDC",
]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("kernel.org.gpg", DEVELOPERS),
        ("kernel.org-lists.gpg", ["B8868C80BA62A1FFFAF5FDA9632D3A06589DA6B1"]),
    ],
)
def test_the_keyrings_in_the_repository(name: str, keys: list[str]) -> None:
    argv = ["gpg", "--show-keys", "--with-colons", str(KEYRINGS / name)]
    listing = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    rows = [line.split(":") for line in listing.splitlines()]
    primary = [rows[i + 1][9] for i, row in enumerate(rows) if row[0] == "pub"]
    assert sorted(primary) == keys
    readme = (KEYRINGS / "README.md").read_text().replace(" ", "")
    assert all(fingerprint in readme for fingerprint in primary)


def test_every_keyring_in_the_repository_is_explained() -> None:
    readme = (KEYRINGS / "README.md").read_text()
    assert all(f"`{path.name}`" in readme for path in KEYRINGS.glob("*.gpg"))


# The signed list, for a release that comes without a signature of its own

LIST = "/v6.x/sha256sums.asc"


@pytest.fixture
def listed(web: Web, keys: Keys, release: Release) -> Release:
    """The release without a signature of its own, in a list that `other` signed."""
    web.files[release.path] = release.xz
    rows = list_of(("linux-6.1.17.tar.xz", b"x"), (NAME, release.xz), ("patch-6.1.176.xz", b"y"))
    web.files[LIST] = keys.other.inline(rows)
    return release


def fetch_listed(
    web: Web,
    keys: Keys,
    downloads: Path,
    expected: Digest | None = None,
    notes: Notes | None = None,
) -> Archive:
    origin = KernelOrg(keys.good.keyring, web.url, keys.other.keyring)
    return origin.fetch(VERSION, downloads, expected, notes or Notes())


def test_the_list_vouches_where_there_is_no_signature(
    web: Web, keys: Keys, listed: Release, downloads: Path, notes: Notes
) -> None:
    archive = fetch_listed(web, keys, downloads, Digest.of(listed.xz), notes)
    assert archive.path.read_bytes() == listed.xz
    assert archive.evidence == f"listed in sha256sums.asc, signed by {keys.other.fingerprint}"
    assert "verifying with sha256sums.asc" in notes.notes[0]


def test_the_list_is_not_asked_where_there_is_a_signature(
    web: Web, keys: Keys, published: Release, listed: Release, downloads: Path
) -> None:
    assert fetch_listed(web, keys, downloads).evidence == f"signed by {keys.good.fingerprint}"
    assert web.of("sha256sums") == []
    (downloads / NAME).unlink()
    # what is signed by somebody else is not made up for by a list that is right
    web.files[published.sign] = keys.other.detached(published.tar)
    with pytest.raises(VerificationError, match="not in the keyring"):
        fetch_listed(web, keys, downloads)
    assert web.of("sha256sums") == []


@pytest.mark.parametrize("damage", ["key of tarballs", "altered", "text before", "unsigned"])
def test_a_list_that_must_not_vouch(
    web: Web, keys: Keys, listed: Release, downloads: Path, damage: str
) -> None:
    signed = web.files[LIST]
    evil = list_of((NAME, b"evil"))
    web.files[listed.path] = b"evil"
    web.files[LIST] = {
        "key of tarballs": keys.good.inline(evil),
        "altered": signed.replace(
            Digest.of(listed.xz).hex.encode(), Digest.of(b"evil").hex.encode()
        ),
        "text before": evil + signed,
        "unsigned": evil,
    }[damage]
    with pytest.raises(VerificationError):
        fetch_listed(web, keys, downloads)
    assert files(downloads) == []


@pytest.mark.parametrize(
    "rows",
    [
        list_of(("linux-6.1.17.tar.xz", b"x"), ("linux-6.1.176.tar.gz", b"x")),
        list_of(("linux-6.1.1760.tar.xz", b"x"), ("old/linux-6.1.176.tar.xz", b"x")),
        b"",
    ],
)
def test_a_list_without_the_version(
    web: Web, keys: Keys, listed: Release, downloads: Path, rows: bytes
) -> None:
    web.files[LIST] = keys.other.inline(rows)
    with pytest.raises(MachineError, match=r"sha256sums\.asc does not list linux 6\.1\.176"):
        fetch_listed(web, keys, downloads)
    assert web.of(".tar.xz") == []


def test_a_file_that_is_not_the_listed_one(
    web: Web, keys: Keys, listed: Release, downloads: Path
) -> None:
    web.files[listed.path] = listed.xz[:-1] + b"Y"
    with pytest.raises(VerificationError, match="refused and removed"):
        fetch_listed(web, keys, downloads)
    assert files(downloads) == []
    web.files[listed.path] = listed.xz
    with pytest.raises(VerificationError, match="differs from the pinned one"):
        fetch_listed(web, keys, downloads, Digest.of(b"pinned"))


def test_neither_signature_nor_list(web: Web, keys: Keys, downloads: Path) -> None:
    with pytest.raises(MachineError, match=r"HTTP 404.*linux-6\.1\.176\.tar\.sign"):
        fetch_listed(web, keys, downloads)


def test_a_busy_server_is_no_reason_to_go_by_the_list(
    web: Web, keys: Keys, listed: Release, downloads: Path
) -> None:
    web.answers = {listed.sign: [403]}
    with pytest.raises(MachineError, match="HTTP 403"):
        fetch_listed(web, keys, downloads)
    assert web.of("sha256sums") == []


def test_candidates_have_no_tarballs_and_nobody_is_asked_for_them(
    web: Web, keys: Keys, downloads: Path
) -> None:
    candidate = KernelVersion.parse("6.19-rc1")
    origin = KernelOrg(keys.good.keyring, web.url, keys.other.keyring)
    with pytest.raises(MachineError, match="no tarball") as caught:
        origin.fetch(candidate, downloads, None, Notes())
    assert "signed tags" in caught.value.why
    assert web.log == []


# Keyrings


def test_an_armored_keyring_serves_as_well(
    web: Web, keys: Keys, published: Release, downloads: Path, tmp_path: Path
) -> None:
    blocks = []
    for signer in (keys.other, keys.good):
        argv = ["gpg", "--homedir", str(signer.home), "--batch", "--armor", "--export"]
        blocks.append(subprocess.run(argv, check=True, capture_output=True).stdout)
    armored = tmp_path / "keys.asc"
    armored.write_bytes(b"pub   ed25519\n\n" + b"Some words.\n".join(blocks))
    assert keys.good.fingerprint in fetch(web, armored, downloads).evidence


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nA\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n",
    ],
)
def test_an_armored_keyring_without_a_key(
    web: Web, published: Release, downloads: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "keys.asc").write_text(text)
    with pytest.raises(UserError, match="no readable public key"):
        fetch(web, tmp_path / "keys.asc", downloads)
    assert NAME not in files(downloads)
