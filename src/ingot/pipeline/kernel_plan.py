"""The plan of one kernel: its recipe from the catalog, without source and builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import kconfig
from ingot.builder.builder_trust import trust_in_builder
from ingot.builder.toolchain import make_flags
from ingot.catalog import Catalog, Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.kconfig import Config, OptionRequest, Rule, load_rules
from ingot.recipe import Recipe
from ingot.setting import RunOptions
from ingot.source.trees import patched_tree as patching
from ingot.workspace import Workspace

_FORMAT = 1
"""Raised when the way configs are resolved or checked changes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs of one kernel's config.

    `requests` are the options that its fragments request, `rules` the rules that configs must
    follow. `full_config` is the config that the catalog has for exactly this kernel, if it has
    one. `builder_trust` says what verifies its builder: see `trust_in_builder`.
    """

    kernel: Kernel
    requests: Mapping[str, OptionRequest]
    rules: tuple[Rule, ...]
    full_config: Path | None
    patches: tuple[Path, ...]
    patch_digests: tuple[Digest, ...]
    builder_trust: str

    def config_path(self, source: Digest, builder: Digest, workspace: Workspace) -> Path:
        """Where the checked config is kept; the name is the digest of all its inputs."""
        full = Digest.of_file(self.full_config) if self.full_config else ""
        parts = [*self._surroundings(source, builder), full]
        text = "\n".join([*map(str, parts), *map(repr, self.rules), self.fragments_text])
        return workspace.configs / f"{Digest.of(text.encode()).hex}.config"

    def kept_config(self, source: Digest, builder: Digest, workspace: Workspace) -> Config | None:
        """The sound config from an earlier run, if all its inputs are the same."""
        path = self.config_path(source, builder, workspace)
        return Config(path.read_text(encoding="utf-8")) if path.is_file() else None

    def table_path(self, source: Digest, builder: Digest, workspace: Workspace) -> Path:
        """Where the option table of this source is kept: flavors share it."""
        parts = self._surroundings(source, builder)
        return workspace.configs / f"{Digest.of(' '.join(map(str, parts)).encode()).hex}.options"

    def _surroundings(self, source: Digest, builder: Digest) -> list[object]:
        """The inputs of Kconfig other than the requested options.

        The builder's digest covers its list of packages, not what verified them, so the trust
        anchor is included as well.
        """
        compiler = ["llvm"] if self.kernel.builder.llvm else []
        arch = self.kernel.arch.name
        return [_FORMAT, source, *self.patch_digests, builder, self.builder_trust, *compiler, arch]

    @property
    def fragments_text(self) -> str:
        """The merged fragments without comments: a changed comment does not change the config."""
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


def make_plan(catalog: Catalog, kernel: Kernel, options: RunOptions | None = None) -> Plan:
    """Read the catalog's files for the kernel; UserError if one of them is wrong.

    A kernel that is `patched` gets the patches of `options` after those of the catalog. One of the
    user's `own_source` needs the source in `options`.
    """
    options = options or RunOptions()
    if kernel.patched and not options.patches:
        raise UserError(
            f"{kernel.tag} has patches that are not in the catalog",
            hint="pass them, in order, with --patch FILE",
        )
    if kernel.own_source and not options.local:
        raise UserError(
            f"{kernel.tag} is compiled from a source that is not the catalog's",
            hint=f"pass the source '{kernel.own_source}' with --source",
        )
    patches = (*catalog.patches(kernel), *(options.patches if kernel.patched else ()))
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
