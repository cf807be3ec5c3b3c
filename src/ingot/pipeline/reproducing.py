"""Builds a kernel again from what its images say about themselves, and nothing else.

The config comes from the base image, everything else from the record of its build: the digests of
source and builder, the patches, and the flags of make. The catalog only says where a source can be
downloaded, and how a builder is made. The compile is clean: no compile cache, a new build
directory, and a store of its own, which is removed afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.arch import Arch, arch, arch_called
from ingot.build_record import BuildRecord
from ingot.builder import builder_kinds
from ingot.builder.sandbox import Builder
from ingot.builder.toolchain import make_flags
from ingot.catalog import BuilderSpec
from ingot.compile.compile_kernel import compile_kernel
from ingot.digest import Digest
from ingot.errors import MachineError, UserError, VerificationError
from ingot.files import disk_errors
from ingot.images import KernelLabels, facts_of
from ingot.images.write_images import write_images
from ingot.kconfig import Config
from ingot.oci import Image, Layout, read_file, read_image
from ingot.pipeline.builders import ensure_builder, site_of
from ingot.pipeline.registry_cache import fetch_builder
from ingot.pipeline.sandboxes import sandbox_for
from ingot.progress import Progress
from ingot.recipe import FORMAT
from ingot.setting import Setting, in_use
from ingot.source.obtain import obtain
from ingot.source.origin import Source
from ingot.source.origins import origins_of
from ingot.source.trees import patched_tree as patching
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion


@dataclass(frozen=True, slots=True)
class Original:
    """A kernel to build again: its base image in a layout, its labels, and its build's record."""

    layout: Layout
    base: Image
    facts: KernelLabels
    record: BuildRecord


@contextlib.contextmanager
def rebuilt(
    setting: Setting, original: Original, progress: Progress
) -> Iterator[tuple[Layout, Mapping[str, Image]]]:
    """The images of the kernel, built again, by name; their layout exists until the body ends.

    MachineError if the source or the builder cannot be had, UserError if this version of Ingot
    makes other kernels from the same recipe, BuildError if it does not compile.
    """
    facts, project = original.facts, setting.project
    _require_same_format(original)
    own_arch, workspace = arch(facts.arch), project.workspace
    config = _config(original)
    log = workspace.log(f"{facts.version}-{facts.recipe_key.short}-reproduced")
    with in_use(project, progress), disk_errors(workspace.root):
        source = _source(setting, original, progress)
        builder = _builder(setting, original, own_arch, progress)
        log.unlink(missing_ok=True)
        with (
            workspace.build_directory() as directory,
            _patches(original, directory) as patches,
            patching.patched_tree(
                source, patches, patching.digests(patches), workspace.sources, progress
            ) as tree,
            sandbox_for(setting, builder, tree, directory / "build") as sandbox,
        ):
            artifacts = compile_kernel(sandbox, own_arch, config, source.epoch, log, progress)
            layout = Layout(directory / "images")
            with progress.step("write images") as step:
                made = facts_of(source, builder, own_arch, artifacts, facts.recipe_key)
                host = arch_called(project.host)
                images = write_images(
                    layout, artifacts, made, own_arch, step, builder.packages, host=host
                )
            yield layout, {name: read_image(layout, each) for name, each in images.items()}


def _require_same_format(original: Original) -> None:
    """UserError if this version of Ingot would compile the recipe in another way."""
    recipe, row = original.record.recipe, arch(original.facts.arch)
    flags = [make_flags(row, llvm=llvm) for llvm in (False, True)]
    if recipe.format != FORMAT or tuple(recipe.make_flags) not in flags:
        raise UserError(
            f"{original.facts.version} was built by Ingot {original.record.ingot} in another way",
            why=f"its recipe has the format {recipe.format}, and make's flags"
            f" {' '.join(recipe.make_flags)}; this version of Ingot has the format {FORMAT}",
            hint=f"install Ingot {original.record.ingot}, and run the same command with it",
        )


def _config(original: Original) -> Config:
    """The config in the base image; VerificationError if it is not that of the recipe."""
    name = f"boot/config-{original.facts.release}"
    try:
        config = Config(read_file(original.layout, original.base, name).decode())
    except UnicodeDecodeError as error:
        raise VerificationError(f"{name} of the image is not text", why=str(error)) from None
    if config.digest != original.facts.config_digest:
        raise VerificationError(
            f"the config in the image is not the one of its recipe: {config.digest}",
            why=f"the recipe has {original.facts.config_digest}",
            hint="do not use this image",
        )
    return config


def _source(setting: Setting, original: Original, progress: Progress) -> Source:
    """The source of the recipe: from the cache, or from its origin."""
    version, digest = KernelVersion.parse(original.facts.version), original.facts.source_digest
    workspace, name = setting.project.workspace, original.record.source.origin
    cache = SourceCache(workspace.sources)
    with progress.step("source") as step:
        source = cache.find(version, digest)
        if source is None:
            origins = [each for each in origins_of(setting.project.catalog) if each.name == name]
            if not origins:
                raise MachineError(
                    f"the source {digest.short} of linux {version} cannot be had",
                    why=f"it came from '{name}', which is not an origin of this catalog",
                    hint="fetch it first, with the catalog or the --source that built the kernel",
                )
            source = obtain(
                *(version, origins, {name: digest}, cache, workspace.downloads, progress),
                offline=setting.options.offline,
            )
        if source.digest != digest:
            raise VerificationError(
                f"'{name}' has another source of linux {version} now",
                why=f"it is {source.digest}, and the image was compiled from {digest}",
            )
        step.result(f"{source.origin}, {digest.short}")
    return source


def _builder(setting: Setting, original: Original, own: Arch, progress: Progress) -> Builder:
    """The builder of the recipe: from the store or the registry, else made from packages again."""
    wanted = original.facts.builder_digest
    specs = list(setting.project.catalog.builders.values())
    if found := _known(setting, specs, own, wanted):
        return ensure_builder(setting, found, progress, own)
    for spec in specs:
        fetch_builder(setting, spec, progress)
    if found := _known(setting, specs, own, wanted):
        return ensure_builder(setting, found, progress, own)
    for spec in specs:
        if builder_kinds.known(spec, own, site_of(setting.project)) is None:
            builder = ensure_builder(setting, spec, progress, own)
            if builder.digest == wanted:
                return builder
    raise MachineError(
        f"the builder {wanted.short} cannot be had",
        why="neither the store nor the registry has it, and the archives make another one from the"
        " lists of packages of this catalog",
        hint="name a registry that has its image with --from; `ingot push --builder` puts it there",
    )


def _known(
    setting: Setting, specs: list[BuilderSpec], own: Arch, wanted: Digest
) -> BuilderSpec | None:
    site = site_of(setting.project)
    return next((each for each in specs if builder_kinds.known(each, own, site) == wanted), None)


@contextlib.contextmanager
def _patches(original: Original, directory: Path) -> Iterator[list[Path]]:
    """The patches of the record, as files in a directory of their own."""
    found = []
    for number, patch in enumerate(original.record.patches):
        # not the name in the record, which may come from a registry
        path = directory / "patches" / f"{number:04}.patch"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(patch.data)
        found.append(path)
    yield found
