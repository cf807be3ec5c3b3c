"""Lists of releases from a loopback kernel.org and a loopback Debian archive."""

from __future__ import annotations

import json
import lzma
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import IngotError, MachineError, VerificationError
from ingot.source.candidates import candidates, obtain_first
from ingot.source.debian.debian_origin import DebianArchive
from ingot.source.kernel_org.kernel_org_origin import KernelOrg
from ingot.source.kernel_org.releases_json import KernelOrgList
from ingot.source.origin import Source
from ingot.source.releases import Index, available
from ingot.source.releases import Release as Listed
from ingot.source.trees.source_cache import SourceCache
from tests.support.debian_archives import Suite
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION, Release
from tests.support.web_servers import Web


def serve_list(web: Web, *versions: str, ended: bool = False) -> None:
    rows = [
        {
            "version": version,
            "moniker": "longterm",
            "iseol": ended,
            "released": {"timestamp": 0, "isodate": "2026-08-01"},
        }
        for version in versions
    ]
    web.files["/releases.json"] = json.dumps({"releases": rows}).encode()


def kernel_org(web: Web, keys: Keys) -> KernelOrg:
    return KernelOrg(keys.good.keyring, web.url)


def debian(web: Web, keys: Keys, *suites: str) -> DebianArchive:
    mirrors = (f"{web.url}/debian", f"{web.url}/debian-security")
    return DebianArchive(suites or ("a",), keys.good.keyring, mirrors)


def names(releases: tuple[Listed, ...]) -> list[str]:
    return [str(release.version) for release in releases]


# kernel.org


def test_kernel_org_lists(web: Web, keys: Keys, downloads: Path, notes: Notes) -> None:
    serve_list(web, "6.12.117", "6.1.192", "7.3-rc6")
    origin = kernel_org(web, keys)
    index = KernelOrgList(origin, web.url)
    assert index.name == "kernel.org"
    newest, other = available([index], downloads, notes)
    assert (str(newest.version), str(newest.released)) == ("6.12.117", "2026-08-01")
    assert newest.origins == other.origins == (origin,)
    assert list(downloads.iterdir()) == []


@pytest.mark.parametrize("what", ["404", "html", "endless", "dead"])
def test_kernel_org_does_not_list(
    web: Web, keys: Keys, downloads: Path, notes: Notes, what: str
) -> None:
    if what == "html":
        web.files["/releases.json"] = b"<html>log in first</html>"
    if what == "endless":
        web.files["/releases.json"] = b" " * ((1 << 20) + 1)
    base = "http://ingot.invalid" if what == "dead" else web.url
    index = KernelOrgList(kernel_org(web, keys), base)
    word = {
        "404": "HTTP 404",
        "html": "cannot be read",
        "endless": "larger than 1048576 bytes",
        "dead": "cannot resolve host ingot.invalid",
    }[what]
    with pytest.raises(MachineError, match=word) as caught:
        index.listed(downloads, notes)
    assert f"{base}/releases.json" in str(caught.value)


@pytest.fixture
def secure(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of an HTTPS server that redirects everything to `web`, in the clear."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", web.url + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_redirect_away_from_https_is_refused(
    web: Web, keys: Keys, downloads: Path, notes: Notes, secure: str
) -> None:
    serve_list(web, "6.12.117")
    with pytest.raises(MachineError, match="not HTTPS is refused"):
        KernelOrgList(kernel_org(web, keys), secure).listed(downloads, notes)
    assert web.log == []  # nothing was asked in the clear


# Debian


def test_debian_lists(
    web: Web, keys: Keys, release: Release, downloads: Path, notes: Notes
) -> None:
    backports = ("6.18.15-1~bpo13+1", "7.3~rc7-1~exp1", "6.1.176-1~bpo13+1", "6.19-1")
    Suite("a", release.xz, versions=("6.1.176-1", "6.1.176-2", "6.1.4-1")).publish(web, keys)
    Suite("b", release.xz, versions=backports).publish(web, keys)
    origin = debian(web, keys, "a", "b")
    assert {str(v): suites for v, suites in origin.versions(downloads, notes).items()} == {
        "6.1.176": ("a", "b"),
        "6.1.4": ("a",),
        "6.18.15": ("b",),
        "6.19": ("b",),
    }
    found = available([origin], downloads, notes)
    assert names(found) == ["6.19", "6.18.15", "6.1.176", "6.1.4"]
    # each with the suites that list it, and no others to ask in vain
    assert found[1].origins == (debian(web, keys, "b"),)
    assert found[2].origins == (origin,)
    assert notes.notes == []


class Odd(Suite):
    """A suite with what else there is: an epoch, a kernel of a newer suite, no tarball."""

    def sources(self) -> bytes:
        tarball = f"{Digest.of(self.tarball).hex} {len(self.tarball)}"
        rows = [
            ("linux", "1:5.10.259-1", f" {tarball} linux_5.10.259.orig.tar.xz\n"),
            ("linux-6.1", "6.1.180-1~deb11u1", f" {tarball} linux-6.1_6.1.180.orig.tar.xz\n"),
            ("linux", "6.1.99-1", f" {tarball} linux_6.1.99-1.debian.tar.xz\n"),
            ("linux-signed-amd64", "6.1.98+1", f" {tarball} linux_6.1.98.orig.tar.xz\n"),
        ]
        return "\n".join(
            f"Package: {name}\nVersion: {version}\nDirectory: {self.pool}\n"
            f"Checksums-Sha256:\n{files}"
            for name, version, files in rows
        ).encode()


def test_only_upstream_tarballs_of_linux_count(
    web: Web, keys: Keys, release: Release, downloads: Path, notes: Notes
) -> None:
    Odd("a", release.xz).publish(web, keys)
    assert names(available([debian(web, keys)], downloads, notes)) == ["5.10.259"]


def test_suites_that_cannot_be_asked_are_notes(
    web: Web, keys: Keys, release: Release, downloads: Path, notes: Notes
) -> None:
    Suite("a", release.xz).publish(web, keys)
    Suite("forged", release.xz).publish(web, keys)
    path = "/debian/dists/forged/InRelease"
    web.files[path] = web.files[path].replace(b"Origin: Debian", b"Origin: Debiam")
    origin = debian(web, keys, "nowhere", "forged", "a")
    assert names(available([origin], downloads, notes)) == ["6.1.176"]
    assert [note.split(": ")[:2] for note in notes.notes] == [
        ["releases", "debian nowhere"],
        ["releases", "debian forged"],
    ]


@pytest.mark.parametrize(
    "suites, kind", [(("x", "y"), MachineError), (("bad",), VerificationError)]
)
def test_no_suite_can_be_asked(
    web: Web,
    keys: Keys,
    release: Release,
    downloads: Path,
    notes: Notes,
    suites: tuple[str, ...],
    kind: type[IngotError],
) -> None:
    Suite("bad", release.xz).publish(web, keys, by_hash=False)
    web.files["/debian/dists/bad/main/source/Sources.xz"] = lzma.compress(b"Package: linux\n")
    with pytest.raises(kind):
        debian(web, keys, *suites).versions(downloads, notes)


def test_a_dead_mirror_is_asked_once(keys: Keys, downloads: Path, notes: Notes) -> None:
    origin = DebianArchive(("a", "b", "c"), keys.good.keyring, ("http://ingot.invalid/debian",))
    with pytest.raises(MachineError, match=r"cannot resolve host ingot\.invalid"):
        origin.versions(downloads, notes)
    assert len(notes.notes) == 1


# From a name to a source


def deliver(
    name: str, web: Web, keys: Keys, suites: tuple[str, ...], cache: SourceCache, notes: Notes
) -> Source:
    org, deb = kernel_org(web, keys), debian(web, keys, *suites)
    indexes: list[Index] = [KernelOrgList(org, web.url), deb]
    wanted = candidates(name, [org, deb], indexes, cache.downloads, notes)
    release, source = obtain_first(wanted, cache, cache.downloads, notes)
    assert release.version == source.version
    return source


def test_the_next_newest_where_the_newest_is_not_served(
    web: Web, keys: Keys, release: Release, cache: SourceCache, notes: Notes
) -> None:
    serve_list(web, "6.1.192")
    Suite("a", release.xz, versions=("6.1.187-1",), served=False).publish(web, keys)
    Suite("b", release.xz, versions=("6.1.176-1", "6.1.4-1")).publish(web, keys)
    source = deliver("6.1", web, keys, ("a", "b"), cache, notes)
    assert (source.version, source.origin) == (VERSION, "debian")
    assert [note.split(": ")[1] for note in notes.notes] == [
        "kernel.org",
        "trying linux 6.1.187 instead",
        "debian a",  # suite b does not list 6.1.187, so it is not asked in vain
        "debian",
        "trying linux 6.1.176 instead",
    ]


def test_none_is_served(web: Web, keys: Keys, cache: SourceCache, notes: Notes) -> None:
    versions = ("6.1.187-1", "6.1.176-1")
    Suite("a", b"tarball", versions=versions, served=False).publish(web, keys)
    with pytest.raises(MachineError, match="none of the listed releases") as caught:
        deliver("6.1", web, keys, ("a",), cache, notes)
    assert [line.split(":")[0] for line in caught.value.why.splitlines()] == [
        "linux 6.1.187",
        "linux 6.1.176",
    ]


def test_a_version_that_is_not_listed(
    web: Web, keys: Keys, published: Release, cache: SourceCache, notes: Notes
) -> None:
    serve_list(web, "6.1.192")
    source = deliver("6.1.176", web, keys, ("a",), cache, notes)
    assert (source.version, source.origin) == (VERSION, "kernel.org")
    assert source.digest == Digest.of(published.xz)
    assert web.of("/debian") == []  # not even its list


@pytest.mark.parametrize("how", ["damaged", "another version"])
def test_no_older_release_in_place_of_one_that_does_not_verify(
    web: Web, keys: Keys, release: Release, cache: SourceCache, notes: Notes, how: str
) -> None:
    Suite("old", release.xz).publish(web, keys)
    Suite("new", release.xz, versions=("6.1.187-1",)).publish(web, keys)
    good = web.files["/debian/pool/new/main/l/linux/linux_6.1.176.orig.tar.xz"]
    served = good if how == "another version" else good[:-1] + b"!"
    web.files["/debian/pool/new/main/l/linux/linux_6.1.187.orig.tar.xz"] = served
    word = "Makefile says 6.1.176" if how == "another version" else "refused"
    with pytest.raises(IngotError, match=word):
        deliver("6.1", web, keys, ("old", "new"), cache, notes)
    assert cache.entries() == []
