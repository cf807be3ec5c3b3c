"""The CNA's repository of records, cloned into the cache and kept up to date.

cves/vulns.git/         a bare repository with the newest commit only, without its history
cves/.vulns.git.lock    held while it is changed
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from ingot.errors import MachineError, UserError
from ingot.files import disk_errors, locked, staging_directory
from ingot.git_program import Bounds, git
from ingot.process import CommandFailedError
from ingot.progress import Progress
from ingot.web import without_secrets

CNA_REPOSITORY = "https://git.kernel.org/pub/scm/linux/security/vulns.git"
"""Source: Documentation/process/cve.rst of the kernel."""

_NAME = "vulns.git"
_BRANCH = "refs/heads/main"
_SCHEMES = ("https", "ssh", "file")
_BOUNDS = Bounds(file_bytes=8 << 30, memory_bytes=4 << 30, seconds=3600.0)
_SILENCE_SECONDS = 300.0


def cloned_records(cves: Path) -> Path:
    """The clone in the cache directory `cves`; UserError if there is none yet."""
    clone = cves / _NAME
    if not clone.is_dir():
        raise UserError(
            "there are no CVE records yet",
            why=f"{clone} does not exist",
            hint="get them with: ingot cves --update; or name them with --data",
        )
    return clone


def update_records(cves: Path, repository: str, progress: Progress) -> Path:
    """Clone the repository into the cache directory `cves`, or fetch its newest commit.

    Returns the clone. UserError for an address that is not one of a repository; MachineError if the
    repository cannot be read: then an earlier clone is as it was.
    """
    plain = without_secrets(repository)
    scheme = urlsplit(repository).scheme
    if scheme not in _SCHEMES:
        raise UserError(
            f"'{plain}' is not the address of a git repository",
            hint=f"write {CNA_REPOSITORY}, or file:///PATH",
        )
    clone = cves / _NAME
    with (
        locked(cves / f".{_NAME}.lock", on_wait=lambda: progress.note("cves: waiting for a lock")),
        disk_errors(cves),
        progress.step(f"fetch the CVE records of {plain}") as step,
    ):
        if clone.is_dir():
            _fetch(clone, repository, scheme, plain)
        else:
            with staging_directory(cves) as staging:
                new = staging / _NAME
                git(["init", "-q", "--bare", "--template=", str(new)])
                _fetch(new, repository, scheme, plain)
                git([f"--git-dir={new}", "symbolic-ref", "HEAD", _BRANCH])
                new.rename(clone)
        commit = git([f"--git-dir={clone}", "rev-parse", _BRANCH]).output.strip()
        step.result(f"commit {commit[:12]}")
    return clone


def _fetch(clone: Path, repository: str, scheme: str, plain: str) -> None:
    words = ["fetch", "-q", "--depth=1", "--no-tags", "--", repository, f"+HEAD:{_BRANCH}"]
    env = {"GIT_ALLOW_PROTOCOL": "file" if scheme == "file" else f"{scheme}:https:ssh"}
    try:
        git([f"--git-dir={clone}", *words], env=env, silence=_SILENCE_SECONDS, bounds=_BOUNDS)
    except CommandFailedError as error:
        raise MachineError(
            f"cannot read {plain}",
            why=without_secrets("\n".join(error.tail[-5:]).replace(repository, plain)),
            hint="check the address and the network; `ingot cves --data` reads a clone or a tarball"
            " that you have",
        ) from error
