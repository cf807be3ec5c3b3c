"""`ingot config check`: compare configs with what their fragments ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from ingot import pipeline
from ingot.catalog import Kernel
from ingot.catalog.kernel_selection import ALL
from ingot.cli.documents.parts import kernel_part
from ingot.cli.shared.common_options import (
    Arches,
    CacheDirectory,
    CatalogDirectory,
    Flavors,
    Json,
    Kernels,
    With,
    Without,
    choose,
    make_setting,
)
from ingot.cli.shared.progress_display import kernel_label, make_progress
from ingot.cli.shared.source_options import Keyring, Offline, OwnSource, Patches
from ingot.cli.shared.terminal import Terminal, print_error, print_json
from ingot.errors import ConfigError, IngotError, system_error
from ingot.kconfig.findings import Finding, finding_lines
from ingot.pipeline import Resolved
from ingot.progress import Progress
from ingot.setting import Setting

if TYPE_CHECKING:
    from ingot.cli.documents.verbs import ConfigCheckDocument, ConfigCheckPart


@dataclass(frozen=True, slots=True)
class _Checked:
    """The check of one kernel: its resolved config, or the error that prevented the check."""

    kernel: Kernel
    resolved: Resolved | None
    error: IngotError | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.resolved.findings if self.resolved else ()


def check(
    kernels: Kernels = None,
    arches: Arches = None,
    flavors: Flavors = None,
    with_: With = None,
    without: Without = None,
    source: OwnSource = None,
    keyring: Keyring = None,
    patches: Patches = None,
    offline: Offline = False,
    catalog: CatalogDirectory = None,
    cache: CacheDirectory = None,
    as_json: Json = False,
) -> None:
    """Check configs without compiling.

    Compares every option that a fragment asks for with the value in the resolved config, and
    applies the rules of rules.toml for the kernel's VMMs. A finding names the option, the line
    that asks for it, and the dependency that is not met.

    Checks all arches and flavors, unless --arch or --flavor is given. Exits with 1 if there are
    findings.
    """
    errors = Terminal(stderr=True)
    setting = make_setting(
        catalog, cache, source=source, keyring=keyring, patches=patches, offline=offline
    )
    selected = choose(setting, kernels, arches or [ALL], flavors or [ALL], with_, without)
    progress = make_progress(errors)
    done: list[_Checked] = []
    for kernel in selected:
        one = _check(setting, kernel, progress)
        if not as_json:
            _print(Terminal(), one, known=[str(other.error) for other in done])
        done.append(one)
    if as_json:
        print_json(_document(done))
    _end(done)


def _check(setting: Setting, kernel: Kernel, progress: Progress) -> _Checked:
    try:
        (resolved,) = pipeline.resolve_all(setting, [kernel], progress)
    except (IngotError, OSError) as error:
        cause = system_error(error) if isinstance(error, OSError) else error
        return _Checked(kernel, None, cause)
    return _Checked(kernel, resolved, None)


def _print(console: Terminal, one: _Checked, known: Sequence[str]) -> None:
    """Print the result for one kernel; an error that is in `known` is not printed in full again."""
    if one.resolved is None:
        assert one.error is not None
        label = f" {kernel_label(one.kernel)}: not checked"
        if str(one.error) in known:
            console.say(("✗", "red"), f"{label}, for the same reason")
        else:
            console.say(("✗", "red"), label)
            print_error(console, one.error)
        return
    states = Counter(one.resolved.config.options.values())
    asked = f"{len(one.resolved.plan.requests)} options asked for"
    counts = f"{states['y']} built in, {states['m']} modules"
    mark = ("✗", "red") if one.findings else ("✓", "green")
    console.say(mark, f" {kernel_label(one.kernel)}: {asked}, {counts}")
    for option, value in one.resolved.defaulted:
        line = f"  {option} is not mentioned in the full config; Kconfig made it {value}"
        console.say(line, style="dim")
    console.say_lines("\n".join(finding_lines(one.findings)), indent="  ")


def _end(done: list[_Checked]) -> None:
    wrong = [one for one in done if one.findings]
    failed = [one for one in done if one.error]
    if wrong:
        raise ConfigError(
            f"{len(wrong)} of {len(done)} configs have findings",
            why=", ".join(kernel_label(one.kernel) for one in wrong),
            hint="each finding above says how to fix it; `ingot config explain KERNEL OPTION`"
            " shows more about an option",
        )
    if failed:
        first = failed[0].error
        assert first is not None
        raise typer.Exit(first.exit_code)


def _document(done: Sequence[_Checked]) -> ConfigCheckDocument:
    return {"kernels": [_part(one) for one in done]}


def _part(one: _Checked) -> ConfigCheckPart:
    return {
        **kernel_part(one.kernel),
        "ok": one.error is None and not one.findings,
        "error": str(one.error) if one.error else None,
        "asked": len(one.resolved.plan.requests) if one.resolved else None,
        "findings": [
            {
                "kind": finding.kind.value,
                "option": finding.option,
                "wanted": finding.wanted,
                "value": finding.got,
                "place": str(finding.place) if finding.place else None,
                "text": str(finding),
            }
            for finding in one.findings
        ],
    }
