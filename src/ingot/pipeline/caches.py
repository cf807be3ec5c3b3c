"""Selects the compile cache for a kernel.

Code in the sandbox can write anything into the compile cache, and other builds would use it. So
kernels share a cache only if the same trust anchors cover all code that runs in the sandbox: the
keys that sign the sources, the patches, and the packages of the builder.
"""

from __future__ import annotations

from pathlib import Path

from ingot.pipeline.kernel_plan import Plan
from ingot.setting import Setting
from ingot.source.origin import Source
from ingot.source.origins import origins_of
from ingot.source.trees.source_cache import SourceCache


def compile_cache(setting: Setting, plan: Plan, source: Source) -> Path:
    """The cache that a compile of the plan's kernel from `source` reads and writes.

    Catalogs that trust the same keys and have the same patches for the kernel share a cache. A
    source without a trusted signature has its own: the user's source, and a source that a catalog
    only pins by digest. A tree that is used in place has one cache for its path, whatever its
    content.
    """
    anchors = [plan.builder_trust, *map(str, plan.patch_digests)]
    if setting.options.local:
        local = (
            setting.options.local.url
            if isinstance(setting.options.local, Source)
            else setting.options.local
        )
        # only a tree that is used in place can change between two compiles
        which = [] if source.in_place else [str(source.digest)]
        return setting.project.workspace.ccache_of("own", str(local), *which, *anchors)
    trusts = sorted(origin.trust for origin in origins_of(setting.project.catalog))
    known = SourceCache(setting.project.workspace.sources).find_verified(source.version, trusts)
    pinned = [] if any(one.digest == source.digest for one in known) else [str(source.digest)]
    return setting.project.workspace.ccache_of(*trusts, *pinned, *anchors)
