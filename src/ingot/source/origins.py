"""The origins that a catalog can name, each a row of `ORIGINS`.

CONTRIBUTING.md, "How to add an origin", has the steps for a new row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ingot import tools
from ingot.catalog import Catalog
from ingot.catalog.catalog_form import ORIGIN_TABLES
from ingot.errors import UserError
from ingot.source.debian.debian_origin import DebianArchive
from ingot.source.git.git_origin import GitOrigin
from ingot.source.kernel_org.kernel_org_origin import BASE_URL, KernelOrg
from ingot.source.kernel_org.releases_json import KernelOrgList
from ingot.source.origin import Origin
from ingot.source.releases import Index

_Made = TypeVar("_Made", bound=Origin)


@dataclass(frozen=True, slots=True)
class OriginRow(Generic[_Made]):
    """One kind of origin.

    `make` makes it from a catalog, and returns None if the catalog lacks its settings. `index`
    returns its list of releases; None if it has no such list. `places` returns the settings of the
    catalog that decide which source is found: a mirror of the same files is not one of them.
    """

    make: Callable[[Catalog], _Made | None]
    index: Callable[[_Made], Index] | None = None
    places: Callable[[Catalog], object] | None = None


def _kernel_org(catalog: Catalog) -> KernelOrg:
    lists = catalog.list_keyring if catalog.list_keyring.is_file() else None
    return KernelOrg(catalog.keyring, catalog.origins.kernel_org_mirror or BASE_URL, lists)


def _debian(catalog: Catalog) -> DebianArchive:
    return DebianArchive(catalog.origins.debian_suites, keyring=tools.DEBIAN_KEYRING)


def _git(catalog: Catalog) -> GitOrigin | None:
    git = catalog.origins.git
    return GitOrigin(git.repository, git.keyring, git.tag) if git else None


ORIGINS: dict[str, OriginRow[Any]] = {
    "kernel.org": OriginRow(_kernel_org, index=KernelOrgList),
    "debian": OriginRow(
        _debian,
        index=lambda archive: archive,
        places=lambda catalog: catalog.origins.debian_suites,
    ),
    "git": OriginRow(
        _git,
        places=lambda catalog: (git := catalog.origins.git) and (git.repository, git.tag),
    ),
}
"""The rows, by the name in catalogs and messages, which is also the `name` of the origin made."""


def origins_of(catalog: Catalog) -> list[Origin]:
    """The catalog's origins, in its order; UserError for a name that Ingot does not know."""
    return [made for _, made in _made(catalog)]


def indexes_of(catalog: Catalog) -> list[Index]:
    """The lists of releases of the catalog's origins that have one, in its order."""
    return [row.index(made) for row, made in _made(catalog) if row.index]


def deciding(catalog: Catalog) -> dict[str, object]:
    """The settings that decide which source each origin delivers for an unpinned version, by name.

    Two catalogs with the same value use the same places and trust the same keys.
    """
    return {
        made.name: (row.places(catalog) if row.places else (), made.trust)
        for row, made in _made(catalog)
    }


def _made(catalog: Catalog) -> Iterator[tuple[OriginRow[Any], Origin]]:
    order = catalog.origins.order
    found = ((name, ORIGINS[name].make(catalog)) for name in order if name in ORIGINS)
    made: dict[str, Origin] = {name: origin for name, origin in found if origin}
    tables = ", ".join(f"{name} needs a table [origins.{name}]" for name in ORIGIN_TABLES)
    if unknown := [name for name in order if name not in made]:
        raise UserError(
            f"the catalog names an origin that Ingot does not know: {', '.join(unknown)}",
            hint=f"choose among {', '.join(ORIGINS)}; {tables}",
        )
    for name in order:
        yield ORIGINS[name], made[name]
