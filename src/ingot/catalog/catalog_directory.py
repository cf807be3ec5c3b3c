"""The catalog directory as a whole: its kernels, and the paths of their files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingot import kconfig
from ingot.arch import Arch
from ingot.catalog import (
    catalog_edit,
    kernel_selection,
    kernel_variants,
    patch_selection,
    toolchain_choice,
)
from ingot.catalog.budgets import Budget, budget_of
from ingot.catalog.catalog_model import DEFAULT_FLAVOR, BuilderSpec, Feature, Kernel, Origins, Vmm
from ingot.catalog.full_config_files import written_by_hand
from ingot.catalog.guest_checks import GuestCheck, load_guest_checks, merged
from ingot.catalog.patch_selection import PatchBounds
from ingot.catalog.value_patterns import WORDS
from ingot.errors import UserError, require_none
from ingot.files import write_atomic
from ingot.kconfig.waivers import Waiver
from ingot.version import Series
from ingot.write_access import require_writable

FILE_NAME = "kernels.toml"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A parsed catalog directory.

    `kernels` are sorted by version, then in the file's order of flavors, then of arches.
    `features`, `vmms`, `builders`, `bounds` (which kernels get a patch), `budgets` and `flavors`
    (the names of all that are defined) are in the order of the file. `strict` makes errors of the
    warnings about configs, `waivers` accept findings about them.
    """

    root: Path
    kernels: tuple[Kernel, ...]
    origins: Origins
    features: Mapping[str, Feature] = field(hash=False)
    vmms: Mapping[str, Vmm] = field(hash=False)
    bounds: tuple[PatchBounds, ...] = ()
    builders: Mapping[str, BuilderSpec] = field(default_factory=dict, hash=False)
    budgets: tuple[Budget, ...] = ()
    flavors: tuple[str, ...] = ()
    strict: bool = False
    waivers: tuple[Waiver, ...] = ()

    @property
    def file(self) -> Path:
        return self.root / FILE_NAME

    @property
    def store(self) -> Path:
        """The image store: an OCI layout next to the catalog."""
        return self.root.parent / "images"

    @property
    def keyring(self) -> Path:
        """The keys that sign kernel.org releases."""
        return self.root / "keyrings" / "kernel.org.gpg"

    @property
    def list_keyring(self) -> Path:
        """The key that signs kernel.org's checksum files, and nothing else."""
        return self.root / "keyrings" / "kernel.org-lists.gpg"

    @property
    def rules(self) -> Path:
        """The file of known problems (see `kconfig.rules`)."""
        return self.root / "rules.toml"

    def select(
        self, names: Sequence[str], *, arches: Sequence[str] = (), flavors: Sequence[str] = ()
    ) -> list[Kernel]:
        """The kernels that versions, series or tags name; see `kernel_selection.select`."""
        try:
            return kernel_selection.select(
                self.kernels, self.features, names, arches, flavors, self.flavors
            )
        except kernel_selection.UnknownKernelError as error:
            more = f"`ingot add VERSION` adds one to {self.file}"
            hint = f"{error.hint} {more}" if error.hint else more
            raise UserError(error.what, why=error.why, hint=hint) from None

    def variant(self, kernel: Kernel, with_: Sequence[str], without: Sequence[str]) -> Kernel:
        """The kernel with features added or removed; see `kernel_variants.variant`."""
        return kernel_variants.variant(self.features, kernel, with_, without)

    def compiled_in(self, kernel: Kernel, builder: str) -> Kernel:
        """The kernel with another builder, by its name or kind; see `toolchain_choice.chosen`."""
        return replace(
            kernel, builder=toolchain_choice.chosen(self.builders, kernel.builder, builder)
        )

    def minimums(self, series: Series) -> dict[str, str]:
        """The oldest tools that compile a series; see `toolchain_choice.minimums`."""
        return toolchain_choice.minimums(self.root / "toolchain.toml", series)

    def config_file(self, kernel: Kernel) -> Path:
        """The path of the kernel's full config, which need not exist."""
        flavor = "" if kernel.flavor.name == DEFAULT_FLAVOR else f"-{kernel.flavor.name}"
        return self.root / "configs" / f"linux-{kernel.arch.name}-{kernel.version}{flavor}.config"

    def has_own_config(self, kernel: Kernel) -> bool:
        """Whether the kernel has a full config that was written by hand, not by Ingot."""
        return written_by_hand(self.config_file(kernel))

    def fragment_file(self, name: str) -> Path:
        """The file of the fragment with this name, such as `feature/bpf`."""
        return self.root / "fragments" / f"{name}.config"

    def guest_checks(self, kernel: Kernel) -> tuple[GuestCheck, ...]:
        """The checks of a kernel; one that does not apply to it says why (`unfit`)."""
        return self.guest_checks_of(kernel.fragments, kernel.version.series, kernel.arch)

    def guest_checks_of(
        self, fragments: Iterable[str], series: Series, arch: Arch
    ) -> tuple[GuestCheck, ...]:
        """The checks of some fragments, for kernels of `series` on `arch`, each once.

        A UserError lists the mistakes in the files (see `guest_checks`).
        """
        found = (
            check.fitted(series, arch)
            for name in fragments
            for check in load_guest_checks(self.root / "fragments" / f"{name}.toml", name)
        )
        return merged(found)

    def requests(
        self, kernel: Kernel, more: Iterable[kconfig.OptionRequest] = ()
    ) -> dict[str, kconfig.OptionRequest]:
        """All options that the kernel's fragments, and `more` of another one, request, merged."""
        return self._merged(
            kernel.fragments,
            kernel.version.series,
            kernel.arch,
            more,
            monolithic=kernel.flavor.monolithic,
        )

    def all_requests(self) -> tuple[kconfig.OptionRequest, ...]:
        """The requests of all fragments, for any series and arch; a mistake hides a fragment's."""
        found: list[kconfig.OptionRequest] = []
        for path in sorted((self.root / "fragments").glob("*/*.config")):
            name = path.relative_to(self.root / "fragments").as_posix()
            with contextlib.suppress(UserError, OSError):
                found += kconfig.load_fragment(path, name)
        return tuple(found)

    def feature_requests(
        self, name: str, series: Series, arch: Arch
    ) -> dict[str, kconfig.OptionRequest]:
        """The options that a feature and its needs request, for kernels of `series` on `arch`.

        A UserError if the feature does not exist, or not in that series.
        """
        closed = kernel_variants.close(
            [kernel_variants.known(self.features, name, "feature")], self.features
        )
        feature = self.features[name]
        if not feature.available_in(series):
            raise UserError(
                f"the feature {name} is not available in series {series}",
                why=f"its first series is {feature.since}",
            )
        return self._merged([f"feature/{each}" for each in closed], series, arch)

    def vmm_requests(
        self, name: str, series: Series, arch: Arch
    ) -> dict[str, kconfig.OptionRequest]:
        """The options that a VMM requests, for kernels of `series` on `arch`.

        A UserError if the catalog has no such VMM, or it does not boot that series.
        """
        vmm = self.vmms[kernel_variants.known(self.vmms, name, "VMM")]
        if not vmm.boots(series, arch):
            raise UserError(
                f"{name} does not boot series {series} on {arch.name}",
                why=f"it boots {vmm.limit(series, arch)}",
            )
        return self._merged([f"vmm/{name}"], series, arch)

    def vmm_needs(self, name: str, series: Series, arch: Arch) -> dict[str, kconfig.OptionRequest]:
        """The options that a VMM needs in any kernel: those of `vmm_requests` that are to be on.

        The others are off, or numbers: they suit the catalog's own kernels, and a kernel with other
        values works in the VMM as well. Errors as for `vmm_requests`.
        """
        requests = self.vmm_requests(name, series, arch)
        return {option: one for option, one in requests.items() if one.value in ("y", "m")}

    def require_feature_name(self, name: str) -> None:
        """A UserError if a feature cannot have this name, which becomes part of tags."""
        if name in self.features:
            return
        arches = {word for kernel in self.kernels for word in kernel.arch.names}
        words = name.split("-")
        if not re.fullmatch(WORDS, name):
            raise UserError(
                f"'{name}' is not a valid name for a feature",
                hint="use a-z and 0-9, with - between words",
            )
        if kernel_variants.RESERVED & set(words) or words[-1] in arches:
            raise UserError(
                f"'{name}' is not a valid name for a feature",
                why=f"in a tag, the words {kernel_variants.RESERVED_TEXT}, and an arch at the end,"
                " have another meaning",
                hint="choose another name",
            )

    def add_feature(
        self, name: str, about: str, needs: Sequence[str] = (), since: Series | None = None
    ) -> None:
        """Add a feature's table to the file; the caller writes its fragment."""
        text = self.file.read_text(encoding="utf-8")
        write_atomic(
            self.file, catalog_edit.add_feature(text, name, about, needs, str(since or "")).encode()
        )

    def require_writable(self) -> None:
        """MachineError if this user cannot write to the catalog: called before long work."""
        require_writable(self.root, "the catalog")

    def _merged(
        self,
        fragments: Iterable[str],
        series: Series,
        arch: Arch,
        more: Iterable[kconfig.OptionRequest] = (),
        *,
        monolithic: bool = False,
    ) -> dict[str, kconfig.OptionRequest]:
        """The options that fragments request, merged for one series and arch."""
        requests: list[kconfig.OptionRequest] = []
        errors: list[UserError] = []
        for name in fragments:
            try:
                requests += kconfig.load_fragment(self.fragment_file(name), f"{name}.config")
            except UserError as error:
                errors.append(error)
        require_none(errors, f"{len(errors)} fragments cannot be read")
        requests += more
        return kconfig.merge(requests, series, arch.name, monolithic=monolithic)

    def patches(self, kernel: Kernel) -> tuple[Path, ...]:
        """The catalog's patch files for the kernel, in the order they are applied."""
        return patch_selection.for_kernel(self.root, self.bounds, kernel)

    def waivers_of(self, kernel: Kernel) -> tuple[Waiver, ...]:
        """The waivers for a kernel, also those that have ended."""
        series, flavor, arch = kernel.version.series, kernel.flavor.name, kernel.arch.name
        return tuple(each for each in self.waivers if each.covers(series, flavor, arch))

    def budget(self, kernel: Kernel) -> Budget | None:
        """The kernel's budget, if the catalog has one."""
        return budget_of(self.budgets, kernel)
