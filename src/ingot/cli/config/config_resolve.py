"""`ingot config resolve`: write resolved configs to the catalog, to be committed."""

from __future__ import annotations

from ingot import pipeline
from ingot.cli.shared.common_options import (
    Arches,
    CacheDirectory,
    CatalogDirectory,
    Flavors,
    Kernels,
    choose,
    make_setting,
)
from ingot.cli.shared.progress_display import make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource
from ingot.cli.shared.terminal import Terminal, print_line
from ingot.errors import UserError
from ingot.files import write_atomic
from ingot.pipeline import locked_text


def resolve(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Write resolved configs to the catalog's configs/.

    Such a config is a lock file for the fragments: builds use it, and refuse it if the fragments
    have changed since. Without it, every build resolves the fragments. A config that you put there
    yourself is never overwritten.
    """
    setting = make_setting(catalog, cache, source=source, keyring=keyring, offline=offline)
    setting.project.catalog.require_writable()
    selected = choose(setting, kernels, arches, flavors)
    for kernel in selected:
        path = setting.project.catalog.config_file(kernel)
        if setting.project.catalog.has_own_config(kernel):
            raise UserError(
                f"{path} was not written by Ingot, and is not overwritten",
                hint="remove it to use the fragments again",
            )
    progress = make_progress(Terminal(stderr=True))
    for resolved in pipeline.resolve_all(setting, selected, progress, fresh=True):
        pipeline.require_sound(resolved)
        path = setting.project.catalog.config_file(resolved.kernel)
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, locked_text(resolved).encode())
        print_line(str(path))
