"""Finds the kernels of a catalog that have changed since a commit.

The inputs of each kernel are compared between the commit and the working tree, including
uncommitted edits: its merged fragments (so a changed comment changes no kernel), full config,
patches, builder and pinned sources. Rules are not compared: they do not change the output. If Ingot
itself is in the same repository and has changed, every kernel counts as changed, because the same
inputs may give another result.

No config is resolved and nothing is downloaded: this only runs git, and is fast.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot import catalog as catalogs
from ingot.catalog import Catalog, Kernel, written_by_hand
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.git_program import git
from ingot.kconfig import OptionRequest
from ingot.pipeline.kernel_plan import Plan, make_plan
from ingot.progress import Progress
from ingot.source.origins import deciding
from ingot.version import Series

PACKAGE = Path(__file__).resolve().parent
PROJECT_FILES = ("pyproject.toml", "requirements.lock")
"""Files of Ingot outside its package that can change what is built."""

_SHA_LENGTHS = (40, 64)


@dataclass(frozen=True, slots=True)
class KernelChange:
    """A kernel that has changed, and the reason in a few words."""

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
    """Those of the catalog's `kernels` that differ from their state at the commit `ref`.

    All of them if there is nothing to compare with: if `ref` is all zeros (git and GitHub name the
    parent of the first commit so), if the commit has no catalog, or if its catalog cannot be read
    (a note says so). UserError if the catalog is not in a git repository, if `ref` is unknown
    there, or if the current catalog has mistakes.
    """
    prefix = _place_in_repository(catalog.root)
    if len(ref) in _SHA_LENGTHS and not ref.strip("0"):
        return _all(kernels, "there is no earlier commit")
    commit = _commit(ref, catalog.root)
    if tool := _changed_tool(commit, catalog.root, package):
        return _all(kernels, f"Ingot itself has changed: {tool}")
    with _catalog_at(commit, prefix, catalog.root, progress) as earlier:
        if earlier is None:
            return _all(kernels, "there is no earlier catalog to compare with")
        return list(_differing(kernels, catalog, earlier))


def sample(catalog: Catalog, kernels: Iterable[Kernel]) -> list[Kernel]:
    """A few representative kernels, for a quick check.

    Of the newest version of each series: for each arch the kernel that requests the fewest options
    (it compiles fastest), and on the primary arch also the one that requests the most.
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
            yield KernelChange(kernel, f"its earlier inputs cannot be read: {error.what}")
            continue
        if different := [name for name in new if new[name] != old[name]]:
            yield KernelChange(kernel, f"changed: {', '.join(different)}")


def _identity(kernel: Kernel) -> tuple[object, ...]:
    return kernel.version, kernel.arch, kernel.flavor.name


def _inputs(catalog: Catalog, kernel: Kernel) -> dict[str, object]:
    """The inputs from the catalog that can change a kernel's images or their tags."""
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
    """The inputs of the config: a full config written by hand replaces the fragments."""
    if plan.full_config is None:
        return (plan.fragments_text,)
    full = Digest.of_file(plan.full_config)
    return (full,) if written_by_hand(plan.full_config) else (full, plan.fragments_text)


def _locks_of(kernel: Kernel) -> str:
    """The pattern of the lock files of the kernel's builder, for every host arch."""
    return f"{kernel.builder.name}-*.lock"


def _digests(directory: Path, pattern: str) -> list[tuple[str, Digest]]:
    return [(path.name, Digest.of_file(path)) for path in sorted(directory.glob(pattern))]


# Reading from git


def _git(directory: Path, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run git in a directory; returns its exit code and output. Paths are literal, not patterns.

    A directory that only looks like a bare repository is not used as one: its settings could run
    programs.
    """
    arguments = ["-C", str(directory), "-c", "safe.bareRepository=explicit", *words]
    settings = {"GIT_LITERAL_PATHSPECS": "1", **(env or {})}
    result = git(arguments, env=settings, check=False, converted=True)
    return result.returncode, result.output.removesuffix("\n")


def _last_line(text: str) -> str:
    """The last line of a program's output: the result, without the warnings before it."""
    return text.rpartition("\n")[2]


def _place_in_repository(root: Path) -> str:
    """The catalog directory's path in its repository: empty at the top, else with a final slash."""
    code, output = _git(root, "rev-parse", "--show-prefix")
    if code != 0:
        raise UserError(
            f"the catalog {root} is not in a git repository, so there is nothing to compare with",
            why=output,
            hint="leave out --changed-since to list every kernel",
        )
    return _last_line(output)


def _commit(ref: str, root: Path) -> str:
    """The commit that `ref` names."""
    # no git ref begins with a dash; git would parse it as an option
    if not ref.startswith("-"):
        code, output = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if code == 0:
            return _last_line(output)
    shallow = _last_line(_git(root, "rev-parse", "--is-shallow-repository")[1]) == "true"
    raise UserError(
        f"git does not know the commit '{ref}'",
        why="this is a shallow clone, which lacks earlier commits" if shallow else "",
        hint="clone the whole history (actions/checkout: `fetch-depth: 0`; here:"
        " `git fetch --unshallow`)"
        if shallow
        else "name a commit, branch or tag of this repository, or fetch it first",
    )


def _changed_tool(commit: str, root: Path, package: Path) -> str:
    """A file of Ingot that differs from the commit; empty if none does.

    Ingot can only be compared if it is in the same repository as the catalog. If it is not, the
    user decides which version of Ingot runs.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if _git(package, "rev-parse", "--show-toplevel") != top:
        return ""
    project = package.parents[1]
    paths = [str(package), *(str(project / name) for name in PROJECT_FILES)]
    compare = ["--exit-code", "--name-only", "--no-ext-diff", "--no-textconv"]
    code, names = _git(package, "diff", *compare, commit, "--", *paths)
    if code != 0:
        return _last_line(names)
    new = ["--others", "--full-name", "--exclude-standard", "--exclude=__pycache__"]
    return _last_line(_git(package, "ls-files", *new, "--", *paths)[1])


@contextlib.contextmanager
def _catalog_at(
    commit: str, prefix: str, root: Path, progress: Progress
) -> Iterator[Catalog | None]:
    """The catalog at a commit, on disk until the body ends; None if the commit has none.

    git writes its files as it does in a checkout, so conversions (line endings, filters) cause no
    differences.
    """
    if _git(root, "cat-file", "-e", f"{commit}:{prefix}{catalogs.FILE_NAME}")[0] != 0:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ingot-") as directory:
        own_index = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
        tree = Path(directory) / "tree"
        into = [f"--prefix={prefix}"] if prefix else []
        for words in (
            ["read-tree", *into, f"{commit}:{prefix}"],
            ["checkout-index", "--all", "--quiet", f"--prefix={tree}{os.sep}"],
        ):
            code, output = _git(root, *words, env=own_index)
            if code != 0:
                raise UserError(
                    f"git could not read the catalog at commit {commit[:12]}",
                    why=output,
                    hint="clone the whole history (actions/checkout: `fetch-depth: 0`)",
                )
        try:
            earlier = catalogs.load(tree / prefix)
        except UserError as error:
            progress.note(
                f"the catalog at {commit[:12]} cannot be read by this Ingot, so every kernel"
                f" counts as changed: {' '.join(error.why.split()) or error.what}"
            )
            earlier = None
        yield earlier
