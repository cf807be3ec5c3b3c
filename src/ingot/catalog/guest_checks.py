"""Guest checks: what init does in a booted guest to test the options of a fragment.

The checks of `fragments/feature/containers.config` are in `containers.toml` next to it, with a
table for each check:

    [[checks]]
    name = "overlay"
    about = "a layer over another, as images and snapshots are made of"
    run = "overlay"                 # a verb of the guest's init, and its arguments
    options = ["OVERLAY_FS"]        # the options it tests: without one of them it fails

`guest_verbs` defines the verbs and their arguments, which docs/checks.md lists. If two fragments
have the same check, it runs once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from ingot.arch import Arch, arch
from ingot.catalog import guest_verbs
from ingot.catalog.value_patterns import (
    PATTERNS,
    Arches,
    Line,
    ModuleName,
    OptionName,
    SeriesName,
    Words,
)
from ingot.errors import UserError, require_none
from ingot.files import read_text
from ingot.toml import FileForm, Mistakes, Place, TomlTable
from ingot.version import Series

OFFERS = (
    "9p", "acpi", "balloon", "block", "console", "keyboard", "kvm", "mmio", "net", "pci", "pmem",
    "poweroff", "ptp", "reboot", "rng", "virtiofs", "vmclock", "vmgenid", "vsock",
)  # fmt: skip
"""What a machine can offer to its guests, and checks can need (boot/vmm/machines.py)."""

DEFAULT_SECONDS = 10
"""The default time limit of a check. Under emulation, setting up a network takes one second."""

_LONGEST = 120
_MOST_WORDS = 59
"""The most words of a line that init reads, less those before `run` (boot/init/main.c)."""


@dataclass(frozen=True, slots=True)
class GuestCheck:
    """A check that init can run in a guest.

    `feature` is the fragment it belongs to, such as `feature/containers`; `run` is the verb and
    its arguments, `seconds` the time limit. The machine has to offer what the check `needs`;
    `modules` are loaded first; `append` is added to the kernel's command line; `options` (without
    `CONFIG_`) are those it tests. `unfit` is the reason why a kernel of this series or arch cannot
    run it, empty if it can.
    """

    name: str
    about: str
    feature: str
    run: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    arches: tuple[str, ...] = ()
    since: Series | None = None
    until: Series | None = None
    seconds: int = DEFAULT_SECONDS
    modules: tuple[str, ...] = ()
    append: str = ""
    options: tuple[str, ...] = ()
    unfit: str = ""

    def fitted(self, series: Series, arch: Arch) -> GuestCheck:
        """The check for kernels of a series on an arch, with the reason if it is `unfit`."""
        reason = ""
        if self.since and series < self.since:
            reason = f"new in {self.since}"
        elif self.until and self.until < series:
            reason = f"removed after {self.until}"
        elif self.arches and arch.name not in self.arches:
            reason = f"not on {arch.name}"
        return replace(self, unfit=reason)


class _CheckTable(TomlTable):
    """One check."""

    name: Words = Field(description="Its name in reports.")
    about: str = Field(description="What it tests, in one line.")
    run: Line = Field(description="A verb of init and its arguments, separated by spaces.")
    needs: list[Words] = Field([], description="What the machine must offer.")
    arches: Arches = Field([], description="Only on these arches.")
    since: SeriesName | None = Field(None, description="The first series that can do it.")
    until: SeriesName | None = Field(None, description="The last series that can do it.")
    seconds: int = Field(DEFAULT_SECONDS, ge=1, le=_LONGEST, description="Its time limit.")
    modules: list[ModuleName] = Field(
        [], description="Modules to load first, unless they are built in."
    )
    append: Line | None = Field(None, description="Parameters to add to the kernel's command line.")
    options: list[OptionName] = Field(min_length=1, description="The options it tests.")


class _ChecksFile(TomlTable):
    """The checks of one fragment."""

    checks: list[_CheckTable] = Field(min_length=1)


_FORM = FileForm(_ChecksFile, {(): _ChecksFile, ("checks", "NAME"): _CheckTable}, PATTERNS)


def load_guest_checks(path: Path, fragment: str) -> tuple[GuestCheck, ...]:
    """The checks of the file `path`, which belong to `fragment`; none if there is no file.

    A UserError lists all mistakes in the file, with their lines.
    """
    text = read_text(path)
    if text is None:
        return ()
    mistakes = Mistakes(path, text)
    tables = _FORM.read_rest(mistakes).checks
    seen = set()
    for index, table in enumerate(tables):
        _note_mistakes(("checks", index), table, mistakes)
        if table.name in seen:
            mistakes.add(("checks", index, "name"), f"two checks have the name '{table.name}'")
        seen.add(table.name)
    mistakes.check()
    return tuple(_check_of(table, fragment) for table in tables)


def validate_guest_checks(fragments: Path) -> None:
    """Read the checks of all fragments; a UserError lists all mistakes in their files."""
    errors = []
    for path in sorted(fragments.glob("*/*.toml")):
        try:
            load_guest_checks(path, f"{path.parent.name}/{path.stem}")
        except UserError as error:
            errors.append(error)
    what = f"{len(errors)} check files in {fragments} have mistakes"
    require_none(errors, what, lambda error: error.why or error.what)


def merged(checks: Iterable[GuestCheck]) -> tuple[GuestCheck, ...]:
    """The checks of several fragments, each once, with the options of all its duplicates.

    A UserError if two different checks have the same name.
    """
    found: dict[str, GuestCheck] = {}
    for check in checks:
        first = found.setdefault(check.name, check)
        if _comparable(first) != _comparable(check):
            raise UserError(
                f"{first.feature} and {check.feature} have different checks named '{check.name}'",
                hint="rename one of them, or make them the same",
            )
        options = tuple(dict.fromkeys((*first.options, *check.options)))
        found[check.name] = replace(first, options=options)
    return tuple(found.values())


def _comparable(check: GuestCheck) -> GuestCheck:
    return replace(check, feature="", options=())


def _note_mistakes(place: Place, table: _CheckTable, mistakes: Mistakes) -> None:
    """Note what the schema allows, but init or the catalog does not."""
    if len(table.run.split()) > _MOST_WORDS:
        mistakes.add((*place, "run"), f"init reads no more than {_MOST_WORDS} words")
    elif wrong := guest_verbs.mistake(table.run.split()):
        mistakes.add((*place, "run"), wrong)
    for index, word in enumerate(table.needs):
        if word not in OFFERS:
            known = ", ".join(OFFERS)
            mistakes.add((*place, "needs", index), f"no machine offers '{word}' (known: {known})")
    for name in table.arches:
        try:
            arch(name)
        except UserError as error:
            mistakes.add_error((*place, "arches"), error)


def _check_of(table: _CheckTable, fragment: str) -> GuestCheck:
    return GuestCheck(
        name=table.name,
        about=table.about,
        feature=fragment,
        run=tuple(table.run.split()),
        needs=frozenset(table.needs),
        arches=tuple(table.arches),
        since=Series.parse(table.since) if table.since else None,
        until=Series.parse(table.until) if table.until else None,
        seconds=table.seconds,
        modules=tuple(table.modules),
        append=table.append or "",
        options=tuple(table.options),
    )
