"""The inputs of a build: the verified source, and the builder ready to be entered."""

from __future__ import annotations

from dataclasses import replace

from ingot import tools
from ingot.arch import arch_called
from ingot.builder import rootfs
from ingot.builder.sandbox import Builder
from ingot.catalog import BuilderSpec, Catalog, Kernel
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.pipeline.setting import Setting, in_use
from ingot.progress import Progress
from ingot.source.cache import SourceCache
from ingot.source.debian import DebianArchive
from ingot.source.kernel_org import KernelOrg
from ingot.source.kernel_tree import tree_version
from ingot.source.local import local_source
from ingot.source.model import Origin, Source
from ingot.source.obtain import obtain


def ensure_builder(setting: Setting, spec: BuilderSpec, progress: Progress) -> Builder:
    """The builder, made if the store lacks it, ready to be entered."""
    host = arch_called(setting.host)
    with in_use(setting, progress):
        return rootfs.ensure(spec, host, setting.layout, setting.workspace.builders, progress)


def obtain_source(setting: Setting, kernel: Kernel, progress: Progress) -> Source:
    """The kernel's verified source, unpacked: the user's own, or from the catalog's origins."""
    cache = SourceCache(setting.workspace.sources)
    if setting.local:
        return local_source(setting.local, kernel.version, cache, progress)
    downloads = setting.workspace.downloads
    with progress.step("source") as step:
        source = obtain(
            kernel.version, origins_of(setting.catalog), kernel.pins, cache, downloads, progress
        )
        step.result(f"{source.origin}, {source.digest.short} ({source.evidence})")
    return source


def with_version_of(setting: Setting, kernel: Kernel) -> Kernel:
    """The kernel in the version of the user's own tree, if that is one of the same series.

    So `4.19 --source ~/linux` builds the 4.19.90 that is there as the catalog builds its
    own 4.19. What does not fit is left as it is, to be refused when the source is looked at.
    """
    version = tree_version(setting.local) if setting.local else None
    if version is None or version.series != kernel.version.series:
        return kernel
    return replace(kernel, version=version, pins={})


def known_sources(setting: Setting, kernel: Kernel) -> list[Digest]:
    """The digests a source of this kernel may have: the pinned ones, then those in the cache."""
    order = setting.catalog.origins.order
    pinned = [kernel.pins[name] for name in order if name in kernel.pins]
    unpinned = {name for name in order if name not in kernel.pins}
    cached = SourceCache(setting.workspace.sources).known(kernel.version)
    return [*pinned, *(source.digest for source in cached if source.origin in unpinned)]


def origins_of(catalog: Catalog) -> list[Origin]:
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
