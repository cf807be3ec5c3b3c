"""Kernel trees with patches applied: a copy, since the tree they start from is shared.

    <work>/.staging-*/tree    the copy, for as long as one build lasts, or left by a killed one

The copy shares its files with the original by hard links; `git apply` writes the files it
changes anew, so the original stays as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import staging_folder
from ingot.process import CommandFailedError, run
from ingot.progress import Progress
from ingot.source.model import Source


@contextlib.contextmanager
def patched_tree(
    source: Source, patches: Sequence[Path], work: Path, progress: Progress
) -> Iterator[Path]:
    """The tree to compile: the source's own, or a copy in `work` with the patches applied.

    The copy is removed at the end. A patch that does not apply is a UserError with git's
    own words: which file, which hunk.
    """
    if not patches:
        yield source.tree
        return
    with staging_folder(work) as folder:
        tree = folder / "tree"
        with progress.step("patch") as step:
            _copy(source.tree, tree)
            for number, patch in enumerate(patches, start=1):
                step.advance(number, len(patches), patch.name)
                _apply(patch, tree)
            step.result(f"{len(patches)} applied")
        yield tree


def digests(patches: Sequence[Path]) -> tuple[Digest, ...]:
    """The digests of patch files, in their order."""
    return tuple(Digest.of_file(patch) for patch in patches)


def _copy(tree: Path, to: Path) -> None:
    """Copy by hard links where the file system allows, by content elsewhere."""
    try:
        run(["cp", "-al", "--", str(tree), str(to)])
    except CommandFailedError:
        run(["rm", "-rf", "--", str(to)])
        run(["cp", "-a", "--reflink=auto", "--", str(tree), str(to)])


def _apply(patch: Path, tree: Path) -> None:
    # a repository above the tree would make git take the patch's paths for its own
    env = {"GIT_CEILING_DIRECTORIES": str(tree.parent), "LC_ALL": "C.UTF-8"}
    words = ["git", "-C", str(tree), "apply", "--whitespace=nowarn", str(patch.absolute())]
    try:
        run(words, env=env)
    except CommandFailedError as error:
        raise UserError(
            f"the patch {patch.name} does not apply",
            why="\n".join(error.tail),
            hint="renew the patch for this version, or remove it from the catalog's patches/",
        ) from error
