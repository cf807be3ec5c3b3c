"""Compiles out-of-tree modules for a kernel that has been built.

They are compiled in the builder that the kernel was compiled in, with the kernel's devel image, and
indexed together with the kernel's own modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import tools
from ingot.arch import arch, arch_called
from ingot.builder import builder_kinds
from ingot.builder.builder_packages import changes, summary
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import BuilderSpec, toolchain_choice
from ingot.compile.compile_modules import UPDATES, compile_module, index_modules
from ingot.compile.devel_tree import devel_directory
from ingot.confined_files import ConfinedDirectory
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import disk_errors, locked
from ingot.images import (
    DEVEL,
    MODULES,
    KernelLabels,
    read_config,
    read_facts,
    read_packages,
    tags_of_store,
)
from ingot.images.module_images import Modules, check_module_name, write_module_images
from ingot.images.write_images import read_devel_host
from ingot.kconfig import Config
from ingot.oci import Image, extract, read_image
from ingot.oci.limits import KERNEL_IMAGE_BYTES
from ingot.pipeline.builders import ensure_builder, site_of
from ingot.pipeline.found_build import BuiltImage
from ingot.progress import Progress, Timed, Timing
from ingot.setting import Project, Setting, in_use
from ingot.source.trees.out_of_tree import copy_module_source, require_module_source
from ingot.version import KernelVersion

_MOST_FILES = 100_000
"""Limit of files in /lib/modules/<release>: a kernel with all modules has some 10,000."""

_INDEX_BYTES = 64 << 20
"""Limit of one of depmod's indexes in bytes: those of such a kernel have some 3 MiB."""


@dataclass(frozen=True, slots=True)
class BuiltModules:
    """The modules compiled from a directory, with their sizes in bytes, and their images.

    They are for the kernel that the store has under `tag`; `facts` are this kernel's.
    """

    name: str
    tag: str
    facts: KernelLabels
    source: Digest
    files: Mapping[str, int]
    images: tuple[BuiltImage, ...]
    timings: tuple[Timing, ...]


def build_modules(
    setting: Setting,
    tag: str,
    directory: Path,
    progress: Progress,
    *,
    name: str | None = None,
    builder: str | None = None,
) -> BuiltModules:
    """Compile the modules in `directory` for the kernel with this tag, and tag the images of them.

    `name` is the name of the images (default: the directory's). `builder`, a name or a kind, is the
    builder that the kernel was compiled in (default: it is found by its digest). The directory is
    not changed. UserError for a directory without module sources, and for a kernel that cannot
    have modules; BuildError, with the compiler's message, if a module does not compile.
    """
    directory = directory.absolute()
    require_module_source(directory)
    setting.project.layout.require_writable()
    name = check_module_name(name or _name_of(directory))
    timed = Timed(progress)

    def waiting() -> None:
        progress.note(f"{name}: another build of it is running; waiting")

    with in_use(setting.project, progress):
        target = _target(setting.project, tag)
        spec = _builder_of(setting.project, target.facts, builder)
        tools.require_all(kind=spec.kind)
        entered = ensure_builder(setting, spec, timed, arch(target.facts.arch))
        _require_same_builder(target, entered)
        with locked(setting.project.workspace.lock(f"module-{name}"), on_wait=waiting):
            return _build(setting.project, target, entered, directory, name, timed)


@dataclass(frozen=True, slots=True)
class _TargetKernel:
    """The kernel that modules are for, as the store has it."""

    tag: str
    facts: KernelLabels
    devel: Image
    modules: Image


def _target(project: Project, tag: str) -> _TargetKernel:
    """The kernel's devel and modules images; UserError if one is missing, or if the kernel cannot
    load other modules."""
    tags = tags_of_store(project.layout)
    names = [f"{image}:{tag}" for image in (DEVEL, MODULES)]
    again = f"build it again: ingot build {tag}"
    if missing := [name for name in names if name not in tags]:
        raise UserError(
            f"modules cannot be compiled for {tag}: its images are not complete",
            why=f"the store {project.layout.root} has no {', '.join(missing)}",
            hint=again,
        )
    devel, modules = (read_image(project.layout, tags[name]) for name in names)
    facts = read_facts(devel)
    if facts is None or facts != read_facts(modules):
        raise UserError(f"{names[0]} and {names[1]} are not from the same build", hint=again)
    _require_open(tag, read_config(devel.annotations) or Config(""))
    host = arch_called(project.host).name
    if read_devel_host(devel) != host:
        raise UserError(
            f"{names[0]} was made on a machine of another architecture",
            why=f"its programs, which make modules, run on {read_devel_host(devel)}; this machine"
            f" is {host}",
            hint=f"build the kernel on this machine: ingot build {tag}",
        )
    return _TargetKernel(tag, facts, devel, modules)


def _builder_of(project: Project, facts: KernelLabels, named: str | None) -> BuilderSpec:
    """The catalog's builder that the kernel was compiled in, found without making any builder.

    That is the one with the digest in `facts`. If none has it, the current builder of the kernel's
    series, which may have to be made.
    """
    catalog = project.catalog
    series = KernelVersion.parse(facts.version).series
    own = [kernel for kernel in catalog.kernels if kernel.version.series == series]
    specs = list(dict.fromkeys([*(kernel.builder for kernel in own), *catalog.builders.values()]))
    if named:
        return toolchain_choice.chosen(catalog.builders, specs[0], named)
    site, target = site_of(project), arch(facts.arch)
    same = (
        spec for spec in specs if builder_kinds.known(spec, target, site) == facts.builder_digest
    )
    return next(same, specs[0])


def _require_open(tag: str, config: Config) -> None:
    """UserError for a kernel that cannot load the compiled modules."""
    if config.value("MODULES") != "y":
        raise UserError(
            f"{tag} cannot load modules",
            why="CONFIG_MODULES is off in its config",
            hint="choose a flavor that has modules; `ingot list` shows them",
        )
    if config.value("MODULE_SIG_FORCE") == "y":
        raise UserError(
            f"{tag} loads only modules that are signed with its own key",
            why="its config has CONFIG_MODULE_SIG_FORCE, and the key was deleted when the"
            " kernel was built",
            hint="patch the module into the kernel's tree (--patch), or turn the option off",
        )


def _require_same_builder(target: _TargetKernel, builder: Builder) -> None:
    """UserError if the kernel was not compiled in this builder.

    A module and its kernel must agree on everything that depends on the compiler: the layout of
    structures, and the code that plugins and mitigations add. The kernel does not check all of it
    when it loads a module.
    """
    if builder.digest == target.facts.builder_digest:
        return
    before = read_packages(target.devel.annotations)
    some = summary(changes(before, builder.packages)) if before else ""
    raise UserError(
        f"{target.tag} was not compiled in the current builder '{builder.name}'",
        why=f"the packages differ: {some}"
        if some
        else f"it was compiled in {target.facts.builder_digest}",
        hint=f"build the kernel in this builder (ingot build {target.tag}), or name the builder"
        " that it was compiled in (--builder)",
    )


def _build(
    project: Project,
    target: _TargetKernel,
    builder: Builder,
    directory: Path,
    name: str,
    timed: Timed,
) -> BuiltModules:
    facts, layout = target.facts, project.layout
    log = project.workspace.log(f"module-{name}")
    with disk_errors(project.workspace.root):
        log.unlink(missing_ok=True)
    with project.workspace.build_directory() as work:
        with timed.step("unpack devel tree"):
            extract(layout, target.devel, work / "devel", limit=KERNEL_IMAGE_BYTES)
        tree = _directory(work / "devel", devel_directory(facts.release))
        with timed.step(f"copy {directory.name}") as step:
            # without the compile cache: this source could put wrong objects there for other builds
            sandbox = Sandbox.below(work / "make", builder, tree)
            source = copy_module_source(directory, sandbox.build)
            sandbox.hand_over()
            step.result(source.short)
        epoch = target.modules.created or 0
        files = compile_module(sandbox, arch(facts.arch), facts.release, epoch, log, timed)
        with timed.step("index modules") as step:
            indexes = _index(project, target, builder, files, work, log)
            step.result(f"{len(indexes)} indexes")
        modules = Modules(name, source, target.devel.descriptor.digest, files, indexes)
        with layout.in_use(), timed.step("write images") as step:
            tags = write_module_images(layout, target.modules, facts, modules, target.tag, step)
            layout.tag(tags)
        sizes = {each: path.stat().st_size for each, path in sorted(files.items())}
    images = tuple(
        BuiltImage(tag, descriptor.digest, read_image(layout, descriptor).size)
        for tag, descriptor in tags.items()
    )
    return BuiltModules(
        name,
        target.tag,
        facts,
        source=source,
        files=sizes,
        images=images,
        timings=tuple(timed.timings),
    )


def _index(
    project: Project,
    target: _TargetKernel,
    builder: Builder,
    files: Mapping[str, Path],
    work: Path,
    log: Path,
) -> dict[str, Path]:
    """The indexes that differ from the kernel's own once these modules are added.

    They are made in a directory that the compiled source had no access to, and copied out with
    care: the unpacked image is not trusted, and depmod can write anything into it.
    """
    release = target.facts.release
    sandbox = Sandbox.below(work / "index", builder)
    root = sandbox.build
    root.rmdir()
    extract(project.layout, target.modules, root, limit=KERNEL_IMAGE_BYTES)
    directory = f"lib/modules/{release}"
    _directory(root, directory)
    image = ConfinedDirectory(root)
    before = dict(_digests(image, directory))
    for name, path in files.items():
        to = f"{directory}/{UPDATES}/{name}"
        with disk_errors(root):
            image.make_directory(to.rpartition("/")[0])
            image.write(to, path.read_bytes())
    sandbox.hand_over()
    index_modules(sandbox, release, log)
    changed = [name for name, digest in _digests(image, directory) if before.get(name) != digest]
    kept = work / "indexes"
    with disk_errors(kept):
        kept.mkdir()
        for name in changed:
            image.copy(f"{directory}/{name}", kept / name, _INDEX_BYTES)
    return {name: kept / name for name in changed}


def _directory(root: Path, name: str) -> Path:
    """A directory of an unpacked image; UserError if it is missing or is a symlink."""
    found = ConfinedDirectory(root).find(name)
    if found is None or not found.is_directory:
        raise UserError(
            f"the kernel's image has no directory /{name}",
            why="it does not exist, or is not a directory",
            hint="build the kernel again",
        )
    return root / name


def _digests(image: ConfinedDirectory, directory: str) -> Iterator[tuple[str, Digest]]:
    """The files directly in the directory: depmod's indexes and its inputs."""
    for found in image.walk(directory, most=_MOST_FILES):
        name = found.name.removeprefix(f"{directory}/")
        if found.is_file and "/" not in name:
            yield name, Digest.of(image.read(found.name, _INDEX_BYTES))


def _name_of(directory: Path) -> str:
    """The name of the modules' images, made from the directory's name."""
    return re.sub(r"[^a-z0-9]+", "-", directory.name.lower()).strip("-")
