"""What was verified is what is used: every origin, every file that is looked at more than once."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import write_atomic
from ingot.process import Result, run
from ingot.source.debian import deb_index, deb_suite
from ingot.source.kernel_org import kernel_org_origin
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.local_source import LocalTarball, local_source, require_unchanged
from ingot.source.obtain import obtain
from ingot.source.origin import Archive, Source
from ingot.source.transfer import signature
from ingot.source.transfer.download import download
from ingot.source.transfer.tarball_compression import PlainTar, TarballCompression
from ingot.source.trees.patched_tree import digests, patched_tree
from ingot.source.trees.source_cache import SourceCache
from tests.support.debian_archives import Suite
from tests.support.debian_archives import fetch as fetch_debian
from tests.support.kernel_org import list_of
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION, Release, kernel_members, make_tar
from tests.support.web_servers import Web

OTHER = Digest.of(b"another")
MakeArchive = Callable[..., Archive]


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-c"], input=data, check=True, capture_output=True).stdout


OTHER_FORMS: dict[str, Callable[[bytes], bytes]] = {
    ".lzma, which tells of itself by nothing": lambda tar: lzma.compress(tar, lzma.FORMAT_ALONE),
    ".lzma and a plain tar after it": lambda tar: (
        lzma.compress(tar, lzma.FORMAT_ALONE) + make_tar(kernel_members("6.1.175"))
    ),
    ".gz": lambda tar: gzip.compress(tar, 1),
    ".zst": zstd,
    "the bare tar": lambda tar: tar,
    "something after its end": lambda tar: lzma.compress(tar, preset=0) + b"more",
    "another tar after its end": lambda tar: (
        lzma.compress(tar, preset=0) + make_tar(kernel_members("6.1.175"))
    ),
    "a .lzma after its end": lambda tar: (
        lzma.compress(tar, preset=0) + lzma.compress(tar, lzma.FORMAT_ALONE)
    ),
    "zeros that are no padding": lambda tar: lzma.compress(tar, preset=0) + bytes(3),
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_the_signed_tar_in_another_form(
    web: Web, keys: Keys, published: Release, downloads: Path, name: str
) -> None:
    """The signature is over the tar inside, so it is right for all of these."""
    web.files[published.path] = OTHER_FORMS[name](published.tar)
    with pytest.raises(VerificationError, match="truncated or corrupt"):
        KernelOrg(keys.good.keyring, web.url).fetch(VERSION, downloads, None, Notes())
    assert [path.name for path in downloads.iterdir() if path.suffix != ".lock"] == []


def test_a_second_stream_is_part_of_what_is_signed(
    web: Web, keys: Keys, published: Release, downloads: Path, cache: SourceCache
) -> None:
    origin = KernelOrg(keys.good.keyring, web.url)
    half = len(published.tar) // 2
    halves = (published.tar[:half], published.tar[half:])
    packed = [lzma.compress(each, preset=0) for each in halves]
    web.files[published.path] = packed[0] + bytes(4) + packed[1]
    archive = origin.fetch(VERSION, downloads, None, Notes())
    assert archive.plain == Digest.of(published.tar)
    assert (cache.add(archive, VERSION, Notes()).tree / "Makefile").is_file()
    archive.path.unlink()
    web.files[published.path] = published.xz + lzma.compress(b"more")
    with pytest.raises(VerificationError, match="does not match the data"):
        origin.fetch(VERSION, downloads, None, Notes())


@pytest.mark.parametrize("change", [{"digest": OTHER}, {"plain": OTHER}])
def test_what_is_unpacked_has_both_digests(
    web: Web, keys: Keys, published: Release, downloads: Path, cache: SourceCache, change: Any
) -> None:
    archive = KernelOrg(keys.good.keyring, web.url).fetch(VERSION, downloads, None, Notes())
    assert (archive.digest, archive.plain) == (Digest.of(published.xz), Digest.of(published.tar))
    other = replace(archive, **change)
    with pytest.raises(VerificationError, match="changed after it was verified"):
        cache.add(other, VERSION, Notes())
    assert cache.entries() == []


def test_a_file_that_is_exchanged_while_its_signature_is_checked(
    web: Web,
    keys: Keys,
    published: Release,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its digest was taken first: it is the signed tar in other bytes by the time gpgv reads it."""

    def exchanging(
        path: Path, form: TarballCompression, on_bytes: Callable[[int], None]
    ) -> PlainTar:
        path.write_bytes(lzma.compress(published.tar, preset=1))
        return PlainTar(path, form, on_bytes)

    monkeypatch.setattr(kernel_org_origin, "PlainTar", exchanging)
    with pytest.raises(VerificationError, match="changed while it was verified"):
        KernelOrg(keys.good.keyring, web.url).fetch(VERSION, downloads, None, Notes())


@pytest.mark.parametrize("by", ["debian", "list"])
@pytest.mark.parametrize("name", [n for n in OTHER_FORMS if n != "another tar after its end"])
def test_a_listed_file_in_another_form(
    web: Web,
    keys: Keys,
    release: Release,
    downloads: Path,
    cache: SourceCache,
    by: str,
    name: str,
) -> None:
    """Its digest is listed and signed. What it is called, it must be, or it is not unpacked."""
    packed = OTHER_FORMS[name](release.tar)
    if by == "debian":
        Suite("a", packed).publish(web, keys)
        archive = fetch_debian(web, keys, downloads)
    else:
        web.files[release.path] = packed
        listed = list_of((release.path.rpartition("/")[2], packed))
        web.files["/v6.x/sha256sums.asc"] = keys.other.inline(listed)
        origin = KernelOrg(keys.good.keyring, web.url, keys.other.keyring)
        archive = origin.fetch(VERSION, downloads, None, Notes())
    with pytest.raises(UserError, match="truncated or corrupt"):
        cache.add(archive, VERSION, Notes())
    assert cache.entries() == []


def test_a_local_tarball_is_looked_at_once(
    archive: MakeArchive, cache: SourceCache, tmp_path: Path
) -> None:
    path = archive().path
    seen = LocalTarball(path).fetch(VERSION, tmp_path, None, Notes())
    path.write_bytes(lzma.compress(path.read_bytes(), preset=0))
    with pytest.raises((UserError, VerificationError)):
        cache.add(seen, VERSION, Notes())
    with pytest.raises((UserError, VerificationError)):
        cache.add(replace(seen, digest=Digest.of_file(path)), VERSION, Notes())
    assert cache.entries() == []


# Debian's index


def test_an_index_that_is_exchanged_after_it_was_verified(
    web: Web,
    keys: Keys,
    release: Release,
    downloads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def exchanging(*words: object) -> object:
        got = download(*words)  # type: ignore[arg-type]
        got.path.write_bytes(lzma.compress(b"Package: linux\n"))
        return got

    Suite("a", release.xz).publish(web, keys)
    monkeypatch.setattr(deb_suite, "download", exchanging)
    with pytest.raises(VerificationError, match="changed after it was verified"):
        fetch_debian(web, keys, downloads)


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (gzip.compress(b"Package: linux\n", mtime=0), "format"),  # it is listed as Sources.xz
        (lzma.compress(b"Package: linux\n", lzma.FORMAT_ALONE), "format"),
        (lzma.compress(b"Package: linux\n") + b"x" * 40, "format"),
        (lzma.compress(bytes(3_000_000)), "bytes uncompressed"),
    ],
    ids=["gzip", "lzma", "trailing", "bomb"],
)
def test_an_index_in_another_form_or_without_end(
    packed: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deb_index, "MAX_PLAIN_INDEX", 2_000_000)
    listed = deb_index.IndexedFile("main/source/Sources.xz", Digest.of(packed), len(packed))
    with pytest.raises(VerificationError, match=why):
        deb_index.plain_index(listed, packed)


@pytest.mark.parametrize(
    "row",
    [
        f"{'1' * 64} \u00b2 main/source/Sources.xz",
        f"{'1' * 64} -5 main/source/Sources.xz",
        f"{'1' * 64} {'9' * 30} main/source/Sources.xz",
        f"{'1' * 64} {200 << 20} main/source/Sources.xz",
        "xyz 5 main/source/Sources.xz",
    ],
)
def test_rows_of_an_index_that_make_no_sense(row: str) -> None:
    with pytest.raises(VerificationError, match="cannot be read"):
        deb_index.read_release(f"Codename: a\nSHA256:\n {row}\n".encode(), "a")


@pytest.mark.parametrize(
    "paragraph",
    [
        "Package: linux\nDirectory: x\n",
        "Package: linux\nVersion: 6.1.176-1\nDirectory: x\nChecksums-Sha256:\n"
        f" {'1' * 64} \u00b2 linux_6.1.176.orig.tar.xz\n",
        "Package: linux\nVersion: 6.1.176-1\nDirectory: x\nChecksums-Sha256:\n"
        " no 5 linux_6.1.176.orig.tar.xz\n",
        "Package: linux\nVersion: \u00a7\nDirectory: x\n",
    ],
)
def test_paragraphs_of_an_index_that_make_no_sense(paragraph: str) -> None:
    with pytest.raises(VerificationError, match="cannot be read"):
        deb_index.find_tarballs(paragraph.encode(), VERSION)


# Keyrings and patches


def test_gpgv_gets_the_bytes_of_the_keyring_that_were_looked_at(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def exchanged(argv: list[str], **options: object) -> Result:
        named = Path(argv[argv.index("--keyring") + 1])
        assert named != keys.good.keyring
        seen.append(named.read_bytes())
        return run(argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(signature, "run", exchanged)
    signed = keys.good.detached(b"data")
    found = signature.verify_detached(signed, [b"data"], keys.good.keyring, "it")
    assert (found, seen) == (keys.good.fingerprint, [keys.good.keyring.read_bytes()])


def test_a_patch_that_is_changed_after_it_was_hashed(
    archive: MakeArchive, cache: SourceCache, tmp_path: Path
) -> None:
    source = cache.add(archive(), VERSION, Notes())
    patch = tmp_path / "a.patch"
    patch.write_text("--- a/Kconfig\n+++ b/Kconfig\n@@ -1 +1 @@\n-mainmenu\n+good\n")
    hashed = digests([patch])
    with patched_tree(source, [patch], hashed, tmp_path / "work", Notes()) as tree:
        assert (tree / "Kconfig").read_text() == "good\n"
    patch.write_text(patch.read_text().replace("good", "evil"))
    with (
        pytest.raises(VerificationError, match=r"a\.patch was changed"),
        patched_tree(source, [patch], hashed, tmp_path / "work", Notes()),
    ):
        pytest.fail("the patch was applied")
    assert list((tmp_path / "work").iterdir()) == []


# Trees that are used where they are


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "linux"
    (tree / "kernel").mkdir(parents=True)
    (tree / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 176\n")
    (tree / "Kconfig").write_text("mainmenu\n")
    (tree / "kernel" / "fork.c").write_text("int x;\n")
    (tree / "link").symlink_to("Makefile")
    return tree


def relink(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("Kconfig")


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "kernel" / "fork.c").write_text("int y;\n"),
        lambda tree: (tree / "kernel" / "new.c").write_text(""),
        lambda tree: (tree / "kernel" / "fork.c").unlink(),
        lambda tree: (tree / "kernel" / "fork.c").chmod(0o755),
        relink,
    ],
)
def test_a_tree_that_is_changed_while_it_is_used(
    tree: Path, cache: SourceCache, change: Callable[[Path], object]
) -> None:
    source = local_source(tree, VERSION, cache, Notes())
    require_unchanged(source, Notes())
    change(tree)
    with pytest.raises(VerificationError, match="was changed while it was used"):
        require_unchanged(source, Notes())


def test_a_source_of_the_cache_is_not_hashed_again(
    archive: MakeArchive, cache: SourceCache, notes: Notes
) -> None:
    require_unchanged(cache.add(archive(), VERSION, Notes()), notes)
    assert notes.steps == []


# Who vouches


def obtained(web: Web, keyring: Path, cache: SourceCache, downloads: Path) -> Source:
    origin = KernelOrg(keyring, web.url)
    return obtain(VERSION, [origin], {}, cache, downloads, Notes())


def test_what_another_keyring_vouched_for_is_not_taken(
    web: Web, keys: Keys, published: Release, cache: SourceCache, downloads: Path, tmp_path: Path
) -> None:
    """Two catalogs have an origin of the same name, and share the cache."""
    tar = make_tar([*kernel_members(), ("linux-6.1.176/evil", b"", {})])
    web.files[published.path] = lzma.compress(tar, preset=0)
    web.files[published.sign] = keys.other.detached(tar)
    theirs = obtained(web, keys.other.keyring, cache, downloads)
    assert (theirs.tree / "evil").exists()
    web.files[published.path] = published.xz
    web.files[published.sign] = keys.good.detached(published.tar)
    ours = obtained(web, keys.good.keyring, cache, downloads)
    assert not (ours.tree / "evil").exists()
    copy = tmp_path / "copy.gpg"
    copy.write_bytes(keys.good.keyring.read_bytes())
    asked = len(web.log)
    assert obtained(web, copy, cache, downloads) == ours
    assert obtained(web, keys.other.keyring, cache, downloads) == theirs
    assert len(web.log) == asked


def test_one_tarball_that_two_vouch_for(
    web: Web, keys: Keys, published: Release, cache: SourceCache, downloads: Path
) -> None:
    ours = obtained(web, keys.good.keyring, cache, downloads)
    web.files[published.sign] = keys.other.detached(published.tar)
    again = obtained(web, keys.other.keyring, cache, downloads)
    assert again.digest == ours.digest
    asked = len(web.log)
    for keyring in (keys.good.keyring, keys.other.keyring):
        assert obtained(web, keyring, cache, downloads).digest == ours.digest
    assert len(web.log) == asked


def test_an_entry_of_before_is_verified_once_more(
    web: Web, keys: Keys, published: Release, cache: SourceCache, downloads: Path
) -> None:
    source = obtained(web, keys.good.keyring, cache, downloads)
    record = cache.root / source.digest.hex / "source.json"
    lines = record.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if '"trusted"' in line)
    write_atomic(record, "\n".join([*lines[:start], *lines[start + 3 :]]).encode())
    assert "trusted" not in record.read_text()
    asked = len(web.log)
    assert obtained(web, keys.good.keyring, cache, downloads).digest == source.digest
    assert len(web.log) > asked
    asked = len(web.log)
    obtained(web, keys.good.keyring, cache, downloads)
    assert len(web.log) == asked
