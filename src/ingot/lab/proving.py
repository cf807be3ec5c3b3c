"""Selects the checks that a kernel must pass when it boots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingot.arch import Arch
from ingot.catalog import Catalog, GuestCheck, Kernel, fragments_for
from ingot.errors import UserError
from ingot.images import MODULES, added_modules
from ingot.kconfig import Config
from ingot.lab.booting import DISKS
from ingot.lab.config_reader import NamedConfig
from ingot.oci import Image
from ingot.suggestions import suggestion
from ingot.version import Series

NO_CHECKS = "none"
"""The name that selects no checks: only the release and a clean end are tested."""


def checks_of_kernel(
    catalog: Catalog, kernel: Kernel, names: Sequence[str] = (), *, config: Config | None = None
) -> tuple[GuestCheck, ...]:
    """The checks of a kernel of the catalog, whatever its config is: a lost option must fail.

    A full config written by hand requests other options than the kernel's fragments. If the kernel
    has one, a check of an option that is off in `config`, its resolved config, is skipped with that
    reason. `names` selects others; see `_chosen`.
    """
    if names:
        return _chosen(catalog, names, kernel.version.series, kernel.arch)
    checks = catalog.guest_checks(kernel)
    if config is None or not catalog.has_own_config(kernel):
        return checks
    return tuple(_unless_off(check, config) for check in checks)


def _unless_off(check: GuestCheck, config: Config) -> GuestCheck:
    off = [option for option in check.options if config.value(option) == "n"]
    if check.unfit or not off:
        return check
    return replace(check, unfit=f"the full config has {', '.join(off)} off")


def checks_of_config(
    catalog: Catalog, config: NamedConfig | None, names: Sequence[str] = (), *, modules: bool = True
) -> tuple[GuestCheck, ...]:
    """The checks of a kernel from any origin: those whose options are on in its config.

    Without `modules`, only options that are built in count. A kernel without a known config gets no
    checks. `names` selects others; see `_chosen`.
    """
    if config is None or config.series is None or config.arch is None:
        if set(names) <= {NO_CHECKS}:
            return ()
        raise UserError(
            "checks cannot be selected for this kernel: its series and arch are not known",
            why="which checks apply depends on both, and the kernel has no config to read them"
            " from",
            hint=f"leave out --checks, or pass --checks {NO_CHECKS}",
        )
    if names:
        return _chosen(catalog, names, config.series, config.arch)
    absent = {"n"} if modules else {"n", "m"}
    return tuple(
        check
        for check in all_checks(catalog, config.series, config.arch)
        if not absent & {config.value(option) for option in check.options}
    )


def checks_of_modules(image: Image) -> tuple[GuestCheck, ...]:
    """The checks that each out-of-tree module of an image loads; none for other images."""
    return tuple(
        GuestCheck(
            name=f"module-{name}",
            about="the module was compiled for this kernel, and loads",
            feature=MODULES,
            run=("load-module", name),
        )
        for name in dict.fromkeys(added_modules(image.labels))
    )


def all_checks(catalog: Catalog, series: Series, arch: Arch) -> tuple[GuestCheck, ...]:
    """Every check in the catalog for kernels of a series on an arch."""
    vmms = (vmm.name for vmm in catalog.vmms.values() if vmm.boots(series, arch))
    features = (one.name for one in catalog.features.values() if one.available_in(series))
    return catalog.guest_checks_of(fragments_for(arch, vmms, features), series, arch)


def _chosen(
    catalog: Catalog, names: Sequence[str], series: Series, arch: Arch
) -> tuple[GuestCheck, ...]:
    """The checks with these names, and all checks of the features, VMMs and bases with these names.

    They are in the catalog's order, on which some checks depend. UserError for an unknown name,
    listing the known ones.
    """
    if list(names) == [NO_CHECKS]:
        return ()
    if NO_CHECKS in names:
        raise UserError(
            f"'{NO_CHECKS}' cannot be combined with other checks",
            hint=f"write --checks {NO_CHECKS} alone, or leave it out",
        )
    known = all_checks(catalog, series, arch)
    owners = {
        name: catalog.guest_checks_of([fragment], series, arch)
        for fragment in dict.fromkeys(check.feature for check in known)
        for name in (fragment, fragment.rpartition("/")[2])
    }
    chosen: dict[str, GuestCheck] = {}
    for name in names:
        found = owners.get(name, ()) or tuple(check for check in known if check.name == name)
        if not found:
            what = f"there is no check '{name}' for {series} on {arch.name}"
            names = sorted(check.name for check in known)
            raise UserError(
                what,
                why=f"the checks are: {', '.join(names)}",
                hint=suggestion(name, [*names, *owners, *DISKS, NO_CHECKS])
                or f"all checks of a feature: --checks FEATURE; none: --checks {NO_CHECKS}; with"
                " the root on a disk: --checks root-on-disk or modules-volume",
            )
        chosen |= {check.name: check for check in found}
    order = {check.name: place for place, check in enumerate(known)}
    return tuple(sorted(chosen.values(), key=lambda check: order[check.name]))
