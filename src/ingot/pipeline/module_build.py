"""Compiling modules that are not of the kernel's own tree, for a kernel that was built.

They are compiled in the builder that the kernel was compiled in, against its devel image, and
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
from ingot.compile import UPDATES, compile_module, devel_folder, index_modules
from ingot.confined_files import ConfinedDirectory
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.files import disk_errors, locked
from ingot.images import (
    DEVEL,
    MODULES,
    KernelLabels,
    Modules,
    check_module_name,
    read_config,
    read_devel_host,
    read_facts,
    read_packages,
    tags_of_store,
    write_module_images,
)
from ingot.kconfig import Config
from ingot.oci import Image, extract, read_image
from ingot.oci.limits import KERNEL_IMAGE_BYTES
from ingot.pipeline.builders import ensure_builder, site_of
from ingot.pipeline.building import BuiltImage
from ingot.progress import Progress, Timed, Timing
from ingot.setting import Project, Setting, in_use
from ingot.source.trees.out_of_tree import copy_module_source, require_module_source
from ingot.version import KernelVersion

_MOST_FILES = 100_000
"""Files in /lib/modules/<release>: a kernel with every module there is has some 10,000."""

_INDEX_BYTES = 64 << 20
"""Bytes of one of depmod's indexes: those of such a kernel have some 3 MiB."""


@dataclass(frozen=True, slots=True)
class BuiltModules:
    """What came of a folder: the modules with their sizes in bytes, and the images with them.

    They are for the kernel that the store has under `tag`, which `facts` are of.
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
    folder: Path,
    progress: Progress,
    *,
    name: str | None = None,
    builder: str | None = None,
) -> BuiltModules:
    """Compile the modules in `folder` for the kernel with this tag, and tag the images of them.

    `name` is what the images are called after (default: the folder); `builder`, a name or a kind,
    what the kernel was compiled in (default: what is found to be that). The folder stays as it is.
    UserError for what is no source of modules, and for a kernel that cannot have them;
    BuildError, in the compiler's words, for what does not compile.
    """
    folder = folder.absolute()
    require_module_source(folder)
    name = check_module_name(name or _name_of(folder))
    timed = Timed(progress)

    def waiting() -> None:
        progress.note(f"{name}: another build of it is on; waiting")

    with in_use(setting.project, progress):
        target = _target(setting.project, tag)
        spec = _builder_of(setting.project, target.facts, builder)
        tools.require_all(kind=spec.kind)
        entered = ensure_builder(setting, spec, timed, arch(target.facts.arch))
        _require_same_builder(target, entered)
        with locked(setting.project.workspace.lock(f"module-{name}"), on_wait=waiting):
            return _build(setting.project, target, entered, folder, name, timed)


@dataclass(frozen=True, slots=True)
class _TargetKernel:
    """The kernel that modules are for, as the store has it."""

    tag: str
    facts: KernelLabels
    devel: Image
    modules: Image


def _target(project: Project, tag: str) -> _TargetKernel:
    """The kernel's devel tree and modules; UserError if it has none, or lets nothing be added."""
    tags = tags_of_store(project.layout)
    names = [f"{image}:{tag}" for image in (DEVEL, MODULES)]
    again = f"build it again: ingot build {tag}"
    if missing := [name for name in names if name not in tags]:
        raise UserError(
            f"{tag} is not here to make modules for",
            why=f"the store {project.layout.root} has no {', '.join(missing)}",
            hint=again,
        )
    devel, modules = (read_image(project.layout, tags[name]) for name in names)
    facts = read_facts(devel)
    if facts is None or facts != read_facts(modules):
        raise UserError(f"{names[0]} and {names[1]} are not of one build", hint=again)
    _require_open(tag, read_config(devel.annotations) or Config(""))
    host = arch_called(project.host).name
    if read_devel_host(devel) != host:
        raise UserError(
            f"{names[0]} was made on another kind of machine than this one",
            why=f"the programs that make modules run on {read_devel_host(devel)}, this is {host}",
            hint=f"build the kernel on this machine: ingot build {tag}",
        )
    return _TargetKernel(tag, facts, devel, modules)


def _builder_of(project: Project, facts: KernelLabels, named: str | None) -> BuilderSpec:
    """The catalog's builder that the kernel was compiled in, as far as can be told without it.

    That is the one with its digest. If none is, the one that its series has now: it may have to
    be made.
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
    """Raise a UserError for a kernel that would load none of our modules."""
    if config.value("MODULES") != "y":
        raise UserError(
            f"{tag} loads no modules",
            why="its config has CONFIG_MODULES off",
            hint="take a flavor that has modules; `ingot list` shows them",
        )
    if config.value("MODULE_SIG_FORCE") == "y":
        raise UserError(
            f"{tag} loads only modules that are signed with its own key",
            why="its config has CONFIG_MODULE_SIG_FORCE, and the key was thrown away when the"
            " kernel was built",
            hint="patch the module into the kernel's tree (--patch), or turn the option off",
        )


def _require_same_builder(target: _TargetKernel, builder: Builder) -> None:
    """Raise a UserError if the kernel was compiled by anything else than this builder.

    A module must agree with its kernel in what the compiler decides: layout of structures, code
    that plugins and mitigations add. No check of the kernel sees all of that.
    """
    if builder.digest == target.facts.builder_digest:
        return
    before = read_packages(target.devel.annotations)
    some = summary(changes(before, builder.packages)) if before else ""
    raise UserError(
        f"{target.tag} was compiled in another builder than '{builder.name}' is now",
        why=f"what differs: {some}" if some else f"it was {target.facts.builder_digest}",
        hint=f"build the kernel in this one (ingot build {target.tag}), or name the one it"
        " was built in (--builder)",
    )


def _build(
    project: Project, target: _TargetKernel, builder: Builder, folder: Path, name: str, timed: Timed
) -> BuiltModules:
    facts, layout = target.facts, project.layout
    log = project.workspace.log(f"module-{name}")
    with disk_errors(project.workspace.root):
        log.unlink(missing_ok=True)
    with project.workspace.build_folder() as work:
        with timed.step("unpack devel tree"):
            extract(layout, target.devel, work / "devel", limit=KERNEL_IMAGE_BYTES)
        tree = _directory(work / "devel", devel_folder(facts.release))
        with timed.step(f"copy {folder.name}") as step:
            # without the compile cache: others would compile from what this source puts there
            sandbox = Sandbox.below(work / "make", builder, tree)
            source = copy_module_source(folder, sandbox.build)
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
    """The indexes of the kernel's modules and these, where they are not the kernel's own.

    They are made in a folder that what was compiled has never seen, and copied out of it: what is
    unpacked there is somebody's image, and depmod can leave anything in it.
    """
    release = target.facts.release
    sandbox = Sandbox.below(work / "index", builder)
    root = sandbox.build
    root.rmdir()
    extract(project.layout, target.modules, root, limit=KERNEL_IMAGE_BYTES)
    folder = f"lib/modules/{release}"
    _directory(root, folder)
    image = ConfinedDirectory(root)
    before = dict(_digests(image, folder))
    for name, path in files.items():
        to = f"{folder}/{UPDATES}/{name}"
        with disk_errors(root):
            image.make_directory(to.rpartition("/")[0])
            image.write(to, path.read_bytes())
    sandbox.hand_over()
    index_modules(sandbox, release, log)
    changed = [name for name, digest in _digests(image, folder) if before.get(name) != digest]
    kept = work / "indexes"
    with disk_errors(kept):
        kept.mkdir()
        for name in changed:
            image.copy(f"{folder}/{name}", kept / name, _INDEX_BYTES)
    return {name: kept / name for name in changed}


def _directory(root: Path, name: str) -> Path:
    """A directory of an image that was unpacked; UserError if there is none, or a link to one."""
    found = ConfinedDirectory(root).find(name)
    if found is None or not found.is_directory:
        raise UserError(
            f"the kernel's image has no directory /{name}",
            why="it is not there, or is something else",
            hint="build the kernel again",
        )
    return root / name


def _digests(image: ConfinedDirectory, folder: str) -> Iterator[tuple[str, Digest]]:
    """The files of the folder itself: depmod's indexes, and what it makes them of."""
    for found in image.walk(folder, most=_MOST_FILES):
        name = found.name.removeprefix(f"{folder}/")
        if found.is_file and "/" not in name:
            yield name, Digest.of(image.read(found.name, _INDEX_BYTES))


def _name_of(folder: Path) -> str:
    """The folder's name, as the images of what is in it are called."""
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
