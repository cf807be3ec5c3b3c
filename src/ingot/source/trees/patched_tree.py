"""Kernel trees with patches applied: a copy, since the tree they start from is shared.

    <work>/.staging-*/tree    the copy, for as long as one build lasts, or left by a killed one

The copy shares its files with the original by hard links; `git apply` writes the files it
changes anew, so the original stays as it was.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError, VerificationError
from ingot.files import remove_tree, staging_folder
from ingot.git_program import git
from ingot.process import CommandFailedError, run
from ingot.progress import Progress
from ingot.source.origin import Source
from ingot.source.trees.tree_copy import copy_tree

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

    The copy is removed at the end. A patch that does not apply is a UserError with git's
    own words: which file, which hunk. What is applied has the digests `hashed`, which name what
    is made of it: VerificationError for a patch that was changed since.
    """
    if not patches:
        yield source.tree
        return
    with staging_folder(work) as folder:
        tree = folder / "tree"
        texts = [_read(patch, digest) for patch, digest in zip(patches, hashed, strict=True)]
        with progress.step("patch") as step:
            if source.in_place and os.geteuid() == 0:
                copy_tree(source.tree, tree)
            else:
                _copy(source.tree, tree)
            for number, (patch, text) in enumerate(zip(patches, texts, strict=True), start=1):
                step.advance(number, len(patches), patch.name)
                _apply(patch.name, text, tree)
            _settle(tree)
            step.result(f"{len(patches)} applied")
        yield tree


def digests(patches: Sequence[Path]) -> tuple[Digest, ...]:
    """The digests of patch files, in their order."""
    return tuple(Digest.of_file(patch) for patch in patches)


def _settle(tree: Path) -> None:
    """Give what git wrote anew the modes of an unpacked tree, which no umask decides.

    Git writes no other files than regular ones with the mode 0666 or 0777 less the umask, and makes
    folders. Files that have more than one name are shared with the original, and stay as they are.
    """
    folders = ("-type", "d", "!", "-perm", "-0005")
    files = ("-type", "f", "-links", "1", "!", "-perm", "-0004")
    closed = ("(", *folders, "-o", *files, ")")
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
    """Copy by hard links where the file system allows, by content elsewhere."""
    try:
        run(["cp", "-al", "--", str(tree), str(to)])
    except CommandFailedError:
        run(["rm", "-rf", "--", str(to)])
        run(["cp", "-a", "--reflink=auto", "--", str(tree), str(to)])
    # git looks for a repository where it applies a patch: there is none for it to find here
    repository = to / ".git"
    if repository.is_dir():
        remove_tree(repository)
    else:
        repository.unlink(missing_ok=True)


def _apply(name: str, text: bytes, tree: Path) -> None:
    """Apply the bytes of a patch, out of a file beside the tree that nobody else knows of."""
    file = tree.parent / "patch"
    file.write_bytes(text)
    # a repository above the tree would make git take the patch's paths for its own
    env = {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    try:
        git(["-C", str(tree), "apply", "--whitespace=nowarn", str(file.absolute())], env=env)
    except CommandFailedError as error:
        hunks = _hunks(text.decode("utf-8", errors="replace"))
        raise UserError(
            f"the patch {name} does not apply",
            why="\n".join(_with_hunk(line, hunks) for line in error.tail),
            hint="renew the patch for this version; if the version carries the fix itself, end it"
            " in a [[patches]] table of the catalog with `until`",
        ) from error


def _with_hunk(line: str, hunks: dict[tuple[str, str], str]) -> str:
    """A line of git's, which tells a hunk by the line it begins at, with the hunk named."""
    match = _FAILED.fullmatch(line)
    hunk = hunks.get((match["file"], match["line"])) if match else None
    return f"{line} ({hunk})" if hunk else line


def _hunks(patch: str) -> dict[tuple[str, str], str]:
    """What to call each hunk of a patch, by its file and the line it begins at: `hunk 2, @@ ...`.

    The names are those before and after, as git applies patches: without their first folder.
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
