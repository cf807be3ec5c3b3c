"""Whether the files of a catalog directory agree with its tables, and no file is ignored.

A file with a mistake in its name would not be read, and its kernel would be another one than its
author thinks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ingot.arch import all_arches
from ingot.catalog import kernel_variants, patch_selection
from ingot.catalog.catalog_form import CatalogDocument
from ingot.catalog.catalog_model import DEFAULT_FLAVOR
from ingot.catalog.quilt_series import SERIES_FILE, QuiltSeries, read_series
from ingot.errors import UserError
from ingot.toml import Mistakes
from ingot.version import KernelVersion

_CONFIG = re.compile(
    r"linux-(?P<arch>[^-]+)-(?P<version>[0-9.]+(?:-rc[0-9]+)?)(?:-(?P<flavor>.+))?"
)


def check_files(document: CatalogDocument, root: Path, mistakes: Mistakes) -> None:
    """Note every file that a table needs and that is missing, and every file that is ignored."""
    for kind, names in (("vmm", document.vmms), ("feature", document.features)):
        for name in sorted(names):
            if not (root / "fragments" / kind / f"{name}.config").is_file():
                mistakes.add((f"{kind}s", name), f"there is no file fragments/{kind}/{name}.config")
    for index, patch in enumerate(document.patches):
        if not (root / patch_selection.DIRECTORY / patch.file).is_file():
            place = ("patches", index, "file")
            mistakes.add(place, f"there is no file {patch_selection.DIRECTORY}/{patch.file}")
    for check in (_fragments, _patches, _configs, _locks):
        for message in check(document, root):
            mistakes.add((), message)


def _fragments(document: CatalogDocument, root: Path) -> Iterator[str]:
    known: dict[str, Collection[str]] = {
        "base": ("linux", *(arch.name for arch in all_arches())),
        "vmm": document.vmms,
        "feature": document.features,
    }
    for path in _files(root / "fragments"):
        if path.suffix not in (".config", ".toml"):
            continue
        name = path.relative_to(root / "fragments")
        kind = str(name.parent)
        if kind not in known:
            yield f"fragments/{name} is not in fragments/base, fragments/vmm or fragments/feature"
        elif path.stem not in known[kind]:
            yield (
                f"fragments/{name} is neither for Linux nor for an arch: name it"
                f" {' or '.join(known[kind])}"
                if kind == "base"
                else f"fragments/{name} has no table [{kind}s.{path.stem}]"
            )


def _patches(document: CatalogDocument, root: Path) -> Iterator[str]:
    directory = root / patch_selection.DIRECTORY
    quilts = _quilts(document, directory)
    named = {patch.file for patch in document.patches}
    named |= {f"{series}/{name}" for series, quilt in quilts.items() for name in quilt.patches}
    for series, quilt in quilts.items():
        for mistake in quilt.mistakes:
            yield f"{patch_selection.DIRECTORY}/{series}/{SERIES_FILE}: {mistake}"
    for path in _files(directory):
        inner = path.relative_to(directory)
        name, full = inner.as_posix(), f"{patch_selection.DIRECTORY}/{inner}"
        parent = str(inner.parent)
        if name in named or path.stem.upper() == "README":
            continue
        if path.name == SERIES_FILE and parent in quilts:
            continue
        if path.suffix not in patch_selection.SUFFIXES and path.name != SERIES_FILE:
            yield f"{full} is not applied: the name of a patch ends in .patch or .diff"
        elif not re.fullmatch(r"\d+\.\d+", parent):
            yield f"{full} is neither in the directory of a series nor in a [[patches]] table"
        elif parent not in document.series:
            have = ", ".join(document.series)
            yield f"{full} is for a series that the catalog does not have (it has {have})"
        elif parent in quilts:
            yield (
                f"{full} is not applied: {parent}/{SERIES_FILE} lists the patches of this"
                " directory, and not this one; add it there, or remove it"
            )


def _quilts(document: CatalogDocument, directory: Path) -> dict[str, QuiltSeries]:
    """The `series` files of the catalog, by the series of their directory."""
    found = {series: read_series(directory / series) for series in document.series}
    return {series: quilt for series, quilt in found.items() if quilt}


def _configs(document: CatalogDocument, root: Path) -> Iterator[str]:
    """A config of a version that the catalog does not have may be for `--source`."""
    versions = {text for series in document.series.values() for text in series.versions}
    for path in _files(root / "configs"):
        if path.suffix != ".config" and not path.name.startswith("linux-"):
            continue
        form = "name it linux-ARCH-VERSION.config or linux-ARCH-VERSION-FLAVOR.config"
        match = _CONFIG.fullmatch(path.stem)
        if not match or path.suffix != ".config":
            yield f"configs/{path.name} is not used: {form}"
        elif match["arch"] not in (names := [arch.name for arch in all_arches()]):
            yield f"configs/{path.name} is for an unknown arch (known: {', '.join(names)})"
        elif (version := match["version"]) in document.series and version not in versions:
            some = next(reversed(document.series[version].versions), f"{version}.N")
            name = path.name.replace(f"-{version}", f"-{some}", 1)
            yield f"configs/{path.name} names a series, not a version, such as {name}"
        elif not _is_version(version):
            yield f"configs/{path.name} is for '{version}', which is not a version"
        elif match["flavor"] and _flavor(match["flavor"]) not in document.flavors:
            have = ", ".join(document.flavors)
            yield f"configs/{path.name} is for a flavor that the catalog does not have ({have})"


def _locks(document: CatalogDocument, root: Path) -> Iterator[str]:
    for path in _files(root / "builders"):
        builder, _, arch = path.stem.rpartition("-")
        known = builder in document.builders and arch in (each.name for each in all_arches())
        if path.suffix == ".lock" and not known:
            yield f"builders/{path.name} is not the lock of a builder: name it BUILDER-ARCH.lock"


def _files(directory: Path) -> list[Path]:
    """The files below a directory, without hidden ones."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )


def _flavor(name: str) -> str:
    """The flavor in the name of a kernel's flavor, which can have features added or removed."""
    return kernel_variants.split(name.split("-"))[0] or DEFAULT_FLAVOR


def _is_version(text: str) -> bool:
    try:
        KernelVersion.parse(text)
    except UserError:
        return False
    return True
