"""The checks that stand beside the fragments: what a guest does to prove what a fragment promises.

Beside `fragments/feature/containers.config` lies `containers.toml`, with a table per check:

    [[checks]]
    name = "overlay"
    about = "a layer over another, as images and snapshots are made of"
    run = "overlay"                 # a verb of the guest's init, and its words
    options = ["OVERLAY_FS"]        # what it proves: without one of them it fails

`guest_verbs` knows the verbs and their words, which docs/checks.md lists. Two fragments may have
the same check, which is run once.
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
    Option,
    SeriesName,
    Words,
)
from ingot.errors import UserError
from ingot.files import read_text
from ingot.toml import FileForm, Mistakes, Place, TomlTable
from ingot.version import Series

OFFERS = (
    "9p", "acpi", "balloon", "block", "console", "keyboard", "kvm", "mmio", "net", "pci", "pmem",
    "poweroff", "ptp", "reboot", "rng", "virtiofs", "vsock",
)  # fmt: skip
"""What a machine may offer to its guests, and checks may need (boot/vmm/machines.py)."""

DEFAULT_SECONDS = 10
"""How long a check may take that does not say: under emulation, a network is up in one."""

_LONGEST = 120
_MOST_WORDS = 59
"""What init reads of a line, without what stands before the words (boot/init/main.c)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A check that a guest can make.

    `feature` is the fragment it stands beside, such as `feature/containers`; `run` are the words
    for init, `seconds` its bound. It `needs` some of what a machine offers; `modules` are loaded
    first; `append` is what it wants on the kernel's command line; `options` (without `CONFIG_`)
    are what it proves. `unfit` says why a kernel of this series or arch cannot run it, and is
    empty where it can.
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

    def fitted(self, series: Series, arch: Arch) -> Proof:
        """The check as it is for kernels of a series on an arch."""
        reason = ""
        if self.since and series < self.since:
            reason = f"it came with {self.since}"
        elif self.until and self.until < series:
            reason = f"it went after {self.until}"
        elif self.arches and arch.name not in self.arches:
            reason = f"{arch.name} has none"
        return replace(self, unfit=reason)


class _CheckTable(TomlTable):
    """One check."""

    name: Words = Field(description="What reports call it.")
    about: str = Field(description="What it proves, in one line.")
    run: Line = Field(description="The words for init, parted by a space.")
    needs: list[Words] = Field([], description="What the machine must offer.")
    arches: Arches = Field([], description="Only on these arches.")
    since: SeriesName | None = Field(None, description="The first series that can do it.")
    until: SeriesName | None = Field(None, description="The last series that can do it.")
    seconds: int = Field(DEFAULT_SECONDS, ge=1, le=_LONGEST, description="Its bound.")
    modules: list[ModuleName] = Field([], description="Modules to load first, if they are modules.")
    append: Line | None = Field(None, description="Words for the kernel's command line.")
    options: list[Option] = Field(min_length=1, description="What it proves.")


class _ChecksFile(TomlTable):
    """The checks of one fragment."""

    checks: list[_CheckTable] = Field(min_length=1)


_FORM = FileForm(_ChecksFile, {(): _ChecksFile, ("checks", "NAME"): _CheckTable}, PATTERNS)


def load_proofs(path: Path, fragment: str) -> tuple[Proof, ...]:
    """The checks of the file `path`, beside the fragment of that name; none if there is no file.

    A UserError tells all that is wrong in it, with its lines.
    """
    text = read_text(path)
    if text is None:
        return ()
    mistakes = Mistakes(path, text)
    tables = _FORM.read(mistakes).checks
    seen = set()
    for index, table in enumerate(tables):
        _check(("checks", index), table, mistakes)
        if table.name in seen:
            mistakes.add(("checks", index, "name"), f"there are two checks '{table.name}'")
        seen.add(table.name)
    mistakes.check()
    return tuple(_proof(table, fragment) for table in tables)


def check_proofs(fragments: Path) -> None:
    """Read the checks of all fragments; a UserError has all that is wrong in their files."""
    errors = []
    for path in sorted(fragments.glob("*/*.toml")):
        try:
            load_proofs(path, f"{path.parent.name}/{path.stem}")
        except UserError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UserError(
            f"{len(errors)} files of checks in {fragments} have mistakes",
            why="\n".join(error.why or error.what for error in errors),
        )


def merged(proofs: Iterable[Proof]) -> tuple[Proof, ...]:
    """The checks of several fragments, each once; what is the same proves the options of all.

    A UserError if two that are called the same are not.
    """
    found: dict[str, Proof] = {}
    for proof in proofs:
        there = found.setdefault(proof.name, proof)
        if _what_counts(there) != _what_counts(proof):
            raise UserError(
                f"{there.feature} and {proof.feature} have different checks '{proof.name}'",
                hint="call one of them otherwise, or make them the same",
            )
        options = tuple(dict.fromkeys((*there.options, *proof.options)))
        found[proof.name] = replace(there, options=options)
    return tuple(found.values())


def _what_counts(proof: Proof) -> Proof:
    return replace(proof, feature="", options=())


def _check(place: Place, table: _CheckTable, mistakes: Mistakes) -> None:
    """Note what the form allows and init or the catalog does not."""
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


def _proof(table: _CheckTable, fragment: str) -> Proof:
    return Proof(
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
