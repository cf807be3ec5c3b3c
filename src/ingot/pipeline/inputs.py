"""The source of a build: the user's own, or a verified one from the catalog's origins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.catalog import Kernel
from ingot.digest import Digest
from ingot.progress import Progress
from ingot.setting import Project, Setting, in_use
from ingot.source.git.git_repository import GitUrl
from ingot.source.origin import Source
from ingot.source.source_name import source_name
from ingot.source.trees.kernel_tree import check_tree, tree_version
from ingot.source.trees.source_cache import SourceCache
from ingot.version import KernelVersion


def obtain_source(setting: Setting, kernel: Kernel, progress: Progress) -> Source:
    """The kernel's verified source, unpacked: the user's own, or from the catalog's origins."""
    # late: a build that finds its images obtains no source
    from ingot.source.local_source import local_source
    from ingot.source.obtain import obtain
    from ingot.source.origins import origins_of

    cache = SourceCache(setting.project.workspace.sources)
    if isinstance(setting.options.local, Source):
        check_tree(setting.options.local.tree, kernel.version, setting.options.local.url)
        return setting.options.local
    if setting.options.local:
        return local_source(setting.options.local, kernel.version, cache, progress)
    with progress.step("source") as step:
        source = obtain(
            kernel.version,
            origins_of(setting.project.catalog),
            kernel.pins,
            cache,
            setting.project.workspace.downloads,
            progress,
            offline=setting.options.offline,
        )
        step.result(f"{source.origin}, {source.digest.short} ({source.evidence})")
    return source


def with_git_source(
    setting: Setting, url: GitUrl, keyring: Path | None, progress: Progress
) -> Setting:
    """The setting with the current commit of `url` as the user's own source; see `git_source`."""
    from ingot.source.git.git_origin import git_source  # late, as above

    workspace = setting.project.workspace
    with in_use(setting.project, progress), progress.step("source") as step:
        source = git_source(
            url,
            keyring,
            SourceCache(workspace.sources),
            workspace.downloads,
            progress,
            offline=setting.options.offline,
        )
        step.result(f"git, {source.digest.short} ({source.evidence})")
    return replace(setting, options=replace(setting.options, local=source))


def with_version_of(setting: Setting, kernel: Kernel) -> Kernel:
    """The kernel with the version of the user's own tree, if that is of the same series.

    So with a 4.19.90 in ~/linux, `4.19 --source ~/linux` builds 4.19.90 as the catalog builds its
    4.19. A kernel of another series is returned unchanged; `obtain_source` then refuses it.
    """
    version = local_version(setting)
    if version is None or version.series != kernel.version.series:
        return kernel
    return replace(kernel, version=version, pins={})


def with_own_source(setting: Setting, kernel: Kernel) -> Kernel:
    """The kernel with the name of the user's own source, unless the catalog pins that very source.

    So its images never get the tags of the catalog's own kernel.
    """
    own = setting.options.local
    if own is None:
        return kernel
    if isinstance(own, Source):
        pinned = own.digest in kernel.pins.values()
    else:
        pinned = own.is_file() and Digest.of_file(own) in kernel.pins.values()
    return replace(kernel, own_source="" if pinned else source_name(own))


def local_version(setting: Setting) -> KernelVersion | None:
    """The version of the user's own tree; None for a tarball, which is not unpacked yet."""
    own = setting.options.local
    if isinstance(own, Source):
        return own.version
    return tree_version(own) if own else None


def known_sources(project: Project, kernel: Kernel) -> list[Digest]:
    """The possible digests of this kernel's source: the pinned ones, then those in the cache."""
    order = project.catalog.origins.order
    pinned = [kernel.pins[name] for name in order if name in kernel.pins]
    if len(pinned) == len(order):
        return pinned
    from ingot.source.origins import origins_of  # late: not needed if all origins are pinned

    unpinned = [o.trust for o in origins_of(project.catalog) if o.name not in kernel.pins]
    cached = SourceCache(project.workspace.sources).find_verified(kernel.version, unpinned)
    return [*pinned, *(source.digest for source in cached)]
