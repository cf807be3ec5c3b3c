"""Sources from git: what a name means, whose signature counts, and what a repository may not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.source.git.git_origin import GitOrigin, git_source
from ingot.source.git.git_repository import GitUrl
from ingot.source.local_source import local_source
from ingot.source.obtain import obtain
from ingot.source.origin import Origin, Source
from ingot.source.trees.source_cache import LOCAL, SourceCache
from ingot.version import KernelVersion
from tests.support.git_repositories import Repository
from tests.support.progress import Notes
from tests.support.signers import Keys
from tests.support.tarballs import VERSION

SSH = b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"


Get = Callable[..., Source]


@pytest.fixture
def get(repository: Repository, cache: SourceCache, downloads: Path, notes: Notes) -> Get:
    def get(ref: str = "", keyring: Path | None = None, offline: bool = False) -> Source:
        url = repository.url(ref)
        return git_source(url, keyring, cache, downloads, notes, offline=offline)

    return get


def leftovers(directory: Path) -> list[str]:
    names = (path.name for path in directory.iterdir()) if directory.exists() else ()
    return sorted(name for name in names if not name.endswith(".lock"))


# What a name means


def test_a_tag_a_branch_a_commit_and_nothing_at_all(repository: Repository, get: Get) -> None:
    first = repository.commit("6.1.176")
    repository.git("tag", "v6.1.176")
    second = repository.commit("6.1.177")
    repository.git("tag", "-a", "-m", "annotated", "v6.1.177")
    third = repository.commit("6.1.178")
    found = {ref: get(ref) for ref in ("v6.1.176", "v6.1.177", "main", "", first)}
    assert {ref: (str(one.version), one.commit) for ref, one in found.items()} == {
        "v6.1.176": ("6.1.176", first),
        "v6.1.177": ("6.1.177", second),
        "main": ("6.1.178", third),
        "": ("6.1.178", third),
        first: ("6.1.176", first),
    }
    source = found["main"]
    assert (source.origin, source.epoch) == (LOCAL, 0)
    assert source.url == f"git+file://{repository.path}#main"
    assert source.evidence == f"commit {third}, no signature checked"


def test_a_tag_goes_before_a_branch_of_its_name(repository: Repository, get: Get) -> None:
    tagged = repository.commit("6.1.176")
    repository.git("tag", "both")
    repository.git("checkout", "-q", "-b", "both")
    repository.commit("6.1.177")
    assert get("both").commit == tagged
    assert get("refs/heads/both").commit != tagged


def test_a_candidate(repository: Repository, get: Get) -> None:
    repository.commit("6.19-rc1")
    assert get().version == KernelVersion.parse("6.19-rc1")


def test_a_history_is_not_fetched(
    repository: Repository, get: Get, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patch in range(5):
        repository.commit(f"6.1.{patch}", big=str(patch) * 1000)
    monkeypatch.setenv("GIT_TRACE_PACKET", str(downloads / "trace.lock"))
    get()
    assert "deepen 1" in (downloads / "trace.lock").read_text()


@pytest.mark.parametrize("ref", ["v6.1.177", "nothing", "refs/tags/none"])
def test_a_name_that_is_not_there(repository: Repository, get: Get, ref: str) -> None:
    repository.commit()
    with pytest.raises(UserError, match=f"no tag or branch '{ref}'"):
        get(ref)


def test_a_commit_that_is_not_there(repository: Repository, get: Get, downloads: Path) -> None:
    repository.commit()
    with pytest.raises(MachineError, match="cannot read"):
        get("1234567890" * 4)
    assert leftovers(downloads) == []


def test_a_repository_that_is_not_there(
    repository: Repository, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    url = GitUrl.parse(f"git+file://{repository.path}/none#v1")
    with pytest.raises(MachineError, match="cannot read") as caught:
        git_source(url, None, cache, downloads, notes)
    assert "git ls-remote" in caught.value.hint
    assert leftovers(downloads) == []


def test_what_is_no_kernel(repository: Repository, get: Get, cache: SourceCache) -> None:
    repository.commit()
    (repository.path / "Kconfig").unlink()
    repository.git("commit", "-qam", "less")
    with pytest.raises(UserError, match="not a kernel tree"):
        get()
    assert leftovers(cache.root) == []


def test_a_tag_of_something_else_than_a_commit(repository: Repository, get: Get) -> None:
    repository.commit()
    repository.git("tag", "-a", "-m", "a file", "file", "HEAD:Makefile")
    with pytest.raises(UserError, match="is not a commit or a tag of one"):
        get("file")


@pytest.mark.parametrize(
    "text",
    [
        "git+https://",
        "git+https://host",
        "git+ftp://host/path",
        "git+ext::sh -c id",
        "git+-oProxyCommand=id",
        "git+file:///x#-upload-pack=id",
        "git+file:///x#a..b",
        "git+file:///x#a b",
        "git+file:///x#*",
        "git+file:///x#a.lock",
        "git+file:///x#refs/heads/",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UserError, match=r"not the address of a git|not a valid name of a tag"):
        GitUrl.parse(text)


def test_a_password_in_an_address_is_never_told() -> None:
    url = GitUrl.parse("git+https://me:secret@example.org/linux.git#v6.1")
    assert str(url) == "git+https://example.org/linux.git#v6.1"
    assert url.repository == "https://me:secret@example.org/linux.git"


# Once here, not fetched again


def test_what_is_here_is_not_fetched_again(
    repository: Repository, get: Get, notes: Notes, downloads: Path
) -> None:
    commit = repository.commit()
    repository.git("tag", "v6.1.176")
    first = get("main")
    notes.steps.clear()
    assert get("main") == first
    assert get("v6.1.176").digest == get(commit).digest == first.digest
    assert notes.steps == []
    repository.commit("6.1.177")
    assert get("main").version == KernelVersion.parse("6.1.177")
    assert get("v6.1.176").version == VERSION
    assert leftovers(downloads) == []


def test_offline_what_was_last_meant_is_taken(
    repository: Repository, cache: SourceCache, downloads: Path, notes: Notes, keys: Keys
) -> None:
    """A repository elsewhere, which is not there any more when it is asked for again."""
    repository.commit()
    repository.sign("v6.1.176", keys.good)
    config = repository.path.parent / "gitconfig"
    config.write_text(
        f'[url "file://{repository.path}"]\n\tinsteadOf = https://example.org/linux\n'
    )
    near, far = repository.url("v6.1.176"), GitUrl.parse("git+https://example.org/linux#v6.1.176")

    def offline(url: GitUrl, keyring: Path | None) -> Source:
        return git_source(url, keyring, cache, downloads, notes, offline=True)

    with pytest.raises(MachineError, match="is not in the cache") as caught:
        offline(far, None)
    assert "ingot fetch --source 'git+https://example.org/linux#v6.1.176'" in caught.value.hint
    source = git_source(near, keys.good.keyring, cache, downloads, notes)
    kept = cache.referred(str(near))
    assert kept is not None
    cache.refer(str(far), source.digest, kept[1])
    assert offline(far, keys.good.keyring).digest == source.digest
    with pytest.raises(VerificationError, match="not in the keyring"):
        offline(far, keys.other.keyring)
    assert offline(near, None).digest == source.digest  # this machine needs no network


def test_a_branch_that_moved_means_the_new_commit_offline_as_well(
    repository: Repository, get: Get, cache: SourceCache
) -> None:
    for patch in (176, 177):
        repository.commit(f"6.1.{patch}")
        get("main")
    names = [name for entry in cache.entries() for name in entry.references]
    assert names == [str(repository.url("main"))]
    kept = cache.referred(names[0])
    assert kept is not None
    assert kept[0].version == KernelVersion.parse("6.1.177")


# The content


def test_the_digest_is_that_of_a_local_tree(
    repository: Repository, get: Get, cache: SourceCache, notes: Notes
) -> None:
    (repository.path / "run.sh").write_text("#!/bin/sh\n")
    (repository.path / "run.sh").chmod(0o755)
    (repository.path / "link").symlink_to("run.sh")
    repository.commit()
    assert get().digest == local_source(repository.path, VERSION, cache, notes).digest


def test_another_commit_of_the_same_tree_is_the_same_source(
    repository: Repository, get: Get, cache: SourceCache
) -> None:
    repository.commit()
    first = get()
    repository.commit()
    second = get()
    assert first.commit != second.commit
    assert first.digest == second.digest
    assert len(cache.entries()) == 1


def test_attributes_of_the_tree_change_nothing(
    repository: Repository, get: Get, tmp_path: Path
) -> None:
    """A tree may ask for files to be left out, rewritten and filtered: it is not listened to."""
    ran = tmp_path / "ran"
    files = {
        "left-out": "x\n",
        "subst": "$Format:%H$\n$Id$\n",
        "crlf": "a\nb\n",
        "utf16": "text\n",
        "filtered": "kept\n",
    }
    repository.commit(**files)
    # after the files, or adding these would change them
    (repository.path / ".gitattributes").write_text(
        "[attr]evil ident export-subst\n"
        "left-out export-ignore\nsubst evil\ncrlf text eol=crlf\n"
        "utf16 text working-tree-encoding=UTF-16\nfiltered filter=evil\n"
    )
    repository.git("add", ".gitattributes")
    repository.git("commit", "-qm", "attributes")
    for scope in ("--local", "--global"):
        repository.environment["HOME"] = str(tmp_path)
        repository.git("config", scope, "filter.evil.smudge", f"touch {ran}; cat")
        repository.git("config", scope, "filter.evil.required", "true")
    source = get()
    for name, text in files.items():
        assert (source.tree / name).read_text() == text
    assert not ran.exists()


def test_a_hostile_repository_runs_nothing_and_is_not_written_to(
    repository: Repository, get: Get, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    repository.commit()
    repository.git("tag", "v6.1.176")
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\nexec cat\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.askPass"):
        repository.git("config", name, str(script))
    for name in ("uploadpack.packObjectsHook", "credential.helper", "core.gitProxy"):
        repository.git("config", name, str(script))
    hooks = repository.path / ".git" / "hooks"
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
        (hooks / hook).write_bytes(script.read_bytes())
        (hooks / hook).chmod(0o755)
    module = '[submodule "m"]\n\tpath = m\n\turl = ext::touch ' + str(ran) + "\n"
    (repository.path / ".gitmodules").write_text(module)
    entry = f"160000,{'1' * 40},m"
    repository.git("-c", "core.fsmonitor=false", "update-index", "--add", "--cacheinfo", entry)
    quiet = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
    repository.git(*quiet, "commit", "-qm", "module")
    ran.unlink(missing_ok=True)
    before = repository.state()
    source = get()
    assert not ran.exists()
    assert repository.state() == before
    assert list((source.tree / "m").iterdir()) == []


def test_a_tree_with_a_git_directory_in_it(
    repository: Repository, get: Get, cache: SourceCache, downloads: Path
) -> None:
    commit = repository.commit()
    blob = repository.git("hash-object", "-w", "--stdin", data=b"[core]\n\tfsmonitor = id\n")
    inner = repository.git("mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    rows = repository.git("ls-tree", commit) + f"\n040000 tree {inner}\t.git\n"
    tree = repository.git("mktree", data=rows.encode())
    evil = repository.git("commit-tree", "-m", "evil", tree)
    repository.git("update-ref", "refs/heads/evil", evil)
    with pytest.raises(VerificationError, match=r"invalid path '\.git/config'"):
        get("evil")
    assert leftovers(cache.root) == leftovers(downloads) == []


def test_a_link_that_leads_outside(
    repository: Repository, get: Get, cache: SourceCache, downloads: Path
) -> None:
    (repository.path / "passwd").symlink_to("/etc/passwd")
    repository.commit()
    with pytest.raises(VerificationError, match="leads outside"):
        get()
    assert leftovers(cache.root) == leftovers(downloads) == []


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_started_from_a_hook_of_another_repository(
    repository: Repository, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commit = repository.commit()
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(name, str(tmp_path / "other" / "x"))
    assert get().commit == commit
    assert list((tmp_path / "other").iterdir()) == []


def test_a_full_disk(
    repository: Repository, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit()
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    real = shutil.which("git")
    words = "fatal: write error: No space left on device"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *archive*) echo "{words}" >&2; exit 128;; esac\n'
        f'exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(MachineError, match="no space left"):
        get()


# Signatures


def test_a_signed_tag(repository: Repository, get: Get, keys: Keys) -> None:
    commit = repository.commit()
    repository.sign("v6.1.176", keys.good)
    source = get("v6.1.176", keys.good.keyring)
    signer = keys.good.fingerprint
    assert source.evidence == f"commit {commit}, tag v6.1.176 signed by {signer}"
    assert get("refs/tags/v6.1.176", keys.good.keyring).evidence == source.evidence


def test_a_message_in_another_encoding_is_signed_byte_by_byte(
    repository: Repository, get: Get, keys: Keys
) -> None:
    repository.commit()
    commit = repository.git("rev-parse", "HEAD")
    payload = f"object {commit}\ntype commit\ntag v6.1.176\ntagger N <n@e.org> 1 +0000\n\n".encode()
    payload += b"caf\xe9\r\nat the end: \r\n"
    repository.write_tag("v6.1.176", payload + keys.good.detached(payload))
    assert keys.good.fingerprint in get("v6.1.176", keys.good.keyring).evidence


def test_without_a_keyring_nothing_is_checked(repository: Repository, get: Get, keys: Keys) -> None:
    repository.commit()
    repository.sign("v6.1.176", keys.other)
    assert "no signature checked" in get("v6.1.176").evidence
    with pytest.raises(VerificationError):  # that it is here already is no reason to trust it
        get("v6.1.176", keys.good.keyring)


def _unsigned(repository: Repository, keys: Keys) -> None:
    repository.git("tag", "-a", "-m", "annotated", "v6.1.176")


def _lightweight(repository: Repository, keys: Keys) -> None:
    repository.git("tag", "v6.1.176")


def _branch(repository: Repository, keys: Keys) -> None:
    repository.git("branch", "v6.1.176")


def _stranger(repository: Repository, keys: Keys) -> None:
    repository.sign("v6.1.176", keys.other)


def _renamed(repository: Repository, keys: Keys) -> None:
    repository.sign("v6.1.175", keys.good)
    repository.git("update-ref", "refs/tags/v6.1.176", repository.git("rev-parse", "v6.1.175"))


def _altered(repository: Repository, keys: Keys) -> None:
    repository.sign("v6.1.176", keys.good)
    good = repository.tag_object("v6.1.176")
    old = repository.git("rev-parse", "HEAD")
    evil = repository.commit("6.1.176", evil="yes")
    repository.write_tag("v6.1.176", good.replace(old.encode(), evil.encode()))


def _ssh(repository: Repository, keys: Keys) -> None:
    repository.sign("v6.1.176", keys.good)
    signed = repository.tag_object("v6.1.176")
    repository.write_tag("v6.1.176", signed[: signed.index(b"-----BEGIN")] + SSH)


def _ssh_behind(repository: Repository, keys: Keys) -> None:
    repository.sign("v6.1.176", keys.good)
    repository.write_tag("v6.1.176", repository.tag_object("v6.1.176") + SSH)


def _nested(repository: Repository, keys: Keys) -> None:
    repository.git("tag", "-a", "-m", "inner", "inner")
    key = ("-c", f"user.signingkey={keys.good.fingerprint}")
    repository.environment["GNUPGHOME"] = str(keys.good.home)
    repository.git(*key, "tag", "-s", "-m", "outer", "v6.1.176", "inner")


def _signed_header(repository: Repository, keys: Keys) -> None:
    """A good signature over something that is no tag, in front of one that is."""
    repository.git("tag", "-a", "-m", "annotated", "v6.1.176")
    tag = repository.tag_object("v6.1.176")
    repository.write_tag("v6.1.176", tag + keys.good.detached(b"Release notes\n"))


REFUSED: dict[str, tuple[Callable[[Repository, Keys], None], str]] = {
    "annotated and not signed": (_unsigned, "it is not signed"),
    "a lightweight tag": (_lightweight, "only tag objects have a signature"),
    "a branch": (_branch, "only tag objects have a signature"),
    "signed by a stranger": (_stranger, "not in the keyring"),
    "an older tag under this name": (_renamed, "has another name: v6.1.175"),
    "another commit put into it": (_altered, "does not match the data"),
    "signed with an SSH key": (_ssh, "an SSH key"),
    "an SSH signature behind a good one": (_ssh_behind, "an SSH key"),
    "a tag of a tag": (_nested, "it refers to the tag"),
    "a signature over something else": (_signed_header, "does not match the data"),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_with_a_keyring_only_a_good_tag_is_taken(
    repository: Repository,
    get: Get,
    keys: Keys,
    cache: SourceCache,
    downloads: Path,
    attempt: str,
) -> None:
    prepare, why = REFUSED[attempt]
    repository.commit()
    prepare(repository, keys)
    with pytest.raises(VerificationError, match=why):
        get("v6.1.176", keys.good.keyring)
    assert leftovers(cache.root) == leftovers(downloads) == []


def test_plain_http_needs_a_keyring(cache: SourceCache, downloads: Path, notes: Notes) -> None:
    with pytest.raises(UserError, match="cannot be verified"):
        git_source(GitUrl.parse("git+http://host/linux#v1"), None, cache, downloads, notes)


# The origin of a catalog


@pytest.fixture
def origin(repository: Repository, keys: Keys) -> GitOrigin:
    return GitOrigin(f"file://{repository.path}", keys.good.keyring)


def test_an_origin_of_signed_tags(
    repository: Repository,
    origin: GitOrigin,
    keys: Keys,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    candidate = KernelVersion.parse("6.19-rc1")
    commit = repository.commit("6.19-rc1")
    repository.sign("v6.19-rc1", keys.good)
    origins: list[Origin] = [origin]
    source = obtain(candidate, origins, {}, cache, downloads, notes)
    assert (source.origin, source.commit, source.version) == ("git", commit, candidate)
    assert keys.good.fingerprint in source.evidence
    assert leftovers(downloads) == []
    notes.steps.clear()
    assert obtain(candidate, origins, {"git": source.digest}, cache, downloads, notes) == source
    assert notes.steps == []


def test_an_origin_whose_tag_is_not_signed_or_was_moved(
    repository: Repository,
    origin: GitOrigin,
    keys: Keys,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    repository.commit()
    repository.git("tag", "-a", "-m", "x", "v6.1.176")
    with pytest.raises(VerificationError, match="not signed"):
        obtain(VERSION, [origin], {}, cache, downloads, notes)
    repository.sign("v6.1.176", keys.good)
    pin = Digest.of(b"what it was")
    with pytest.raises(VerificationError, match="do not have the pinned digest") as caught:
        obtain(VERSION, [origin], {"git": pin}, cache, downloads, notes)
    assert str(pin) in caught.value.why
    assert leftovers(cache.root) == leftovers(downloads) == []


def test_what_a_user_named_is_not_trusted_as_an_origins(
    repository: Repository,
    origin: GitOrigin,
    keys: Keys,
    get: Get,
    cache: SourceCache,
    downloads: Path,
    notes: Notes,
) -> None:
    repository.commit()
    repository.git("tag", "v6.1.176")
    named = get("v6.1.176")
    with pytest.raises(VerificationError):  # it is in the cache, but nobody has vouched for it
        obtain(VERSION, [origin], {}, cache, downloads, notes)
    repository.sign("v6.1.176", keys.good)
    source = obtain(VERSION, [origin], {}, cache, downloads, notes)
    assert (source.digest, source.origin) == (named.digest, "git")
    assert get("main").origin == LOCAL


def test_tags_may_be_called_otherwise(
    repository: Repository, keys: Keys, cache: SourceCache, downloads: Path, notes: Notes
) -> None:
    repository.commit()
    repository.sign("vendor/6.1.176-x", keys.good)
    url = f"file://{repository.path}"
    origin = GitOrigin(url, keys.good.keyring, "vendor/{version}-x")
    assert obtain(VERSION, [origin], {}, cache, downloads, notes).version == VERSION
