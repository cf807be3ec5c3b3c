"""`ingot fetch`: download what builds need, for builds without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from ingot import pipeline
from ingot.cli.documents.parts import failure_parts, kernel_part, source_part
from ingot.cli.shared.common_options import (
    Arches,
    BuilderName,
    CacheDirectory,
    CacheFrom,
    CatalogDirectory,
    Insecure,
    Json,
    Kernels,
    choose,
    make_setting,
)
from ingot.cli.shared.each_kernel import Failed, exit_if_failed, for_each
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Keyring, OwnSource
from ingot.cli.shared.terminal import Terminal, make_console, print_json
from ingot.pipeline import FetchedInputs
from ingot.registry import Registry, check_registry
from ingot.units import size_text

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import FetchDocument


def fetch(
    kernels: Kernels = None,
    arches: Arches = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    builder: BuilderName = None,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    cache_from: CacheFrom = None,
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Get sources and builders, to build without a network later.

    Downloads and verifies the source of each kernel and makes its builder, as `ingot build` does.
    After that, `ingot build --offline` works without a network.

    Files in the cache are not fetched again. A kernel that fails does not stop the others; the
    exit code is then that of the first failure.
    """
    errors = Terminal(stderr=True)
    remote = Registry(check_registry(cache_from), insecure) if cache_from else None
    setting = make_setting(catalog, cache, source=source, cache_from=remote, keyring=keyring)
    progress = make_progress(errors)
    selected = choose(setting, kernels, arches, maintained=True, builder=builder)
    fetched, failed = for_each(
        selected, lambda kernel: pipeline.fetch(setting, kernel, progress), errors
    )
    if as_json:
        print_json(_document(fetched, failed))
    elif fetched:
        make_console().print(_table(fetched))
    exit_if_failed(errors, failed, single=len(selected) == 1)


def _table(fetched: Sequence[FetchedInputs]) -> Table:
    """One row for each source, then one for each builder."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("what", "from", "digest"):
        table.add_column(title, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    sources = {one.source: one.size for one in fetched}
    for source, size in sources.items():
        name = f"linux {source.version}"
        place = f"git {source.commit[:12]}" if source.commit else source.origin
        table.add_row(name, place, str(source.digest), size_text(size) if size else "")
    for builder in dict.fromkeys(one.builder for one in fetched):
        table.add_row(f"builder {builder.name}", "", str(builder.digest), "")
    return table


def _document(fetched: Sequence[FetchedInputs], failed: Sequence[Failed]) -> FetchDocument:
    return {
        "fetched": [
            {
                **kernel_part(one.kernel),
                "source": source_part(one.source, one.size or None),
                "builder": one.builder.name,
                "builder_digest": str(one.builder.digest),
            }
            for one in fetched
        ],
        "failed": failure_parts(failed),
    }
