"""The catalog folder as a whole: its kernels, and where their files are."""

from __future__ import annotations

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
from ingot.catalog.guest_checks import Proof, load_proofs, merged
from ingot.catalog.patch_selection import PatchBounds
from ingot.catalog.value_patterns import WORDS
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.version import Series

FILE_NAME = "kernels.toml"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog folder, read.

    `kernels` are sorted by version; of one version, in the order of its flavors and, in each,
    of its arches. `features`, `vmms` and `builders` are in the order of the file, as are
    `bounds`, which say for which kernels some patches are, and `budgets`.
    """

    root: Path
    kernels: tuple[Kernel, ...]
    origins: Origins
    features: Mapping[str, Feature] = field(hash=False)
    vmms: Mapping[str, Vmm] = field(hash=False)
    bounds: tuple[PatchBounds, ...] = ()
    builders: Mapping[str, BuilderSpec] = field(default_factory=dict, hash=False)
    budgets: tuple[Budget, ...] = ()

    @property
    def file(self) -> Path:
        return self.root / FILE_NAME

    @property
    def store(self) -> Path:
        """Where the images go: an OCI layout beside the catalog."""
        return self.root.parent / "images"

    @property
    def keyring(self) -> Path:
        """The keys that sign kernel.org releases."""
        return self.root / "keyrings" / "kernel.org.gpg"

    @property
    def list_keyring(self) -> Path:
        """The key that signs kernel.org's lists of files, and nothing else."""
        return self.root / "keyrings" / "kernel.org-lists.gpg"

    @property
    def rules(self) -> Path:
        """What is known to go wrong (see `kconfig.rules`)."""
        return self.root / "rules.toml"

    def select(
        self, names: Sequence[str], *, arches: Sequence[str] = (), flavors: Sequence[str] = ()
    ) -> list[Kernel]:
        """The kernels that versions, series or tags name; see `selection.select`."""
        try:
            return kernel_selection.select(self.kernels, self.features, names, arches, flavors)
        except kernel_selection.UnknownKernelError as error:
            raise UserError(
                error.what,
                why=error.why,
                hint=f"`ingot add VERSION` adds one to {self.file}",
            ) from None

    def variant(self, kernel: Kernel, with_: Sequence[str], without: Sequence[str]) -> Kernel:
        """The kernel with some features more or less; see `variants.variant`."""
        return kernel_variants.variant(self.features, kernel, with_, without)

    def compiled_in(self, kernel: Kernel, builder: str) -> Kernel:
        """The kernel in a builder that is named, or of a kind; see `toolchain.chosen`."""
        return replace(
            kernel, builder=toolchain_choice.chosen(self.builders, kernel.builder, builder)
        )

    def minimums(self, series: Series) -> dict[str, str]:
        """The oldest versions of tools that compile a series; see `toolchain.minimums`."""
        return toolchain_choice.minimums(self.root / "toolchain.toml", series)

    def config_file(self, kernel: Kernel) -> Path:
        """Where the kernel's full config is kept, whether it is there or not."""
        flavor = "" if kernel.flavor.name == DEFAULT_FLAVOR else f"-{kernel.flavor.name}"
        return self.root / "configs" / f"linux-{kernel.arch.name}-{kernel.version}{flavor}.config"

    def fragment_file(self, name: str) -> Path:
        """The file of the fragment that is called so, such as `feature/bpf`."""
        return self.root / "fragments" / f"{name}.config"

    def proofs(self, kernel: Kernel) -> tuple[Proof, ...]:
        """The checks that a kernel must pass, or be unfit for; see `proofs_of`."""
        return self.proofs_of(kernel.fragments, kernel.version.series, kernel.arch)

    def proofs_of(self, fragments: Iterable[str], series: Series, arch: Arch) -> tuple[Proof, ...]:
        """The checks beside some fragments, for kernels of `series` on `arch`, each once.

        A UserError tells what is wrong in the files that hold them (see `proofs`).
        """
        found = (
            proof.fitted(series, arch)
            for name in fragments
            for proof in load_proofs(self.root / "fragments" / f"{name}.toml", name)
        )
        return merged(found)

    def requests(self, kernel: Kernel) -> dict[str, kconfig.OptionRequest]:
        """All that the kernel's fragments ask for, merged."""
        return self._merged(
            kernel.fragments,
            kernel.version.series,
            kernel.arch,
            monolithic=kernel.flavor.monolithic,
        )

    def feature_requests(
        self, name: str, series: Series, arch: Arch
    ) -> dict[str, kconfig.OptionRequest]:
        """What a feature, with all it needs, asks of kernels of `series` on `arch`.

        A UserError if there is no such feature, or not in that series.
        """
        closed = kernel_variants.close(
            [kernel_variants.known(self.features, name, "feature")], self.features
        )
        feature = self.features[name]
        if not feature.there(series):
            raise UserError(f"series {series} has no {name}", why=f"it came with {feature.since}")
        return self._merged([f"feature/{each}" for each in closed], series, arch)

    def vmm_requests(
        self, name: str, series: Series, arch: Arch
    ) -> dict[str, kconfig.OptionRequest]:
        """What a VMM asks of kernels of `series` on `arch`; errors as `feature_requests`."""
        vmm = self.vmms[kernel_variants.known(self.vmms, name, "VMM")]
        if not vmm.boots(series, arch):
            raise UserError(
                f"{name} does not boot series {series} on {arch.name}",
                why=f"the first one it boots is {vmm.since[arch.name]}",
            )
        return self._merged([f"vmm/{name}"], series, arch)

    def require_feature_name(self, name: str) -> None:
        """A UserError if a feature cannot be called so: tags are made of these names."""
        if name in self.features:
            return
        arches = {word for kernel in self.kernels for word in (kernel.arch.name, kernel.arch.oci)}
        words = name.split("-")
        if not re.fullmatch(WORDS, name):
            raise UserError(
                f"'{name}' is no name for a feature", hint="use a-z and 0-9, with - between words"
            )
        if kernel_variants.RESERVED & set(words) or words[-1] in arches:
            raise UserError(
                f"'{name}' is no name for a feature",
                why="in a tag, 'with', 'without' and 'patched', and an arch at the end, mean"
                " something else",
                hint="call it otherwise",
            )

    def add_feature(self, name: str, about: str) -> None:
        """Write down a feature that the file does not have; its fragment is the caller's."""
        text = self.file.read_text(encoding="utf-8")
        write_atomic(self.file, catalog_edit.add_feature(text, name, about).encode())

    def _merged(
        self, fragments: Iterable[str], series: Series, arch: Arch, *, monolithic: bool = False
    ) -> dict[str, kconfig.OptionRequest]:
        """What fragments ask for, merged for one series and arch."""
        requests = (
            request
            for name in fragments
            for request in kconfig.load_fragment(self.fragment_file(name), f"{name}.config")
        )
        return kconfig.merge(requests, series, arch.name, monolithic=monolithic)

    def patches(self, kernel: Kernel) -> tuple[Path, ...]:
        """The catalog's patch files for the kernel, in the order they are applied."""
        return patch_selection.for_kernel(self.root, self.bounds, kernel)

    def budget(self, kernel: Kernel) -> Budget | None:
        """What the kernel may cost, if the catalog says."""
        return budget_of(self.budgets, kernel)
