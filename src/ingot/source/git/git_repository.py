"""Resolves a name in a git repository, and packs its tree as a tar.

Only that one commit is fetched, into a temporary bare repository. Nothing in the source repository
is executed or has an effect: no hooks, no submodules, no filters, and no attributes (see
_ATTRIBUTES). It is never written to: git reads it through git-upload-pack(1), even on this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import staging_directory, tree_size
from ingot.git_program import Bounds, git
from ingot.process import CommandFailedError, Result
from ingot.progress import Step
from ingot.source.git.git_tag import object_id
from ingot.source.transfer.tarball_compression import MAX_BYTES as TAR_BYTES
from ingot.source.transfer.tarball_compression import MAX_ENTRIES
from ingot.source.trees.source_record import Reference
from ingot.web import without_secrets

PREFIX = "git+"
_SCHEMES = ("https", "ssh", "file", "http")
_HERE = "refs/ingot/source"
_ANSWER_SECONDS = 60.0
_PACKING_SECONDS = 300.0
"""The timeouts for a silent server: before it lists its names, and while it packs a tree."""

_WATCH_SECONDS = 0.5
_FETCH_SECONDS = 6 * 3600.0
"""The timeout of a whole fetch: enough for the 250 MB of a kernel at 12 kB per second."""

MAX_BYTES = 4 << 30
"""The limit of a fetch, in bytes: sixteen times the commit of a kernel of 2026."""

_MEMORY_BYTES = 8 << 30
"""The memory limit of git, in bytes: the fetch of a kernel uses a twentieth of it."""

_LISTED_LINES = 1000
"""The most names that a server may list when Ingot requests two."""

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@=-]*")
_ATTRIBUTES = (
    "* !text !crlf !eol !ident !filter !working-tree-encoding !export-subst !export-ignore\n"
)
"""Disables the .gitattributes files in the trees of a repository.

They can make `git archive` leave out files, convert others and run filters.
`$GIT_DIR/info/attributes` takes precedence over all other files, and `!` there makes an attribute
unspecified (gitattributes(5)).
"""


@dataclass(frozen=True, slots=True)
class GitUrl:
    """`git+https://host/linux#v6.1`: a repository, and a tag, branch or full commit ID in it.

    Without `ref`: the repository's HEAD.
    """

    repository: str
    ref: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form above; schemes are https, ssh, file and http. UserError for any other."""
        repository, _, ref = text.removeprefix(PREFIX).partition("#")
        split = urlsplit(repository)
        if not text.startswith(PREFIX) or split.scheme not in _SCHEMES or not split.path:
            raise UserError(
                f"'{without_secrets(text)}' is not the address of a git repository",
                hint="write git+https://HOST/PATH#TAG, or git+file:///PATH#TAG",
            )
        if (ref and not _NAME.fullmatch(ref)) or ".." in ref or ref.endswith((".lock", "/")):
            raise UserError(
                f"'{ref}' is not a valid name of a tag, branch or commit",
                hint="check the text after the #",
            )
        return cls(repository, ref)

    @property
    def plain(self) -> str:
        """The repository's address without user and password."""
        return without_secrets(self.repository)

    @property
    def scheme(self) -> str:
        return urlsplit(self.repository).scheme

    def __str__(self) -> str:
        return f"{PREFIX}{self.plain}{f'#{self.ref}' if self.ref else ''}"


@dataclass(frozen=True, slots=True)
class FoundRef:
    """A resolved name in a repository: the full name of the ref, and the ID of its object.

    `name` is empty if the user named an ID.
    """

    name: str
    id: str


def find(url: GitUrl) -> FoundRef:
    """Resolve `url` in the repository; a tag has precedence over a branch of the same name.

    UserError if it has no such name, MachineError if it cannot be read.
    """
    ref = url.ref or "HEAD"
    if _ID.fullmatch(ref):
        return FoundRef("", ref)
    names = [ref] if ref == "HEAD" or ref.startswith("refs/") else _full_names(ref)
    words = ["ls-remote", "--", url.repository, *names]
    lines: list[str] = []

    def read_line(line: str) -> None:
        lines.append(line)
        if len(lines) > _LISTED_LINES:
            raise _too_much(
                url, f"it lists more than {_LISTED_LINES} names, and two were requested"
            )

    _run_remote(url, words, _ANSWER_SECONDS, on_line=read_line)
    rows = [re.fullmatch(r"([0-9a-f]{40,64})\t(\S+)", line) for line in lines]
    listed = {row[2]: row[1] for row in rows if row}
    for name in names:
        if name in listed:
            return FoundRef(name, listed[name])
    raise UserError(
        f"{url.plain} has no tag or branch '{ref}'",
        hint="see `git ls-remote`; a commit is named by its full ID",
    )


def _full_names(ref: str) -> list[str]:
    return [f"refs/tags/{ref}", f"refs/heads/{ref}"]


class FetchedCommit:
    """A bare repository with the one commit that was fetched."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def reference(self) -> Reference:
        """The fetched object: its ID, its commit and, for a tag object, its bytes.

        UserError if it is not a commit, or a tag of one.
        """
        found = self._git("rev-parse", _HERE).output.strip()
        try:
            commit = self._git("rev-parse", f"{_HERE}^{{commit}}").output.strip()
        except CommandFailedError as error:
            raise UserError(
                f"the object {found} is not a commit or a tag of one",
                hint="name the tag of a release",
            ) from error
        return Reference(found, commit, self._tag(found) if found != commit else b"")

    def _tag(self, found: str) -> bytes:
        """The bytes of a tag object, read through a log file, so that they are not re-encoded."""
        file = self._directory / "ingot-tag"
        git([f"--git-dir={self._directory}", "cat-file", "tag", found], log=file)
        tag = file.read_bytes()
        if object_id("tag", tag, found) != found:
            raise VerificationError(f"git returned wrong bytes for the tag object {found}")
        return tag

    def pack(self, commit: str, to: Path) -> None:
        """Write the tree of a commit as an uncompressed tar, each file as it was committed.

        VerificationError for a tree that git refuses to check out, such as one with a directory
        `.git`.
        """
        self._require_bounded(commit)
        attributes = self._directory / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(_ATTRIBUTES, encoding="utf-8")
        try:
            self._git("archive", "--format=tar", "--prefix=linux/", f"--output={to}", commit)
        except CommandFailedError as error:
            raise VerificationError(
                f"the tree of commit {commit} was refused",
                why="\n".join(error.tail),
                hint="no kernel release looks like this: do not use this repository",
            ) from error

    def _require_bounded(self, commit: str) -> None:
        """VerificationError for a tree with more files than a kernel can have.

        A few small objects can represent any number of files, if each directory lists the next one
        many times.
        """
        count = 0

        def count_line(_line: str) -> None:
            nonlocal count
            count += 1
            if count > MAX_ENTRIES:
                raise VerificationError(
                    f"the tree of commit {commit} was refused",
                    why=f"it holds more than {MAX_ENTRIES} files",
                    hint="no kernel release looks like this: do not use this repository",
                )

        self._git("ls-tree", "-r", "-t", "--name-only", commit, on_line=count_line)

    def _git(self, *arguments: str, on_line: Callable[[str], None] | None = None) -> Result:
        bounds = Bounds(TAR_BYTES, _MEMORY_BYTES, _FETCH_SECONDS)
        return git([f"--git-dir={self._directory}", *arguments], bounds=bounds, on_line=on_line)


@contextlib.contextmanager
def fetched(url: GitUrl, found: FoundRef, work: Path, step: Step) -> Iterator[FetchedCommit]:
    """The commit of `found`, without history, in a temporary repository in the directory `work`.

    MachineError if the repository does not deliver it.
    """
    with staging_directory(work) as staging:
        directory = staging / "repository"
        hash_options = ["--object-format=sha256"] if len(found.id) == 64 else []
        git(["init", "-q", "--bare", "--template=", *hash_options, str(directory)])
        what = f"+{found.name or found.id}:{_HERE}"
        options = ["--depth=1", "--no-tags", "--progress"]
        words = [f"--git-dir={directory}", "fetch", *options, "--", url.repository, what]
        with _watched(directory, step) as stop:
            _run_remote(url, words, _PACKING_SECONDS, stop=stop)
        yield FetchedCommit(directory)


@contextlib.contextmanager
def _watched(directory: Path, step: Step) -> Iterator[int]:
    """Report the received bytes to the step; yields a descriptor that stops the fetch.

    The descriptor becomes readable when more than MAX_BYTES have been received. git's own progress
    is not used: it is a single line, which ends only when the fetch ends.
    """
    ended = threading.Event()
    stop, too_much = os.pipe()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            size = tree_size(directory)
            step.advance(size, unit="bytes")
            if size > MAX_BYTES:
                os.write(too_much, b".")
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        ended.set()
        thread.join()
        os.close(stop)
        os.close(too_much)


def _run_remote(
    url: GitUrl,
    arguments: list[str],
    silence: float,
    *,
    stop: int | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run a git command that connects to the repository, with only the allowed protocols."""
    # SSH is allowed for users whose git config rewrites addresses to it; ext:: is never allowed
    env = {"GIT_ALLOW_PROTOCOL": "file" if url.scheme == "file" else f"{url.scheme}:https:ssh"}
    bounds = Bounds(MAX_BYTES, _MEMORY_BYTES, _FETCH_SECONDS)
    try:
        git(arguments, env=env, silence=silence, bounds=bounds, stop=stop, on_line=on_line)
    except CommandFailedError as error:
        if stop is not None and select.select([stop], [], [], 0)[0]:
            raise _too_much(url, f"it sent more than {MAX_BYTES >> 30} GiB") from error
        said = [line.split("\r")[-1] for line in error.tail if line.strip()]
        raise MachineError(
            f"cannot read {url.plain}",
            why=without_secrets("\n".join(said[-5:]).replace(url.repository, url.plain)),
            hint="check the address and the network, and that `git ls-remote` can read it without"
            " asking for a password",
        ) from error


def _too_much(url: GitUrl, why: str) -> VerificationError:
    return VerificationError(
        f"{url.plain} sends too much",
        why=why,
        hint="no repository of a kernel is like this: do not use it",
    )
