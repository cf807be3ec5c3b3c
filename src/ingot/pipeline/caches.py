"""Which compile cache a kernel is compiled with.

What runs in the sandbox can write to the cache whatever it likes, and others would compile from
it. So kernels share a cache only where the same people vouch for all that runs: whose signatures
on sources are accepted, the patches, and what the builder is made of.
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

    Catalogs that trust the same keys and have the same patches for the kernel share one. What
    nobody but the user vouches for, or a catalog only by the digest it pins, has its own: a tree
    one for its path, whatever is there now.
    """
    vouchers = [plan.builder_trust, *map(str, plan.patch_digests)]
    if setting.options.local:
        local = (
            setting.options.local.url
            if isinstance(setting.options.local, Source)
            else setting.options.local
        )
        # a tree that is used in place is compiled again after each change; nothing else changes
        which = [] if source.in_place else [str(source.digest)]
        return setting.project.workspace.ccache_of("own", str(local), *which, *vouchers)
    trusts = sorted(origin.trust for origin in origins_of(setting.project.catalog))
    known = SourceCache(setting.project.workspace.sources).vouched_for(source.version, trusts)
    pinned = [] if any(one.digest == source.digest for one in known) else [str(source.digest)]
    return setting.project.workspace.ccache_of(*trusts, *pinned, *vouchers)
