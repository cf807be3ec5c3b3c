"""Kernel trees with patches applied: a copy, because the original tree is shared.

    <work>/.staging-*/tree    the copy, removed after the build, or left by a killed build

The copy shares its files with the original by hard links. `git apply` replaces the files that it
changes, so the original does not change.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import remove_tree, staging_directory
from ingot.git_program import git
from ingot.process import CommandFailedError, run
from ingot.progress import Progress
from ingot.source.origin import Source
from ingot.source.trees.tree_copy import copy_tree
from ingot.version import KernelVersion

_FAILED = re.compile(r"error: patch failed: (?P<file>.+):(?P<line>\d+)")
_FILE = re.compile(r"(?:---|\+\+\+) (?:[^/\t]+/)?(?P<file>[^\t]+)")
_HUNK = re.compile(r"@@ -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@.*")


@contextlib.contextmanager
def patched_tree(
    source: Source,
    patches: Sequence[Path],
    hashed: Sequence[Digest],
    work: Path,
    progress: Progress,
) -> Iterator[Path]:
    """The tree to compile: the source's own, or a copy in `work` with the patches applied.

    The copy is removed at the end. UserError for a patch that does not apply, with git's message
    (file and hunk). The recipe contains the digests `hashed`: VerificationError for a patch that
    has changed since it was hashed.
    """
    if not patches:
        yield source.tree
        return
    with staging_directory(work) as directory:
        tree = directory / "tree"
        texts = [_read(patch, digest) for patch, digest in zip(patches, hashed, strict=True)]
        with progress.step("patch") as step:
            if source.in_place and os.geteuid() == 0:
                copy_tree(source.tree, tree)
            else:
                _copy(source.tree, tree)
            for number, (patch, text) in enumerate(zip(patches, texts, strict=True), start=1):
                step.advance(number, len(patches), patch.name)
                _apply(patch, text, tree, source.version)
            _settle(tree)
            step.result(f"{len(patches)} applied")
        yield tree


def digests(patches: Sequence[Path]) -> tuple[Digest, ...]:
    """The digests of patch files, in their order."""
    return tuple(Digest.of_file(patch) for patch in patches)


def _settle(tree: Path) -> None:
    """Give the files that git wrote the modes of an unpacked tree, independent of the umask.

    Git writes regular files with the mode 0666 or 0777 less the umask, and creates directories.
    Files with more than one hard link are shared with the original, and are not changed.
    """
    directories = ("-type", "d", "!", "-perm", "-0005")
    files = ("-type", "f", "-links", "1", "!", "-perm", "-0004")
    closed = ("(", *directories, "-o", *files, ")")
    run(["find", str(tree), *closed, "-exec", "chmod", "a+rX", "{}", "+"])


def _read(patch: Path, digest: Digest) -> bytes:
    text = patch.read_bytes()
    if Digest.of(text) != digest:
        raise VerificationError(
            f"the patch {patch.name} was changed while it was used",
            hint="run the same command again",
        )
    return text


def _copy(tree: Path, to: Path) -> None:
    """Copy with hard links if the file system allows it, else by content."""
    try:
        run(["cp", "-al", "--", str(tree), str(to)])
    except CommandFailedError:
        run(["rm", "-rf", "--", str(to)])
        run(["cp", "-a", "--reflink=auto", "--", str(tree), str(to)])
    # git looks for a repository where it applies a patch: it must not find one here
    repository = to / ".git"
    if repository.is_dir():
        remove_tree(repository)
    else:
        repository.unlink(missing_ok=True)


def _apply(patch: Path, text: bytes, tree: Path, version: KernelVersion) -> None:
    """Apply the bytes of a patch, from a private file next to the tree."""
    file = tree.parent / "patch"
    file.write_bytes(text)
    try:
        _git_apply(file, tree)
    except CommandFailedError as error:
        if _is_applied(file, tree):
            raise UserError(
                f"linux {version} has the patch {patch.name} already",
                why="all its changes are in the source: git could revert it, but not apply it",
                hint=_without_applied(version),
            ) from error
        hunks = _hunks(text.decode("utf-8", errors="replace"))
        raise UserError(
            f"the patch {patch.name} does not apply",
            why="\n".join(_with_hunk(line, hunks) for line in error.tail),
            hint=f"update the patch for linux {version}; if this version has the fix in another"
            " form, limit the patch to earlier versions with `until` in its [[patches]] table of"
            " the catalog",
        ) from error


def _git_apply(file: Path, tree: Path, *options: str) -> None:
    # in a repository above the tree, git would resolve the patch's paths relative to that one
    env = {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    words = ["-C", str(tree), "apply", "--whitespace=nowarn", *options, str(file.absolute())]
    git(words, env=env)


def _is_applied(file: Path, tree: Path) -> bool:
    """Whether the tree has all changes of a patch, so that it could be reverted."""
    try:
        _git_apply(file, tree, "--reverse", "--check")
    except CommandFailedError:
        return False
    return True


def _without_applied(version: KernelVersion) -> str:
    """What to do about a patch whose changes this version has."""
    if not version.patch:
        return "leave out its --patch, or remove it from the catalog"
    before = KernelVersion(version.series, version.patch - 1)
    return (
        "leave out its --patch; a patch of the catalog ends with"
        f' `until = "{before}"`, or an earlier version, in its [[patches]] table'
    )


def _with_hunk(line: str, hunks: dict[tuple[str, str], str]) -> str:
    """A line of git's output, with the name of the hunk added that git identifies by its line."""
    match = _FAILED.fullmatch(line)
    hunk = hunks.get((match["file"], match["line"])) if match else None
    return f"{line} ({hunk})" if hunk else line


def _hunks(patch: str) -> dict[tuple[str, str], str]:
    """The name of each hunk of a patch (`hunk 2, @@ ...`), by its file and its first line.

    The files are named as in git's messages, old and new name, without the first path component.
    """
    found: dict[tuple[str, str], str] = {}
    files: set[str] = set()
    count = 0
    for line in patch.splitlines():
        if match := _HUNK.fullmatch(line):
            count += 1
            for file in files:
                found.setdefault((file, match["line"]), f"hunk {count}, {line}")
        elif match := _FILE.fullmatch(line):
            if line.startswith("---"):
                files, count = set(), 0
            files.add(match["file"])
    return found
