"""The one place that knows every step, and puts them in a row:

    catalog -> recipe -> source -> builder -> compile -> images -> store -> boot

Nothing is tagged before it has booted, and all of a kernel's tags are set in one step. A
build that dies leaves only what has no name yet; the next one starts from what is verified.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot import configure, kconfig, tools
from ingot.arch import arch
from ingot.boot.guest import compile_init, make_guest
from ingot.boot.qemu import boot, machine_for
from ingot.boot.report import BootReport
from ingot.builder import rootfs
from ingot.builder.sandbox import Builder, Sandbox
from ingot.catalog import BuilderSpec, Catalog, Kernel
from ingot.compile import compile_kernel, make_flags
from ingot.digest import Digest
from ingot.errors import BootError, UserError
from ingot.files import disk_errors, locked, write_atomic
from ingot.images import (
    BASE,
    KERNEL_FILE,
    facts_of,
    find_images,
    read_facts,
    tags_for,
    write_images,
)
from ingot.kconfig import Request
from ingot.oci import Descriptor, Image, Layout, extract, read_image
from ingot.progress import Progress, Timed, Timing
from ingot.recipe import Recipe
from ingot.source import patches as patching
from ingot.source.cache import SourceCache
from ingot.source.debian import DebianArchive
from ingot.source.kernel_org import KernelOrg
from ingot.source.local import local_source
from ingot.source.model import Origin, Source
from ingot.source.obtain import obtain
from ingot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Setting:
    """What every build of one call shares.

    `host` is the kernel's name for this machine's architecture; `local` a source the user
    named, which then takes the place of every origin; `boot_seconds` how long a guest may
    take before it counts as hung.
    """

    catalog: Catalog
    layout: Layout
    workspace: Workspace
    host: str
    local: Path | None = None
    boot_seconds: float = 180.0


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image of the store: its tag, its manifest's digest, its bytes in a registry."""

    tag: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one kernel. `found`: the store had it, so nothing was compiled."""

    kernel: Kernel
    recipe_key: Digest
    images: tuple[BuiltImage, ...]
    found: bool
    boot: BootReport | None
    timings: tuple[Timing, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the catalog says of one kernel, read once: the inputs of its recipe."""

    kernel: Kernel
    requests: Mapping[str, Request]
    patches: tuple[Path, ...]
    patch_digests: tuple[Digest, ...]

    def config_path(self, source: Digest, builder: Digest, workspace: Workspace) -> Path:
        """Where the resolved config is kept, named by all that decides it."""
        parts = [source, *self.patch_digests, builder, self.kernel.arch.name]
        text = "\n".join([*map(str, parts), kconfig.render(self.requests)])
        return workspace.configs / f"{Digest.of(text.encode()).hex}.config"

    def recipe(self, source: Digest, builder: Digest, config: str) -> Recipe:
        return Recipe(
            source=source,
            patches=self.patch_digests,
            config=Digest.of(config.encode()),
            builder=builder,
            arch=self.kernel.arch.name,
            make_flags=make_flags(self.kernel.arch),
        )


def build(setting: Setting, kernel: Kernel, progress: Progress) -> Built:
    """Build one kernel, or find that it was built; returns when its images are tagged.

    Raises an IngotError for whatever stands in the way; nothing is tagged then. Two calls
    for the same kernel take turns, and the second finds what the first has built.
    """

    def waiting() -> None:
        progress.note(f"{kernel.version}: another build of it is on; waiting")

    plan = _plan(setting.catalog, kernel)
    timed = Timed(progress)
    with in_use(setting, progress):
        if built := _find_without_work(setting, plan, timed):
            return built
        tools.require_all()
        name = f"kernel-{kernel.version}-{kernel.arch.name}"
        with locked(setting.workspace.lock(name), on_wait=waiting):
            return _find_without_work(setting, plan, timed) or _build(setting, plan, timed)


@contextlib.contextmanager
def in_use(setting: Setting, progress: Progress) -> Iterator[None]:
    """Keep `prune` away from the sources, builders and images that the body uses.

    Each function of this module does; a caller of several does so too, for the time between.
    It nests: `prune` never waits for this lock, so those who share it never wait for it either.
    """

    def waiting() -> None:
        progress.note("`ingot prune` is running; waiting")

    with locked(setting.workspace.lock("use"), shared=True, on_wait=waiting):
        yield


def ensure_builder(setting: Setting, spec: BuilderSpec, progress: Progress) -> Builder:
    """The builder, made if the store lacks it, ready to be entered."""
    host = arch(setting.host)
    with in_use(setting, progress):
        return rootfs.ensure(spec, host, setting.layout, setting.workspace.builders, progress)


def boot_image(setting: Setting, image: Image, builder: Builder, progress: Progress) -> BootReport:
    """Boot the kernel of a base image, with its modules, and report."""
    facts = read_facts(image)
    if facts is None:
        raise UserError(
            "this image holds no kernel of Ingot's",
            hint=f"boot a {BASE} image: it has the kernel and its modules",
        )
    machine = machine_for(arch(facts.arch))
    with (
        in_use(setting, progress),
        setting.workspace.build_folder() as folder,
        progress.step("boot") as step,
    ):
        root = folder / "root"
        extract(setting.layout, image, root)
        init = compile_init(Sandbox(builder, source=root, build=folder))
        modules = root / "lib/modules" / facts.release
        guest = make_guest(root / KERNEL_FILE, modules, facts.release, init, machine.shutdown)
        report = boot(guest, arch(facts.arch), setting.boot_seconds)
        step.result(f"{report.verdict.value} in {report.machine} ({report.accelerator})")
    return report


def _plan(catalog: Catalog, kernel: Kernel) -> _Plan:
    patches = catalog.patches(kernel)
    return _Plan(kernel, catalog.requests(kernel), patches, patching.digests(patches))


def _find_without_work(setting: Setting, plan: _Plan, timed: Timed) -> Built | None:
    """Look for the recipe with what is known already: pinned digests, kept configs.

    Needs no source and no builder to be there, only to be known; costs milliseconds.
    """
    builder = rootfs.find(plan.kernel.builder, setting.layout)
    if builder is None or setting.local:
        return None
    for source in _known_sources(setting, plan.kernel):
        path = plan.config_path(source, builder.digest, setting.workspace)
        if not path.is_file():
            continue
        recipe = plan.recipe(source, builder.digest, path.read_text(encoding="utf-8"))
        if built := _find(setting, plan.kernel, recipe, timed):
            return built
    return None


def _known_sources(setting: Setting, kernel: Kernel) -> list[Digest]:
    """The digests a source of this kernel may have: the pinned ones, then those in the cache."""
    order = setting.catalog.origins.order
    pinned = [kernel.pins[name] for name in order if name in kernel.pins]
    unpinned = {name for name in order if name not in kernel.pins}
    cached = SourceCache(setting.workspace.sources).known(kernel.version)
    return [*pinned, *(source.digest for source in cached if source.origin in unpinned)]


def _find(setting: Setting, kernel: Kernel, recipe: Recipe, timed: Timed) -> Built | None:
    """What the store has of this recipe; its images get the moving tags again."""
    found = find_images(setting.layout, kernel.version, recipe.key)
    if found is None:
        return None
    facts = read_facts(read_image(setting.layout, found[BASE]))
    assert facts is not None
    tags = tags_for(found, facts)
    present = setting.layout.tags()
    if any(tag not in present or present[tag].digest != tags[tag].digest for tag in tags):
        setting.layout.tag(tags)
    timed.note(f"{kernel.version}: the store has recipe {recipe.key.short}; nothing to compile")
    return _built(setting, kernel, recipe, tags, timed, found=True, report=None)


def _build(setting: Setting, plan: _Plan, timed: Timed) -> Built:
    """The long way: source, builder, config, then compile unless the store has the recipe."""
    kernel, workspace = plan.kernel, setting.workspace
    source = _source(setting, kernel, timed)
    builder = ensure_builder(setting, kernel.builder, timed)
    log = workspace.log(f"{kernel.version}-{kernel.arch.name}")
    with disk_errors(workspace.root):
        log.unlink(missing_ok=True)
        workspace.ccache.mkdir(parents=True, exist_ok=True)
    with (
        workspace.build_folder() as folder,
        patching.patched_tree(source, plan.patches, workspace.sources, timed) as tree,
    ):
        sandbox = Sandbox(builder, tree, folder, workspace.ccache)
        config = _config(setting, plan, source, sandbox, log, timed)
        recipe = plan.recipe(source.digest, builder.digest, config)
        if built := _find(setting, kernel, recipe, timed):
            return built
        artifacts = compile_kernel(sandbox, kernel.arch, config, source.epoch, log, timed)
        with setting.layout.in_use():
            with timed.step("write images") as step:
                facts = facts_of(source, builder, kernel.arch, artifacts, recipe.key)
                images = write_images(setting.layout, artifacts, facts, kernel.arch, step)
            report = _require_boot(setting, images[BASE], builder, kernel, timed)
            tags = tags_for(images, facts)
            setting.layout.tag(tags)
    return _built(setting, kernel, recipe, tags, timed, found=False, report=report)


def _source(setting: Setting, kernel: Kernel, timed: Timed) -> Source:
    cache = SourceCache(setting.workspace.sources)
    if setting.local:
        return local_source(setting.local, kernel.version, cache, timed)
    origins = _origins(setting.catalog)
    downloads = setting.workspace.downloads
    with timed.step("source") as step:
        source = obtain(kernel.version, origins, kernel.pins, cache, downloads, timed)
        step.result(f"{source.origin}, {source.digest.short} ({source.evidence})")
    return source


def _origins(catalog: Catalog) -> list[Origin]:
    """The catalog's origins, in its order; a UserError names one that Ingot does not know."""
    known: dict[str, Origin] = {
        "kernel.org": KernelOrg(keyring=catalog.keyring),
        "debian": DebianArchive(catalog.origins.debian_suites, keyring=tools.DEBIAN_KEYRING),
    }
    if unknown := [name for name in catalog.origins.order if name not in known]:
        raise UserError(
            f"the catalog names an origin Ingot does not know: {', '.join(unknown)}",
            hint=f"known: {', '.join(known)}",
        )
    return [known[name] for name in catalog.origins.order]


def _config(
    setting: Setting, plan: _Plan, source: Source, sandbox: Sandbox, log: Path, timed: Timed
) -> str:
    """The resolved config: the one kept from before, or resolved, checked and kept now."""
    path = plan.config_path(source.digest, sandbox.builder.digest, setting.workspace)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    series = str(plan.kernel.version.series)
    with timed.step("resolve config") as step:
        text = configure.resolve(sandbox, plan.kernel.arch, plan.requests, series, log)
        step.result(f"all {len(plan.requests)} options asked for are as asked")
    write_atomic(path, text.encode())
    return text


def _require_boot(
    setting: Setting, base: Descriptor, builder: Builder, kernel: Kernel, timed: Timed
) -> BootReport:
    """Boot what the images hold, or raise: a kernel that does not boot gets no tag."""
    report = boot_image(setting, read_image(setting.layout, base), builder, timed)
    if not report.passed:
        raise BootError(
            f"{kernel.version} was compiled but did not pass its boot test: {report.verdict.value}",
            why=report.explain(),
            hint="it was not tagged; change its config, then build again",
        )
    return report


def _built(
    setting: Setting,
    kernel: Kernel,
    recipe: Recipe,
    tags: Mapping[str, Descriptor],
    timed: Timed,
    *,
    found: bool,
    report: BootReport | None,
) -> Built:
    moving = {
        tag: descriptor for tag, descriptor in tags.items() if tag.endswith(f":{kernel.version}")
    }
    images = tuple(
        BuiltImage(tag, descriptor.digest, read_image(setting.layout, descriptor).size)
        for tag, descriptor in moving.items()
    )
    return Built(kernel, recipe.key, images, found, report, tuple(timed.timings))
