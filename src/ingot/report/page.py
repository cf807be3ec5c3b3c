"""The report as a self-contained HTML page: it loads no script, font or picture.

Its templates, style sheet and script are in `templates/`. All texts from images are escaped; if
that ever failed, the Content-Security-Policy of the page would still allow only its own script.
Source of the policy: W3C, Content Security Policy Level 3.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from ingot import __version__
from ingot.images import BASE
from ingot.printable import one_line
from ingot.report import charts, wording
from ingot.report.report_data import KernelEntry, Report
from ingot.report.treemap import map_directories, map_files

_TEMPLATES = Path(__file__).parent / "templates"
_OPEN_MOST = 6
"""If there are more kernels than this, only the first one is expanded."""
_SHOWN = 14
"""How many initcalls, and missing options, are listed by name."""

_FILTERS = {
    "anchor": wording.anchor,
    "cell_name": wording.cell_name,
    "day": wording.day,
    "duration": wording.duration,
    "figure": wording.figure,
    "files": map_files,
    "flavor": wording.flavor,
    "directory": charts.directory_name,
    "directories": map_directories,
    "hue": charts.directory_hue,
    "label": wording.label,
    "legend": charts.legend,
    "percent": wording.percent,
    "place": wording.place,
    "size": wording.size,
    "summary": wording.summary,
}


def render_page(report: Report, today: datetime.date | None = None) -> str:
    """The page; with `today`, it shows which series have ended by then."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    script, style, icon = (_read(name) for name in ("page.js", "page.css", "icon.svg"))
    profiles = [entry.profile for entry in report.entries if entry.profile]
    environment.globals.update(
        report=report,
        today=today,
        about={**report.vmms, **report.features},
        phase_hues=charts.phase_hues(report.entries),
        most_bytes=max((entry.kernel_size or 0 for entry in report.entries), default=0),
        most_instructions=max((profile.instructions for profile in profiles), default=0),
        base=BASE,
        shown=_SHOWN,
        open_most=_OPEN_MOST,
    )
    return environment.get_template("page.html.j2").render(
        program=__version__,
        series=dict.fromkeys(entry.series for entry in report.entries),
        arches=sorted({entry.facts.arch for entry in report.entries}),
        tiles=_tiles(report.entries, today),
        size_rows=charts.size_rows(report.entries),
        boot_rows=charts.boot_rows(report.entries),
        cve_rows=charts.cve_rows(report.entries),
        policy=_policy(script),
        script=Markup(script),
        style=Markup(style),
        icon=base64.b64encode(icon.encode()).decode(),
    )


def _shown(value: object) -> object:
    """A value of a template; texts from images lose invisible characters, such as those of UAX #9.

    The template engine escapes markup after this.
    """
    return one_line(value) if type(value) is str else value


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """The Content-Security-Policy: the page loads nothing, and runs only its own script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _tiles(entries: Sequence[KernelEntry], today: datetime.date | None) -> list[dict[str, str]]:
    """The key figures: a title, the figure, and the kernel or series that it belongs to."""
    tiles = []
    sized = [(entry.kernel_size, entry) for entry in entries if entry.kernel_size]
    if sized:
        size, entry = min(sized, key=lambda pair: pair[0])
        tiles.append(("Smallest kernel", wording.size(size), wording.label(entry)))
    booted = [(entry.profile, entry) for entry in entries if entry.profile]
    if booted:
        profile, entry = min(booted, key=lambda pair: pair[0].instructions)
        figure = wording.duration(profile.instructions)
        tiles.append(("Quickest to init", figure, wording.label(entry)))
        profile, entry = min(booted, key=lambda pair: pair[0].memory_used)
        tiles.append(("Least memory", wording.size(profile.memory_used), wording.label(entry)))
    judged = [(entry.cves, entry) for entry in entries if entry.cves]
    if judged:
        cves, entry = min(judged, key=lambda pair: (pair[0].affected, pair[0].undecided))
        figure = f"{cves.affected} of {cves.open:,}"
        tiles.append(("Fewest CVEs compiled in", figure, wording.label(entry)))
    dated = [
        (entry.end_of_life, entry)
        for entry in entries
        if entry.end_of_life and not entry.ended(today)
    ]
    if dated:
        end, entry = max(dated, key=lambda pair: pair[0])
        tiles.append(("Maintained longest", str(end), f"series {entry.series}"))
    ended = {entry.series for entry in entries if entry.ended(today)}
    if ended:
        names = ", ".join(map(str, sorted(ended)))
        tiles.append(("No longer maintained", names, "series that have ended"))
    return [dict(zip(("what", "figure", "whose"), tile, strict=True)) for tile in tiles]
