"""Sources from git: the origin of signed tags, and the sources named with `--source git+...`.

Only one commit is fetched, without its history. A source is identified by the contents of its tree,
as if it were checked out and used as a local tree.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import disk_errors, locked
from ingot.progress import Progress
from ingot.source.git.git_repository import FetchedCommit, FoundRef, GitUrl, fetched, find
from ingot.source.git.git_tag import verify_tag
from ingot.source.origin import Archive, GitArchive, Source, trust_in
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.source.trees.source_cache import LOCAL, SourceCache
from ingot.source.trees.source_record import Reference
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class GitOrigin:
    """Releases as tags of a repository, signed by a key in `keyring`.

    `repository` is its address without `git+`; `tag` the name of a version's tag, with {version}
    for the version.
    """

    repository: str
    keyring: Path
    tag: str = "v{version}"
    name: str = "git"

    @property
    def trust(self) -> str:
        return trust_in(self.name, (self.keyring,), self.tag)

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        """See Origin.fetch; returns an Export."""
        url = GitUrl.parse(f"git+{self.repository}#refs/tags/{self.tag.format(version=version)}")
        _, export = _get(url, find(url), self.keyring, self.name, downloads, progress)
        return replace(export, pin=expected, trust=self.trust)


def git_source(
    url: GitUrl,
    keyring: Path | None,
    cache: SourceCache,
    downloads: Path,
    progress: Progress,
    *,
    offline: bool = False,
) -> Source:
    """The source that `url` refers to now, of any version, unpacked in `cache`.

    With a keyring it must be a tag signed by one of its keys, else VerificationError. A cached
    source is not fetched again. With `offline`, a repository on another machine is not contacted:
    the name is resolved as last time, and MachineError is raised if that source is not cached.
    """

    def wait() -> None:
        progress.note(f"source: waiting for another process that fetches {url}")

    if keyring is None and url.scheme == "http":
        raise UserError(
            f"a source from {url.plain} cannot be verified",
            why="plain HTTP can be modified in transit",
            hint="use https, or name the keys that sign its tags with --keyring",
        )
    if offline and url.scheme != "file":
        kept = cache.referred(str(url))
        if kept is None:
            raise MachineError(
                f"{url} is not in the cache, and cannot be fetched offline",
                hint=f"run `ingot fetch --source '{url}'` with network access",
            )
        return _as_named(*kept, url, keyring)
    found = find(url)
    # A second process that needs the same source waits, and then finds it in the cache.
    lock = downloads / f".git-{Digest.of(str(url).encode()).hex}.lock"
    with locked(lock, on_wait=wait):
        kept = cache.of_object(found.id)
        if kept is None:
            reference, export = _get(url, found, keyring, LOCAL, downloads, progress)
            try:
                kept = cache.add(export, None, progress), reference
            finally:
                export.path.unlink(missing_ok=True)
        source, reference = kept
        named = _as_named(source, reference, url, keyring)
        cache.refer(str(url), source.digest, reference)
    return named


def _as_named(source: Source, reference: Reference, url: GitUrl, keyring: Path | None) -> Source:
    """The source with the name used in this call: other names may refer to the same tree."""
    evidence = _evidence(url, reference, keyring)
    return replace(source, origin=LOCAL, url=str(url), evidence=evidence, commit=reference.commit)


def _get(
    url: GitUrl,
    found: FoundRef,
    keyring: Path | None,
    origin: str,
    downloads: Path,
    progress: Progress,
) -> tuple[Reference, GitArchive]:
    """Fetch, verify and pack a ref; the caller removes the tar."""
    with (
        disk_errors(downloads),
        progress.step(f"fetch {url}") as step,
        fetched(url, found, downloads, step) as repository,
    ):
        reference = repository.reference()
        evidence = _evidence(url, reference, keyring)
        step.result(evidence)
        file = _pack(repository, reference.commit, downloads)
    return reference, GitArchive(
        path=file,
        digest=Digest.of_file(file),
        origin=origin,
        url=str(url),
        evidence=evidence,
        form=TarballCompression.TAR,
        commit=reference.commit,
    )


def _pack(repository: FetchedCommit, commit: str, downloads: Path) -> Path:
    with tempfile.NamedTemporaryFile(
        dir=downloads, prefix=f"linux-{commit[:12]}-", suffix=".tar", delete=False
    ) as file:
        path = Path(file.name)
    try:
        repository.pack(commit, path)
    except BaseException:
        path.unlink()
        raise
    return path


def _evidence(url: GitUrl, reference: Reference, keyring: Path | None) -> str:
    """How the commit was verified; VerificationError if the keyring does not accept it."""
    commit = f"commit {reference.commit}"
    if keyring is None:
        return f"{commit}, no signature checked"
    name = url.ref.removeprefix("refs/tags/")
    if not reference.tag:
        raise VerificationError(
            f"{url} is not a signed tag",
            why=f"it names the {commit}, and only tag objects have a signature",
            hint="name a signed tag, or leave out the keyring",
        )
    signer = verify_tag(reference.tag, name, reference.commit, keyring)
    return f"{commit}, tag {name} signed by {signer}"
