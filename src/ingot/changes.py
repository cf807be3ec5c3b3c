"""Which kernels of a catalog are not what they were at some commit.

What decides a kernel is compared as it was at the commit and as it is in the working tree,
uncommitted edits and all: what its fragments ask for, once merged, so that a comment changes no
kernel; its full config, patches, builder and pinned sources. Rules decide no byte, and are left
out. Where Ingot itself lies in the same repository and has changed, every kernel counts as
changed: the same inputs may give something else.

Nothing is resolved or downloaded for this: it takes a moment, and asks only git.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot import catalog as catalogs
from ingot.catalog import Catalog, Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.git_program import git
from ingot.kconfig import OptionRequest
from ingot.pipeline import written_by_hand
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.progress import Progress
from ingot.source.origins import deciding
from ingot.version import Series

PACKAGE = Path(__file__).resolve().parent
PROJECT_FILES = ("pyproject.toml", "requirements.lock")
"""What of Ingot, beside its package, can change what is built."""

_SHA_LENGTHS = (40, 64)


@dataclass(frozen=True, slots=True)
class KernelChange:
    """A kernel that is not what it was, and why, in a few words."""

    kernel: Kernel
    reason: str


def changed_since(
    ref: str,
    catalog: Catalog,
    kernels: Sequence[Kernel],
    progress: Progress,
    *,
    package: Path = PACKAGE,
) -> list[KernelChange]:
    """Those of `kernels`, which are of `catalog`, that differ from what git has at `ref`.

    All of them if there is nothing to compare with: `ref` is all zeros, which is how git and
    GitHub name the commit before the first one, the catalog was not there, or it cannot be read
    (a note says so). A UserError if the catalog is not in a git repository, if `ref` is not
    known there, or if the catalog as it is now has mistakes.
    """
    prefix = _place_in_repository(catalog.root)
    if len(ref) in _SHA_LENGTHS and not ref.strip("0"):
        return _all(kernels, "there is no commit before")
    commit = _commit(ref, catalog.root)
    if tool := _changed_tool(commit, catalog.root, package):
        return _all(kernels, f"Ingot itself has changed: {tool}")
    with _catalog_at(commit, prefix, catalog.root, progress) as earlier:
        if earlier is None:
            return _all(kernels, "there is no earlier catalog to compare with")
        return list(_differing(kernels, catalog, earlier))


def sample(catalog: Catalog, kernels: Iterable[Kernel]) -> list[Kernel]:
    """A few kernels that stand for all of them, for a check that is to be quick.

    Of each series, in its newest version: for each arch the kernel that asks for the fewest
    options, which compiles soonest, and on the primary arch the one that asks for the most.
    """
    given = list(kernels)
    newest: dict[Series, list[Kernel]] = {}
    for kernel in sorted(given, key=lambda kernel: kernel.version, reverse=True):
        same = newest.setdefault(kernel.version.series, [])
        if not same or same[0].version == kernel.version:
            same.append(kernel)
    chosen: set[Kernel] = set()
    for same in newest.values():
        sizes = {kernel: _size(catalog.requests(kernel)) for kernel in same}
        for arch in {kernel.arch for kernel in same}:
            chosen.add(min((k for k in same if k.arch == arch), key=sizes.__getitem__))
        if primary := [kernel for kernel in same if kernel.primary]:
            chosen.add(max(primary, key=sizes.__getitem__))
    return [kernel for kernel in given if kernel in chosen]


def _size(requests: Mapping[str, OptionRequest]) -> int:
    return sum(request.value != "n" for request in requests.values())


def _all(kernels: Iterable[Kernel], reason: str) -> list[KernelChange]:
    return [KernelChange(kernel, reason) for kernel in kernels]


# What decides a kernel


def _differing(
    kernels: Iterable[Kernel], catalog: Catalog, earlier: Catalog
) -> Iterator[KernelChange]:
    before = {_identity(kernel): kernel for kernel in earlier.kernels}
    for kernel in kernels:
        new = _inputs(catalog, kernel)
        old_kernel = before.get(_identity(kernel))
        if old_kernel is None:
            yield KernelChange(kernel, "it is new")
            continue
        try:
            old = _inputs(earlier, old_kernel)
        except UserError as error:
            yield KernelChange(kernel, f"what it was cannot be read: {error.what}")
            continue
        if different := [name for name in new if new[name] != old[name]]:
            yield KernelChange(kernel, f"changed: {', '.join(different)}")


def _identity(kernel: Kernel) -> tuple[object, ...]:
    return kernel.version, kernel.arch, kernel.flavor.name


def _inputs(catalog: Catalog, kernel: Kernel) -> dict[str, object]:
    """All that a catalog says of a kernel and that can change its images or their tags."""
    plan = make_plan(catalog, kernel)
    return {
        "tag": kernel.tag,
        "source": [
            (name, kernel.pins.get(name, decides)) for name, decides in deciding(catalog).items()
        ],
        "builder": (kernel.builder, _digests(catalog.root / "builders", _locks_of(kernel))),
        "config": _config(plan),
        "patches": plan.patch_digests,
    }


def _config(plan: Plan) -> tuple[object, ...]:
    """What decides the config: a full one by hand takes the place of the fragments."""
    if plan.full_config is None:
        return (plan.fragments_text,)
    full = Digest.of_file(plan.full_config)
    return (full,) if written_by_hand(plan.full_config) else (full, plan.fragments_text)


def _locks_of(kernel: Kernel) -> str:
    """The lock files of the kernel's builder, on whatever machine it compiles."""
    return f"{kernel.builder.name}-*.lock"


def _digests(folder: Path, pattern: str) -> list[tuple[str, Digest]]:
    return [(path.name, Digest.of_file(path)) for path in sorted(folder.glob(pattern))]


# What git has


def _git(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run git in a folder; its exit code, and what it printed. Paths are taken as they are.

    A directory that only looks like a bare repository, with settings of its own, is not taken for
    one.
    """
    arguments = ["-C", str(folder), "-c", "safe.bareRepository=explicit", *words]
    settings = {"GIT_LITERAL_PATHSPECS": "1", **(env or {})}
    result = git(arguments, env=settings, check=False, converted=True)
    return result.returncode, result.output.removesuffix("\n")


def _last_line(text: str) -> str:
    """A program's answer, without the warnings before it."""
    return text.rpartition("\n")[2]


def _place_in_repository(root: Path) -> str:
    """The catalog folder's path in its repository: empty at the top, else it ends in a slash."""
    code, output = _git(root, "rev-parse", "--show-prefix")
    if code != 0:
        raise UserError(
            f"the catalog {root} is in no git repository to compare with",
            why=output,
            hint="leave out --changed-since, which lists every kernel",
        )
    return _last_line(output)


def _commit(ref: str, root: Path) -> str:
    """The commit that `ref` names."""
    # no name of git's begins so, and git would take it for an option
    if not ref.startswith("-"):
        code, output = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if code == 0:
            return _last_line(output)
    shallow = _last_line(_git(root, "rev-parse", "--is-shallow-repository")[1]) == "true"
    raise UserError(
        f"git does not know the commit '{ref}'",
        why="this is a shallow clone, without the commits before its last" if shallow else "",
        hint="clone the whole history (actions/checkout: `fetch-depth: 0`; here:"
        " `git fetch --unshallow`)"
        if shallow
        else "name a commit, branch or tag of this repository, or fetch it first",
    )


def _changed_tool(commit: str, root: Path, package: Path) -> str:
    """A file of Ingot's that differs from what it was; empty if none does.

    Only what is in the catalog's own repository can be compared: elsewhere it is whoever runs
    Ingot who says which one.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if _git(package, "rev-parse", "--show-toplevel") != top:
        return ""
    project = package.parents[1]
    paths = [str(package), *(str(project / name) for name in PROJECT_FILES)]
    if (
        _git(package, "diff", "--quiet", "--no-ext-diff", "--no-textconv", commit, "--", *paths)[0]
        != 0
    ):
        names = _git(
            package, "diff", "--name-only", "--no-ext-diff", "--no-textconv", commit, "--", *paths
        )[1]
        return _last_line(names)
    new = ["--others", "--full-name", "--exclude-standard", "--exclude=__pycache__"]
    return _last_line(_git(package, "ls-files", *new, "--", *paths)[1])


@contextlib.contextmanager
def _catalog_at(
    commit: str, prefix: str, root: Path, progress: Progress
) -> Iterator[Catalog | None]:
    """The catalog as it was at a commit, for as long as the body lasts; None if there is none.

    Its files are written out as git would write them into the working tree, so that what a
    checkout does to them (ends of lines, filters) is no difference.
    """
    if _git(root, "cat-file", "-e", f"{commit}:{prefix}{catalogs.FILE_NAME}")[0] != 0:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ingot-") as folder:
        own_index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        tree = Path(folder) / "tree"
        into = [f"--prefix={prefix}"] if prefix else []
        for words in (
            ["read-tree", *into, f"{commit}:{prefix}"],
            ["checkout-index", "--all", "--quiet", f"--prefix={tree}{os.sep}"],
        ):
            code, output = _git(root, *words, env=own_index)
            if code != 0:
                raise UserError(
                    f"git could not give the catalog of {commit[:12]}",
                    why=output,
                    hint="clone the whole history (actions/checkout: `fetch-depth: 0`)",
                )
        try:
            earlier = catalogs.load(tree / prefix)
        except UserError as error:
            progress.note(
                f"the catalog of {commit[:12]} cannot be read by this Ingot, so every kernel"
                f" counts as changed: {' '.join(error.why.split()) or error.what}"
            )
            earlier = None
        yield earlier
