"""`ingot builder show`: the packages, compilers and digests of builders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ingot import pipeline
from ingot.builder.builder_image import find, tag_of
from ingot.builder.builder_lock import Lock
from ingot.builder.builder_packages import PackageChange, changes, digest_of
from ingot.catalog import BuilderSpec
from ingot.cli.builder.builder_names import Builders, builders_named
from ingot.cli.documents.parts import package_change_parts
from ingot.cli.shared.common_options import CacheDirectory, CatalogDirectory, Json, make_setting
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.digest import Digest
from ingot.setting import Project

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import BuilderPart, BuilderShowDocument

_COMPILERS = re.compile(
    r"(?:(?:gcc|clang|lld)-\d+|binutils)(?:-[a-z0-9-]+-linux-gnu)?:\S+"  # packages
    r"|(?:host-)?(?:gcc|clang|lld|binutils)"  # the tools of a machine
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A builder on this machine; `packages` and `image` are None if it is not made yet."""

    spec: BuilderSpec
    packages: tuple[str, ...] | None
    image: Digest | None
    lock: Lock | None

    @property
    def digest(self) -> Digest | None:
        return digest_of(self.packages) if self.packages is not None else None

    @property
    def compilers(self) -> list[str]:
        lines = self.packages if self.packages is not None else self.lock and self.lock.packages
        return [line for line in lines or () if _COMPILERS.fullmatch(line.partition("=")[0])]

    @property
    def changes(self) -> tuple[PackageChange, ...]:
        """The packages that differ from the lock file."""
        if self.lock is None or self.packages is None:
            return ()
        return changes(self.lock.packages, self.packages)


def show(
    names: Builders = None,
    packages: Annotated[
        bool, typer.Option("--packages", help="List all packages with their versions.")
    ] = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Show the packages and digests of builders.

    The digest is the sha256 of the package list, one package per line. Kernel images have the
    digest in the annotation dev.ingot.builder-digest, and the package list as well.
    """
    setting = make_setting(catalog, cache)
    shown = [_state(setting.project, spec) for spec in builders_named(setting, names)]
    if as_json:
        print_json(_document(setting.project, shown))
        return
    console = make_console()
    for one in shown:
        _print(console, setting.project, one, listed=packages)


def _state(project: Project, spec: BuilderSpec) -> _Shown:
    site = pipeline.site_of(project)
    image = find(spec, site)
    lock = site.lock(spec)
    packages = pipeline.packages_of(project, spec)
    return _Shown(spec, packages, image.digest if image else None, lock)


def _print(console: Terminal, project: Project, shown: _Shown, *, listed: bool) -> None:
    spec = shown.spec
    rows = [("kind", spec.kind), ("compiler", "clang" if spec.llvm else "gcc")]
    if spec.suite:
        rows.append(("suite", " ".join((spec.suite, *spec.more_suites))))
    if spec.image:
        rows.append(("from", spec.image))
    rows.append(("for", f"{pipeline.site_of(project).host.name} machines"))
    rows.append(("digest", str(shown.digest or f"not made yet: `ingot builder make {spec.name}`")))
    if shown.image:
        rows.append(("image", f"{tag_of(spec)}  {shown.image}"))
    rows += _titled("lock", [_lock_text(shown), *(f"  {one.text}" for one in shown.changes)])
    rows += _titled("toolchain", [line.replace("=", " ", 1) for line in shown.compilers])
    lines = shown.packages if shown.packages is not None else ()
    rows += _titled("packages", [str(len(lines)), *(lines if listed else ())])
    console.say(spec.name, style="bold")
    for title, text in rows:
        console.say(f"  {title:<10} {text}")


def _titled(title: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """One row per line; only the first row has the title."""
    return [("" if at else title, line) for at, line in enumerate(lines)]


def _lock_text(shown: _Shown) -> str:
    if shown.lock is None:
        return "none" if not shown.spec.locked else "none, and `locked = true`: builds are refused"
    if shown.packages is None:
        return str(shown.lock.path)
    count = len(shown.changes)
    return f"{shown.lock.path}: {f'{count} packages differ' if count else 'no difference'}"


def _document(project: Project, shown: Sequence[_Shown]) -> BuilderShowDocument:
    return {"builders": [_part(project, one) for one in shown]}


def _part(project: Project, shown: _Shown) -> BuilderPart:
    spec, lock = shown.spec, shown.lock
    return {
        "builder": spec.name,
        "kind": spec.kind,
        "llvm": spec.llvm,
        "suite": spec.suite or None,
        "base_image": spec.image or None,
        "arch": pipeline.site_of(project).host.name,
        "digest": str(shown.digest) if shown.digest else None,
        "image": tag_of(spec) if shown.image else None,
        "image_digest": str(shown.image) if shown.image else None,
        "lock": str(lock.path) if lock else None,
        "lock_digest": str(lock.digest) if lock else None,
        "changes": package_change_parts(shown.changes),
        "compilers": shown.compilers,
        "packages": list(shown.packages) if shown.packages is not None else None,
    }
