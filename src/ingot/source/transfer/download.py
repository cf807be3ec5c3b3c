"""Downloads files: an interrupted one is resumed, and only a verified one gets its final name.

On disk, for a file with the final name NAME:

    <downloads>/NAME              verified
    <downloads>/NAME.part         the bytes received so far
    <downloads>/NAME.part.json    its URL and the server's validators, to resume safely
    <downloads>/.NAME.lock        held while one process works on NAME; empty

A part is resumed with `Range` and `If-Range` (RFC 9110, 13.1.5 and 14.2): a server whose file
has changed, or that does not support ranges, sends the whole file, and the part starts over.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.digest import Digest
from ingot.errors import VerificationError
from ingot.files import disk_errors, locked, locked_if_free, sync_directory
from ingot.progress import Progress, Step
from ingot.units import size_text
from ingot.web import without_secrets

if TYPE_CHECKING:
    import requests

PART_SUFFIX = ".part"
STATE_SUFFIX = ".part.json"
_BREAKS = 5
_PAUSE_SECONDS = 0.5
MAX_BYTES = 4 << 30
"""The largest file that is downloaded, in bytes, even if the server announces a larger one: thirty
times the size of a kernel of 2026."""

Verify = Callable[[Path, Digest, Step], str]
"""Checks a complete file, which has this digest, before it gets its name: returns the evidence,
or raises VerificationError."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to download, with what is known about it beforehand (`size` in bytes).

    `title` is its name in messages, by default `name`.
    """

    url: str
    name: str
    size: int | None = None
    digest: Digest | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A verified file, its digest, and the evidence that the `verify` function returned."""

    path: Path
    digest: Digest
    evidence: str


def lock_of(downloads: Path, name: str) -> Path:
    """The lock file that guards the download called `name`."""
    return downloads / f".{name}.lock"


def download(
    wanted: Wanted, downloads: Path, progress: Progress, verify: Verify | None = None
) -> Downloaded:
    """Download the file `wanted` to the directory `downloads` and verify it; resumes a part.

    Raises DownloadError (a MachineError) if the download fails; the received part is kept. Raises
    VerificationError if size, digest or `verify` do not match; then nothing of it is kept.
    """

    def wait() -> None:
        title = wanted.title or wanted.name
        progress.note(f"source: waiting for another process that downloads {title}")

    path = downloads / wanted.name
    with (
        disk_errors(downloads),
        locked(lock_of(downloads, wanted.name), on_wait=wait),
        progress.step(f"download {wanted.title or wanted.name}") as step,
    ):
        if path.exists():
            # Left by a run that was killed before it used the file. It is verified again.
            try:
                return _verified(wanted, path, path, step, verify)
            except VerificationError:
                pass  # _verified has removed it
        part = downloads / (wanted.name + PART_SUFFIX)
        _Transfer(wanted, part, step).finish()
        return _verified(wanted, part, path, step, verify)


def _verified(
    wanted: Wanted, found: Path, path: Path, step: Step, verify: Verify | None
) -> Downloaded:
    """Check the complete file `found` and rename it; remove it if it is wrong."""
    try:
        size = found.stat().st_size
        if wanted.size is not None and size != wanted.size:
            raise _mismatch(wanted, f"{size} bytes", f"{wanted.size} bytes")
        digest = Digest.of_file(found)
        if wanted.digest is not None and digest != wanted.digest:
            raise _mismatch(wanted, str(digest), str(wanted.digest))
        evidence = verify(found, digest, step) if verify else "sha256"
    except VerificationError:
        _remove(found)
        raise
    if found != path:
        _name(found, path)
    step.result(f"{size_text(size)}, verified")
    return Downloaded(path, digest, evidence)


def _name(part: Path, path: Path) -> None:
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)
    sync_directory(path.parent)
    _state_of(part).unlink(missing_ok=True)


def _remove(found: Path) -> None:
    found.unlink(missing_ok=True)
    _state_of(found).unlink(missing_ok=True)


def _state_of(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(PART_SUFFIX) + STATE_SUFFIX)


def _mismatch(wanted: Wanted, found: str, expected: str) -> VerificationError:
    return VerificationError(
        f"{wanted.name} was refused and removed",
        why=f"it has {found}, expected {expected}; from {without_secrets(wanted.url)}",
        hint="if the pinned digest is right, the server's file is wrong: try another origin",
    )


class _Transfer:
    """Brings a `.part` file to its full length, over as many connections as that takes."""

    def __init__(self, wanted: Wanted, part: Path, step: Step) -> None:
        self._wanted = wanted
        self._part = part
        self._step = step

    def finish(self) -> None:
        # Imported late: the command line must start fast when nothing is downloaded.
        from ingot.source.transfer import http

        with http.session() as client:
            for attempt in range(1, _BREAKS + 1):
                before = self._have()
                try:
                    with http.get(client, self._wanted.url, self._resume_headers()) as response:
                        self._receive(response)
                    return
                except http.BrokenOffError:
                    # Another try is useless if this one received nothing.
                    if attempt == _BREAKS or self._have() == before:
                        raise
                    time.sleep(_PAUSE_SECONDS)

    def _receive(self, response: requests.Response) -> None:
        from ingot.source.transfer import http

        have = self._have()
        if response.status_code == 416 and have and _full_length(response) == have:
            return  # killed between the last byte and the check
        if response.status_code == 416:
            self._start_over()
            raise http.BrokenOffError("the file on the server has changed", why=response.url)
        http.check_status(response, 200, 206)
        if response.status_code == 200:
            have = 0
            self._start_over()
            self._remember(response)
        elif _range_start(response) != have:
            self._start_over()
            raise http.DownloadError(
                "the server sent another range than requested", why=response.url
            )
        self._append(response, have)

    def _append(self, response: requests.Response, have: int) -> None:
        from ingot.source.transfer import http

        length = _number(response.headers.get("Content-Length", ""))
        total = self._wanted.size if length is None else have + length
        if self._wanted.size is not None and total != self._wanted.size:
            _remove(self._part)
            raise _mismatch(self._wanted, f"{total} bytes", f"{self._wanted.size} bytes")
        most = MAX_BYTES if total is None else min(total, MAX_BYTES)
        if total is not None and total > MAX_BYTES:
            _remove(self._part)
            raise http.DownloadError(
                f"the file is too large: the server has {total:,} bytes for it", why=response.url
            )
        with self._part.open("ab") as file:
            for chunk in http.body(response):
                have += len(chunk)
                if have > most:
                    _remove(self._part)
                    raise http.DownloadError("the server sends too much", why=response.url)
                file.write(chunk)
                self._step.advance(have, total, unit="bytes")
        if total is not None and have < total:
            raise http.BrokenOffError(f"only {have} of {total} bytes came", why=response.url)

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _start_over(self) -> None:
        self._part.write_bytes(b"")  # emptied before the state changes: see _resume_headers
        _state_of(self._part).unlink(missing_ok=True)

    def _remember(self, response: requests.Response) -> None:
        """Store the validator that distinguishes this file from a later one with the same URL.

        A weak ETag is not a validator for ranges (RFC 9110, 13.1.5); the date is used then.
        """
        etag = response.headers.get("ETag", "")
        validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        state = {"url": without_secrets(self._wanted.url), "validator": validator}
        # Need not be atomic: a partial file is not valid JSON, and counts as missing.
        _state_of(self._part).write_text(json.dumps(state), encoding="utf-8")

    def _resume_headers(self) -> dict[str, str]:
        """Headers that request the rest of the file, or none if it must start over."""
        try:
            state = json.loads(_state_of(self._part).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        same = isinstance(state, dict) and state.get("url") == without_secrets(self._wanted.url)
        have = self._have()
        if not (same and state.get("validator") and have):
            return {}
        return {"Range": f"bytes={have}-", "If-Range": str(state["validator"])}


def _range_start(response: requests.Response) -> int:
    """The first offset in `Content-Range: bytes 5-9/10`; -1 if it cannot be read."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ")
    start = _number(text.partition("-")[0])
    return -1 if start is None else start


def _full_length(response: requests.Response) -> int:
    """The length in `Content-Range: bytes */10`; -1 if it cannot be read."""
    length = _number(response.headers.get("Content-Range", "").rpartition("/")[2])
    return -1 if length is None else length


def _number(text: str) -> int | None:
    """A number in HTTP (RFC 9110, 8.6): ASCII digits, at most 18 of them."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def remove_idle(downloads: Path, dry_run: bool) -> list[tuple[Path, int]]:
    """Remove the downloads that no process uses; returns their paths and sizes in bytes."""
    removed: list[tuple[Path, int]] = []
    for path in sorted(downloads.iterdir()) if downloads.is_dir() else []:
        if path.name.endswith(".lock") or not path.is_file():
            continue
        name = path.name.removesuffix(STATE_SUFFIX).removesuffix(PART_SUFFIX)
        with locked_if_free(lock_of(downloads, name)) as free:
            if free and path.exists():
                removed.append((path, path.stat().st_size))
                if not dry_run:
                    path.unlink()
    return removed
