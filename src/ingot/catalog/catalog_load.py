"""Reading a catalog: check the file's schema, check that its tables agree, make the values."""

from __future__ import annotations

from pathlib import Path

from ingot.catalog import catalog_checks
from ingot.catalog.budgets import Budget
from ingot.catalog.catalog_directory import FILE_NAME, Catalog
from ingot.catalog.catalog_files import check_files
from ingot.catalog.catalog_form import FORM, CatalogDocument, OriginsTable
from ingot.catalog.catalog_model import GitTags, Origins
from ingot.catalog.catalog_values import Definitions
from ingot.catalog.guest_checks import validate_guest_checks
from ingot.catalog.patch_selection import PatchBounds
from ingot.errors import UserError
from ingot.files import read_text
from ingot.toml import Mistakes
from ingot.version import KernelVersion, Series


def load(root: Path) -> Catalog:
    """Read the catalog directory `root`; a UserError has one line for each mistake.

    The fragments' check files are read here as well: otherwise a mistake in one would be found
    only by a guest, after a compile.
    """
    path = root / FILE_NAME
    text = read_text(path)
    if text is None:
        raise UserError(
            f"there is no catalog in {root}",
            why=f"{FILE_NAME} is missing",
            hint="create one with `ingot init DIR` and run Ingot in DIR, or pass --catalog",
        )
    catalog = parse(text, root)
    validate_guest_checks(root / "fragments")
    return catalog


def parse(text: str, root: Path) -> Catalog:
    """The catalog in `root`, with `text` as the contents of its file."""
    path = root / FILE_NAME
    mistakes = Mistakes(path, text)
    document = FORM.read_rest(mistakes)
    catalog_checks.check(document, mistakes)
    check_files(document, root, mistakes)
    mistakes.check()
    if not document.series:
        raise UserError(
            f"{path} lists no kernel",
            hint="`ingot add SERIES` adds the newest version of a series",
        )
    definitions = Definitions.of(document)
    kernels = definitions.kernels(mistakes)
    mistakes.check()
    origins = _origins(document.origins, root)
    bounds = _patches(document)
    return Catalog(
        root=root,
        kernels=kernels,
        origins=origins,
        features=definitions.features,
        vmms=definitions.vmms,
        bounds=bounds,
        builders=definitions.builders,
        budgets=_budgets(document),
    )


def _origins(table: OriginsTable, root: Path) -> Origins:
    git = table.git
    return Origins(
        tuple(table.order),
        tuple(table.debian_suites),
        table.kernel_org_mirror or "",
        GitTags(git.repository, root / git.keyring, git.tag) if git else None,
    )


def _patches(document: CatalogDocument) -> tuple[PatchBounds, ...]:
    return tuple(
        PatchBounds(
            table.file,
            KernelVersion.parse(table.since) if table.since else None,
            KernelVersion.parse(table.until) if table.until else None,
            tuple(map(Series.parse, table.series)),
            tuple(table.flavors),
            tuple(table.arches),
        )
        for table in document.patches
    )


def _budgets(document: CatalogDocument) -> tuple[Budget, ...]:
    return tuple(
        Budget(
            series=Series.parse(table.series),
            flavor=table.flavor,
            arch=table.arch,
            instructions=table.instructions,
            memory=table.memory,
            size=table.size,
            emulator=table.emulator or "",
        )
        for table in document.budgets
    )
