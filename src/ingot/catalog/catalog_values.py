"""Converts the checked tables of a catalog's file into the values of `catalog_model`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from ingot.arch import arch
from ingot.catalog import kernel_variants
from ingot.catalog.builder_tables import ContainerBuilderTable, HostBuilderTable, RootfsBuilderTable
from ingot.catalog.catalog_form import CatalogDocument, FlavorTable, SeriesTable
from ingot.catalog.catalog_model import BuilderSpec, Feature, Flavor, Kernel, Vmm
from ingot.digest import Digest
from ingot.toml import Mistakes
from ingot.version import KernelVersion, Series


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the tables of a file define, by name, and the parsed file itself."""

    document: CatalogDocument
    builders: Mapping[str, BuilderSpec]
    features: Mapping[str, Feature]
    vmms: Mapping[str, Vmm]
    flavors: Mapping[str, Flavor]

    @classmethod
    def of(cls, document: CatalogDocument) -> Self:
        features = _features(document)
        flavors = {name: _flavor(document, name, features) for name in document.flavors}
        return cls(document, _builders(document), features, _vmms(document), flavors)

    def kernels(self, mistakes: Mistakes) -> tuple[Kernel, ...]:
        """All kernels, sorted by version; notes every kernel that no VMM would boot."""
        kernels = [
            kernel
            for name, table in self.document.series.items()
            for kernel in self._kernels(Series.parse(name), table)
        ]
        for kernel in kernels:
            if not kernel.vmms:
                mistakes.add(
                    ("series", str(kernel.version.series)),
                    f"no VMM boots its flavor '{kernel.flavor.name}' on {kernel.arch.name}",
                )
        # the sort is stable: the flavors and arches of a version stay in their order
        return tuple(sorted(kernels, key=lambda kernel: kernel.version))

    def _kernels(self, series: Series, table: SeriesTable) -> Iterator[Kernel]:
        """The kernels of one series table, with the defaults filled in."""
        defaults = self.document.defaults
        arches = [arch(name) for name in table.arches or defaults.arches]
        for text, version in table.versions.items():
            for name in table.flavors or defaults.flavors:
                for one in arches:
                    flavor = kernel_variants.available(
                        self.flavors[name], series, one, self.features, self.vmms
                    )
                    support, ends, vmms = table.supported_by, table.supported_until, flavor.vmms
                    yield Kernel(
                        version=KernelVersion.parse(text),
                        arch=one,
                        flavor=flavor,
                        builder=self.builders[table.builder or defaults.builder],
                        pins={origin: Digest(pin) for origin, pin in version.sha256.items()},
                        end_of_life=table.end_of_life,
                        support={vmm: support[vmm] for vmm in vmms if vmm in support},
                        support_ends={vmm: ends[vmm] for vmm in vmms if vmm in ends},
                        experimental=tuple(
                            vmm for vmm in vmms if one.name in self.vmms[vmm].experimental
                        ),
                        primary=one == arches[0],
                    )


def _builders(document: CatalogDocument) -> dict[str, BuilderSpec]:
    return {name: _builder(name, table) for name, table in document.builders.items()}


def _builder(
    name: str, table: RootfsBuilderTable | ContainerBuilderTable | HostBuilderTable
) -> BuilderSpec:
    if isinstance(table, HostBuilderTable):
        return BuilderSpec(name, kind=table.kind, llvm=table.llvm)
    if isinstance(table, ContainerBuilderTable):
        return BuilderSpec(
            name,
            kind=table.kind,
            image=table.image,
            engine=table.engine or "",
            packages=tuple(sorted(set(table.packages))),
            packages_on={on: tuple(packages) for on, packages in table.packages_on.items()},
            llvm=table.llvm,
            locked=table.locked,
        )
    return BuilderSpec(
        name,
        suite=table.suite,
        packages=tuple(sorted(set(table.packages))),
        kind=table.kind,
        packages_on={on: tuple(packages) for on, packages in table.packages_on.items()},
        more_suites=tuple(table.more_suites),
        components=tuple(table.components),
        mirror=(table.mirror or "").rstrip("/"),
        keyring=table.keyring or "",
        llvm=table.llvm,
        locked=table.locked,
    )


def _features(document: CatalogDocument) -> dict[str, Feature]:
    """The features; a feature is available no earlier than the features it needs."""
    bare = {
        name: Feature(
            name,
            table.about,
            tuple(table.needs),
            Series.parse(table.since) if table.since else None,
        )
        for name, table in document.features.items()
    }
    return {
        name: dataclasses.replace(
            feature, since=_latest(bare[each].since for each in kernel_variants.close([name], bare))
        )
        for name, feature in bare.items()
    }


def _latest(bounds: Iterable[Series | None]) -> Series | None:
    return max((bound for bound in bounds if bound), default=None)


def _vmms(document: CatalogDocument) -> dict[str, Vmm]:
    return {
        name: Vmm(
            name,
            table.about,
            tuple(table.experimental),
            {on: Series.parse(series) for on, series in table.since.items()},
            tuple(table.arches),
        )
        for name, table in document.vmms.items()
    }


def _flavor(document: CatalogDocument, name: str, features: Mapping[str, Feature]) -> Flavor:
    """A flavor, with the values of the flavor it is `like`, and what its features need."""
    chain = list(_likes(document.flavors, name))
    return Flavor(
        name,
        tuple(next((table.vmms for table in chain if table.vmms is not None), ())),
        kernel_variants.close(
            next((table.features for table in chain if table.features is not None), ()), features
        ),
        next((table.monolithic for table in chain if table.monolithic is not None), False),
        chain[0].about,
    )


def _likes(tables: Mapping[str, FlavorTable], name: str | None) -> Iterator[FlavorTable]:
    """The flavor's table, then that of the flavor it is `like`, and so on."""
    while name:
        yield tables[name]
        name = tables[name].like
