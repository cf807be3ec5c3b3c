"""`ingot config edit`: change a config in Kconfig's menu, and keep the change as a fragment."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer

from ingot import pipeline
from ingot.catalog import Catalog
from ingot.cli.shared.common_options import (
    CacheDirectory,
    CatalogDirectory,
    KernelName,
    choose_one,
    make_setting,
)
from ingot.cli.shared.completion import complete_features
from ingot.cli.shared.progress_display import kernel_label, make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource
from ingot.cli.shared.terminal import Terminal, print_line
from ingot.errors import MachineError, UserError
from ingot.files import write_atomic
from ingot.kconfig import Config
from ingot.kconfig.option_requests import requests_between
from ingot.pipeline import Resolved

_TITLE = "# Changed in menuconfig, on "


def edit(
    kernel: KernelName,
    feature: Annotated[
        str,
        typer.Option(
            "--feature",
            metavar="NAME",
            help="The feature whose fragment gets the changes.",
            autocompletion=complete_features,
        ),
    ] = "custom",
    source: OwnSource = None,
    keyring: Keyring = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
) -> None:
    """Edit a kernel's config in menuconfig.

    The menu runs in the builder. Your changes are written to the fragment of a feature,
    fragments/feature/NAME.config. Build it with `--with NAME`, or list the feature in a flavor.
    To continue later, edit 6.1-with-NAME.
    """
    setting = make_setting(catalog, cache, source=source, keyring=keyring, offline=offline)
    setting.project.catalog.require_feature_name(feature)
    setting.project.catalog.require_writable()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MachineError(
            "menuconfig needs a terminal",
            hint="run `ingot config edit` in a terminal, or edit the fragment file",
        )
    wanted = choose_one(setting, kernel)
    if (full := setting.project.catalog.config_file(wanted)).is_file():
        raise UserError(
            f"this kernel's config is {full}, and its fragments are not used",
            hint="edit that file, or remove it to use the fragments again",
        )
    console = Terminal(stderr=True)
    resolved, edited = pipeline.edit(setting, wanted, make_progress(console))
    lines, refused = _sort_out(resolved, edited, f"feature/{feature}.config")
    if not lines and not refused:
        console.say("nothing was changed")
        return
    if lines:
        # printed first, so that the user's changes are not lost if they cannot be saved
        for option, value in lines.items():
            print_line(f"CONFIG_{option}={value}")
        _save(setting.project.catalog, feature, lines, kernel_label(wanted))
        console.say(f"saved in fragments/feature/{feature}.config")
        console.say(("next:", "bold"), f" ingot build {kernel} --with {feature}")
    if refused:
        raise UserError(
            f"{len(refused)} changes contradict other fragments, and were not saved",
            why="\n".join(refused),
            hint="change these lines of the fragments",
        )


def _sort_out(resolved: Resolved, edited: Config, own: str) -> tuple[dict[str, str], Sequence[str]]:
    """The options to add to the fragment `own`, and the changes that other fragments forbid."""
    changed = requests_between(resolved.config, edited, resolved.table)
    lines, refused = {}, []
    for option, value in changed.items():
        request = resolved.plan.requests.get(option)
        if request is None or request.place.fragment == own or (request.value, value) == ("m", "y"):
            lines[option] = value
        else:
            refused.append(f"{request.place} wants CONFIG_{option}={request.value}, not {value}")
    return lines, refused


def _save(catalog: Catalog, feature: str, lines: Mapping[str, str], label: str) -> None:
    """Add the lines to the feature's fragment, and the feature to the catalog if it is new.

    Either both are written or neither, since a catalog with only one of them cannot be loaded.
    """
    path = catalog.fragment_file(f"feature/{feature}")
    kept = path.read_text(encoding="utf-8") if path.is_file() else f"# Feature: {feature}.\n"
    others = _without_bare_titles(line for line in kept.splitlines() if not _sets(line, lines))
    block = [f"{_TITLE}{label}.", *(f"CONFIG_{name}={value}" for name, value in lines.items())]
    write_atomic(path, "\n".join([*others, "", *block, ""]).encode())
    if feature not in catalog.features:
        try:
            catalog.add_feature(feature, "what was changed in menuconfig")
        except BaseException:
            path.unlink()
            raise


def _without_bare_titles(lines: Iterable[str]) -> list[str]:
    """The lines without the titles of changes that are gone, and without empty lines at the end."""
    kept: list[str] = []
    for line in [*lines, ""]:
        if kept and kept[-1].startswith(_TITLE) and not line.strip():
            kept.pop()
        if line.strip() or (kept and kept[-1].strip()):
            kept.append(line)
    return kept[:-1] if kept and not kept[-1].strip() else kept


def _sets(line: str, lines: Mapping[str, str]) -> bool:
    match = re.match(r"(?:# )?CONFIG_(\w+)(?:=| is not set)", line)
    return bool(match and match[1] in lines)
