"""The tables in README and docs that are generated from the catalog and from init's verbs.

In a document, a table is between two comments, which renderers do not show:

    <!-- kernels: begin -->
    <!-- kernels: end -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ingot.catalog import guest_verbs
from ingot.catalog.catalog_directory import Catalog
from ingot.catalog.catalog_model import Kernel
from ingot.errors import UserError
from ingot.files import read_text

_MARKER = re.compile(r"^<!-- (?P<name>\w+): (?P<end>begin|end) -->\n", re.MULTILINE)


def kernels_table(catalog: Catalog) -> str:
    """A row for every series, the newest first."""
    series = dict.fromkeys(kernel.version.series for kernel in reversed(catalog.kernels))
    head = ("series", "versions", "arches", "end of life", *catalog.vmms, "flavors")
    rows = [
        _kernels_row(
            [kernel for kernel in catalog.kernels if kernel.version.series == one], catalog
        )
        for one in series
    ]
    return _table(head, rows) + (
        "\nThe column of a VMM has its first release that officially supports the series, with the"
        " last day for which\nits developers guarantee that, or *yes* where the VMM boots the"
        " series without official support.\n"
    )


def _kernels_row(kernels: Sequence[Kernel], catalog: Catalog) -> list[str]:
    first = kernels[0]
    return [
        str(first.version.series),
        _listed(f"`{kernel.version}`" for kernel in reversed(kernels)),
        _arches(kernels),
        str(first.end_of_life or "unknown"),
        *(_vmm_cell(name, kernels) for name in catalog.vmms),
        _listed(kernel.flavor.name for kernel in kernels),
    ]


def _vmm_cell(vmm: str, kernels: Sequence[Kernel]) -> str:
    """How a VMM supports a series: not, unofficially or officially, and on which arches."""
    serving = [kernel for kernel in kernels if vmm in kernel.vmms]
    if not serving:
        return "no"
    release = serving[0].support.get(vmm)
    arches = _arches(serving)
    notes = [f"{arches} only"] if arches != _arches(kernels) else []
    if shaky := _arches(kernel for kernel in serving if vmm in kernel.experimental):
        notes.append(f"{shaky} experimental")
    end = serving[0].support_ends.get(vmm)
    until = f" until {end}" if end else ""
    support = f"since {release}{until}" if release else "yes"
    return support + (f" ({'; '.join(notes)})" if notes else "")


def _arches(kernels: Iterable[Kernel]) -> str:
    return _listed(kernel.arch.name for kernel in kernels)


def flavors_table(catalog: Catalog) -> str:
    """A row for every flavor of the newest series."""
    newest = catalog.kernels[-1].version
    kernels = [kernel for kernel in catalog.kernels if kernel.version == newest]
    names = dict.fromkeys(kernel.flavor.name for kernel in kernels)
    vmms = {
        name: {vmm for kernel in kernels if kernel.flavor.name == name for vmm in kernel.vmms}
        for name in names
    }
    flavors = [next(one.flavor for one in kernels if one.flavor.name == name) for name in names]
    return _table(
        ("flavor", "for", "VMMs", "features"),
        [
            [
                f"`{flavor.name}`",
                flavor.about,
                _listed(vmm for vmm in catalog.vmms if vmm in vmms[flavor.name]),
                _listed(flavor.features) or "none",
            ]
            for flavor in flavors
        ],
    )


def features_table(catalog: Catalog) -> str:
    """A row for every feature, including those that no flavor has."""
    return _table(
        ("feature", "for", "needs", "since"),
        [
            [f"`{one.name}`", one.about, _listed(one.needs), str(one.since or "")]
            for one in catalog.features.values()
        ],
    )


def verbs_table(_: Catalog) -> str:
    """A row for every verb of the guest's init, which does not depend on the catalog."""
    return _table(
        ("verb and arguments", "a check that passes proves that", "in"),
        [[f"`{verb}`", verb.proves, f"`{verb.source}`"] for verb in guest_verbs.verbs().values()],
    )


TABLES: Mapping[str, Callable[[Catalog], str]] = {
    "kernels": kernels_table,
    "flavors": flavors_table,
    "features": features_table,
    "verbs": verbs_table,
}
"""The tables, by the name in their comments."""


def renew(text: str, catalog: Catalog) -> str:
    """A document's text with its tables generated again.

    A UserError if a begin or end comment has no counterpart, or names an unknown table.
    """
    done, rest = "", text
    while begin := _MARKER.search(rest):
        end = _MARKER.search(rest, begin.end())
        name = begin["name"]
        if name not in TABLES or begin["end"] != "begin":
            raise UserError(
                f"'{begin[0].strip()}' does not begin a known table",
                why=f"the tables are {', '.join(TABLES)}",
            )
        if end is None or (end["name"], end["end"]) != (name, "end"):
            raise UserError(
                f"the table that '{begin[0].strip()}' begins does not end",
                hint=f"write <!-- {name}: end --> after it",
            )
        done += f"{rest[: begin.end()]}{TABLES[name](catalog)}{end[0]}"
        rest = rest[end.end() :]
    return done + rest


def renewals(catalog: Catalog) -> dict[Path, str]:
    """The documents next to the catalog whose tables are out of date, with their new texts.

    The documents are README.md and docs/*.md in the directory that contains the catalog.
    """
    home = catalog.root.parent
    changed = {}
    for path in [home / "README.md", *sorted((home / "docs").glob("*.md"))]:
        text = read_text(path)
        if text is None:
            continue
        try:
            new = renew(text, catalog)
        except UserError as error:
            raise UserError(f"{path}: {error.what}", why=error.why, hint=error.hint) from None
        if new != text:
            changed[path] = new
    return changed


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    lines.insert(1, "|---" * len(head) + "|")
    return "".join(f"{line}\n" for line in lines)
