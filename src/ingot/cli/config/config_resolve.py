"""`ingot config resolve`: write configs into the catalog, to be committed."""

from __future__ import annotations

from ingot import pipeline
from ingot.cli.shared.common_options import (
    Arches,
    CacheFolder,
    CatalogFolder,
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
from ingot.pipeline import locked_text, written_by_hand


def resolve(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    offline: Offline = False,
    catalog: CatalogFolder = None,
    cache: CacheFolder = None,
) -> None:
    """Write resolved configs to the catalog's configs/.

    A config written there is to its fragments what a lock file is to a list of dependencies:
    builds use it, and refuse it once the fragments say something else. Without such a file,
    builds resolve the fragments themselves. A config put there by hand is never overwritten.
    """
    setting = make_setting(catalog, cache, source=source, keyring=keyring, offline=offline)
    selected = choose(setting, kernels, arches, flavors)
    for kernel in selected:
        path = setting.project.catalog.config_file(kernel)
        if written_by_hand(path):
            raise UserError(
                f"{path} was put there by hand, and stays as it is",
                hint="remove it, if the fragments are to decide again",
            )
    progress = make_progress(Terminal(stderr=True))
    for resolved in pipeline.resolve_all(setting, selected, progress, fresh=True):
        pipeline.require_sound(resolved)
        path = setting.project.catalog.config_file(resolved.kernel)
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, locked_text(resolved).encode())
        print_line(str(path))
