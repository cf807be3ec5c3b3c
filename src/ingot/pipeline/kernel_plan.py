"""What the catalog says of one kernel, read once: all of its recipe but source and builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot import kconfig
from ingot.builder.builder_trust import trust_in_builder
from ingot.catalog import Catalog, Kernel
from ingot.compile import make_flags
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.kconfig import Config, OptionRequest, Rule, load_rules
from ingot.recipe import Recipe
from ingot.source.trees import patched_tree as patching
from ingot.workspace import Workspace

_FORMAT = 1
"""Raised when configs are resolved or checked in another way than before."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs of one kernel's config.

    `requests` is what its fragments ask for, `rules` what configs must hold to;
    `full_config` is the config that the catalog has for this very kernel, if it has one;
    `builder_trust` who vouches for its builder: see `trust_in_builder`.
    """

    kernel: Kernel
    requests: Mapping[str, OptionRequest]
    rules: tuple[Rule, ...]
    full_config: Path | None
    patches: tuple[Path, ...]
    patch_digests: tuple[Digest, ...]
    builder_trust: str

    def config_path(self, source: Digest, builder: Digest, workspace: Workspace) -> Path:
        """Where the checked config is kept, named by all that decides it."""
        full = Digest.of_file(self.full_config) if self.full_config else ""
        parts = [*self._surroundings(source, builder), full]
        text = "\n".join([*map(str, parts), *map(repr, self.rules), self.fragments_text])
        return workspace.configs / f"{Digest.of(text.encode()).hex}.config"

    def table_path(self, source: Digest, builder: Digest, workspace: Workspace) -> Path:
        """Where the option table of this source is kept: flavors share it."""
        parts = self._surroundings(source, builder)
        return workspace.configs / f"{Digest.of(' '.join(map(str, parts)).encode()).hex}.options"

    def _surroundings(self, source: Digest, builder: Digest) -> list[object]:
        """What decides how Kconfig sees the options, whatever is asked of it.

        The builder's digest says what it was called to be made of: who says so counts as well.
        """
        compiler = ["llvm"] if self.kernel.builder.llvm else []
        arch = self.kernel.arch.name
        return [_FORMAT, source, *self.patch_digests, builder, self.builder_trust, *compiler, arch]

    @property
    def fragments_text(self) -> str:
        """What Kconfig is given: a change of a comment in a fragment changes no config."""
        return kconfig.render(self.requests)

    def recipe(self, source: Digest, builder: Digest, config: Config) -> Recipe:
        return Recipe(
            source=source,
            patches=self.patch_digests,
            config=config.digest,
            builder=builder,
            arch=self.kernel.arch.name,
            make_flags=make_flags(self.kernel.arch, llvm=self.kernel.builder.llvm),
        )


def make_plan(catalog: Catalog, kernel: Kernel, own_patches: Sequence[Path] = ()) -> Plan:
    """Read what the catalog has for the kernel; a UserError for what is wrong with it.

    `own_patches` are the user's, for a kernel that is `patched`; they come after the catalog's.
    """
    if kernel.patched and not own_patches:
        raise UserError(
            f"{kernel.tag} is a kernel with patches that the catalog does not have",
            hint="name them, in order, with --patch FILE",
        )
    patches = (*catalog.patches(kernel), *(own_patches if kernel.patched else ()))
    full = catalog.config_file(kernel)
    return Plan(
        kernel,
        requests=catalog.requests(kernel),
        rules=load_rules(catalog.rules),
        full_config=full if full.is_file() else None,
        patches=patches,
        patch_digests=patching.digests(patches),
        builder_trust=trust_in_builder(kernel.builder, catalog.root),
    )
