"""Reading a catalog: the file's form, then whether its parts agree, then its values."""

from __future__ import annotations

from pathlib import Path

from ingot.catalog import catalog_checks
from ingot.catalog.budgets import Budget
from ingot.catalog.catalog_folder import FILE_NAME, Catalog
from ingot.catalog.catalog_form import FORM, CatalogDocument, OriginsTable
from ingot.catalog.catalog_model import GitTags, Origins
from ingot.catalog.catalog_values import Parts
from ingot.catalog.guest_checks import check_proofs
from ingot.catalog.patch_selection import PatchBounds
from ingot.errors import UserError
from ingot.files import read_text
from ingot.toml import Mistakes
from ingot.version import KernelVersion, Series


def load(root: Path) -> Catalog:
    """Read the catalog folder `root`; every mistake in it is one line of a UserError.

    The checks beside its fragments are read for their mistakes: what is wrong there would otherwise
    be found by a guest, after a compile.
    """
    path = root / FILE_NAME
    text = read_text(path)
    if text is None:
        raise UserError(
            f"there is no catalog in {root}",
            why=f"{FILE_NAME} is missing",
            hint="make one with `ingot init DIR` and run Ingot in DIR, or name one with --catalog",
        )
    catalog = parse(text, root)
    check_proofs(root / "fragments")
    return catalog


def parse(text: str, root: Path) -> Catalog:
    """The catalog that `root` is if `text` is what its file says."""
    path = root / FILE_NAME
    mistakes = Mistakes(path, text)
    document = FORM.read(mistakes)
    catalog_checks.check(document, mistakes)
    catalog_checks.check_fragments(document, root, mistakes)
    catalog_checks.check_patches(document, root, mistakes)
    mistakes.check()
    if not document.series:
        raise UserError(f"{path} names no kernel", hint="`ingot add SERIES` adds its newest")
    parts = Parts.of(document)
    kernels = parts.kernels(mistakes)
    mistakes.check()
    origins = _origins(document.origins, root)
    bounds = _patches(document)
    return Catalog(
        root=root,
        kernels=kernels,
        origins=origins,
        features=parts.features,
        vmms=parts.vmms,
        bounds=bounds,
        builders=parts.builders,
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
